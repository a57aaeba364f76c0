"""Our masks against other methods' and controls, all reduced, certified and tested alike.

    python benchmarks/methods.py --root BRAIN_MRI_ROOT [--model DIR] [--per-class 15]
        [--methods NAME ...] [--out results.jsonl] [--workers 2] [--table-only]

Images: the test set without what the training set holds byte for byte, of each class the first by
SHA-256 of the file, without those that ship as samples or reference images. The classifier's own
prediction is explained, right or wrong. Every method gives maps of scores and nothing else; from
there on all are treated as ours: pooled over the image's regions, cut at the smallest share that
has the margin, pruned, certified on new random samples, within the same budget of passes after the
map. The paper's presets are cut at one half instead, as the paper has it. `rex` needs the package
rex-xai (version 0.4.1 was used).

Every result is a line of --out as soon as it is there; started again, the command continues
where it was. The tables are printed from that file alone.
"""

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from responsibility import rex
from rows import Column, by_prediction, count, heading, mean, middle, share, table
from study_images import brain_mri_images

from med_cam.case.case import Case, observed, reference_of
from med_cam.case.seeds import CANDIDATES, SEARCH, fresh
from med_cam.certification.certificate import response_of
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.pipeline.budget import from_here
from med_cam.pipeline.certify import Certified, certified
from med_cam.pipeline.explain import as_certified
from med_cam.pipeline.found import Found
from med_cam.pipeline.propose import candidate_rules, made_of_regions, proposed, whole_image
from med_cam.pipeline.region_mask import mask_of_regions
from med_cam.search.starts import best_of_starts
from med_cam.search.train import look_at_discs
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.candidates import candidate_judge
from med_cam_studies.methods.comparators import METHODS

OTHERS = {**METHODS, "rex": rex}
OURS = "default"


def searches() -> Mapping[str, Config]:
    """What is searched by the objective: our preset, it without its U-Net, the paper's presets."""
    ours = preset(OURS)
    return {
        OURS: ours,
        "direct_grid": replace(ours, search=replace(ours.search, widths=(), learning_rate=0.1)),
        "direct_pixels": replace(ours, search=replace(ours.search, widths=(), grid=0)),
        "paper-histology": preset("paper-histology"),
        "paper-dermoscopy": preset("paper-dermoscopy"),
    }


def main() -> int:
    """Run what is missing, print the tables."""
    known = [*searches(), *OTHERS]
    parser = resumed_parser(__doc__, "methods.jsonl")
    parser.add_argument("--per-class", type=int, default=15)
    parser.add_argument("--methods", nargs="+", choices=known, default=known, metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image by every method that --out does not have yet."""
    configs = {name: config_of(name, options.seed) for name in options.methods}
    images = brain_mri_images(options.root, options.per_class)
    explain_missing(options, images, explained, configs, "method")


def config_of(method: str, seed: int) -> Config:
    """The method's own settings, or for other methods our refinement and verification."""
    return replace(searches().get(method, preset(OURS)), seed=seed)


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image by one method."""
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, task.config, references=bench.references)
        return {
            "answer": case.target.label,
            "probability": case.target.p_image,
        } | measured(case, task.variant)


def measured(case: Case, method: str) -> dict[str, object]:
    """The maps, the mask made of them, its certificate, and what they cost."""
    begun = time.perf_counter()
    response = response_of(case)
    before, mapping = case.cost(), time.perf_counter()
    if response.decision.given_by:
        found, mapped, after = whole_image(case, response), mapping, before
        reduction = None
    else:
        maps = maps_of(case, method, response)
        mapped, after = time.perf_counter(), case.cost()
        found, reduction = reduced(from_here(case), maps, response)
    return outcome(found, reduction) | {
        "map_forward": after.forward - before.forward,
        "map_backward": after.backward - before.backward,
        "map_seconds": mapped - mapping,
        "forward": case.cost().forward,
        "backward": case.cost().backward,
        "seconds": time.perf_counter() - begun,
    }


def maps_of(case: Case, method: str, response: BaselineResponse) -> torch.Tensor:
    """The method's maps of scores; of ours several, among which the cut chooses."""
    generator = fresh(case, SEARCH)
    if method in OTHERS:
        return OTHERS[method](case, generator).detach()
    reference = reference_of(case, response.decision.threshold)
    looked = look_at_discs(case, generator)
    return best_of_starts(case, reference, generator, looked)[0]


def reduced(case: Case, maps: torch.Tensor, response: BaselineResponse) -> tuple[Found, Certified]:
    """The mask of these maps as small as it goes, with its certificate."""
    if made_of_regions(case.config):
        found = mask_of_regions(case, maps, response)
    else:
        rules, samples = candidate_rules(case.config), fresh(case, CANDIDATES)
        judge = candidate_judge(case.batched, case.target, rules, samples)
        found = proposed(case, maps, judge.suffices, moves=judge.moves)
    certificate = certified(case, found)
    return as_certified(found, certificate), certificate


def outcome(found: Found, certificate: Certified | None) -> dict[str, object]:
    """Area and claim, for the record."""
    claim = found.claim
    return {
        "area": found.area,
        "holds": claim.holds,
        "tried": 0 if certificate is None else certificate.tried,
        "cut_short": found.cut_short,
        "checks": {c.name: {"value": c.value, "passed": c.passed} for c in claim.checks},
        "baselines": {b.name: b.retained / b.samples for b in claim.baselines},
        "searched": claim.searched,
        "warnings": claim.warnings,
    }


def report(lines: Sequence[dict]) -> str:
    """All tables as Markdown."""
    images = {line["sha256"]: line for line in lines}
    right = sum(line["answer"] == line["label"] for line in images.values())
    head = f"{heading(lines)}: {len(images)} images, {right} predicted correctly."
    by_method = {m: [li for li in lines if li["method"] == m] for m in order(lines)}
    parts = [head, table(COLUMNS, by_method)]
    for method in (m for m in (OURS, "paper-histology", "paper-dermoscopy") if m in by_method):
        unseen = list(by_method[method][0]["baselines"])
        columns = CLASS_COLUMNS | {f"retained over {b}": over(b) for b in unseen}
        rows = by_prediction(by_method[method])
        parts += [f"`{method}` by predicted class:", table(columns, rows)]
    return "\n\n".join(parts)


def order(lines: Sequence[dict]) -> list[str]:
    """Methods that have results, ours first."""
    there = {line["method"] for line in lines}
    return [name for name in (*searches(), *OTHERS) if name in there]


def over(baseline: str) -> Column:
    """A column: mean share of random samples of a baseline on which the prediction is retained."""
    return mean(lambda line: line["baselines"][baseline], ".0%")


def check(name: str) -> Column:
    """A column: how many results pass one check of the claim."""
    return share(lambda line: line["checks"][name]["passed"])


COLUMNS = {
    "images": count,
    "median area": middle("area", ".3f"),
    "mean area": mean("area", ".3f"),
    "above half": share(lambda line: line["area"] > 0.5),
    "verified below half": share(lambda line: line["holds"] and line["area"] < 0.5),
    "first certificate holds": share(lambda line: line["holds"] and line["tried"] == 1),
    "ended by the budget": share(lambda line: line["cut_short"]),
    "retained": check("sufficiency"),
    "no shape leakage": check("shape_leakage"),
    "shift-stable": check("shift_stability"),
    "map forward": middle("map_forward"),
    "map backward": middle("map_backward"),
    "map seconds": middle("map_seconds", ".1f"),
    "all forward": middle("forward"),
    "all backward": middle("backward"),
    "all seconds": middle("seconds", ".1f"),
}
CLASS_COLUMNS = {
    name: COLUMNS[name]
    for name in (
        "images",
        "median area",
        "verified below half",
        "retained",
        "no shape leakage",
        "shift-stable",
    )
}


if __name__ == "__main__":
    raise SystemExit(main())
