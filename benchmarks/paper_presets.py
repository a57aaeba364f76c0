"""What the paper's presets find, and whether their own objective has reached its optimum.

    python benchmarks/paper_presets.py STUDY --root DIR [--model DIR] [--images 12]
        [--presets paper-histology paper-dermoscopy] [--out paper_presets.jsonl] [--workers 2]
        [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. Images: of each
class of the test set (without copies of the training set) the first by SHA-256 of the file, in
turn, without those that ship with the package. Each is explained with each preset and, for
comparison, with `default`. The loss of the preset, term by term, is then computed for the mask
that it gave, cut at one half as it is exported; for the empty mask; and for the mask of `default`:
over the same 32 random baselines for all three.

Every image is a line of --out as soon as it is done; started again, the command continues where
it was. The tables are printed from that file alone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, replace

import torch
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import count, heading, middle, share, table
from seeds import packed
from study_images import study_images

from med_cam.case.case import Case, observed, reference_of
from med_cam.case.round_trip import reread
from med_cam.case.seeds import AFTER, fresh
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam.search.objective import objective
from med_cam.search.train import infill
from med_cam_studies.training.catalogue import STUDIES

PAPERS = ("paper-histology", "paper-dermoscopy")
DRAWS = 32  # random baselines over which a loss is the mean
MASKS = ("the preset's", "empty", "default's")
SMALL = (0.02, 0.20)  # the areas that the paper's figures show


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "paper_presets.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--presets", nargs="+", choices=PAPERS, default=list(PAPERS))
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image with every preset that --out does not have yet."""
    images = study_images(options.study, options.root, most=options.images)
    configs = {name: preset(name) for name in options.presets}
    explain_missing(options, images, explained, configs, "preset")


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image with one preset, and the losses of three masks."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    ours = explain(bench.classifier, image, config=preset("default"), references=bench.references)
    searched = [result for result in found.claim.baselines if result.searched]
    return {
        "answer": found.label,
        "area": found.area,
        "components": found.components,
        "label_stays": all(r.retained_top1 == r.samples for r in searched),
        "retained": all(r.retained == r.samples for r in searched),
        "verified": found.verified,
        "status": found.status,
        "default_area": ours.area,
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "seconds": found.seconds,
        "mask": packed(found.mask),
        "losses": losses(bench, task.config, image, (found, ours)),
    }


def losses(
    bench: Bench, config: Config, image: Image, both: tuple[Explanation, Explanation]
) -> dict[str, dict[str, float]]:
    """The preset's loss and its weighted terms: for its mask, the empty one, and default's."""
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, config, references=bench.references)
        own, default = (reread(case, found.mask).float() for found in both)
        masks = (own, torch.zeros_like(own), default)
        return {name: loss(case, mask) for name, mask in zip(MASKS, masks, strict=True)}


@torch.no_grad()
def loss(case: Case, mask: torch.Tensor) -> dict[str, float]:
    """The weighted terms over as many random baselines, and their sum."""
    settings, names = case.config.objective, case.config.verification.baselines
    generator = fresh(case, AFTER)
    masks = mask.expand(DRAWS, -1, -1, -1)
    seen = case.outputs.over(masks, infill(case.scene, names[:1], masks, generator))
    redrawn = case.outputs.over(masks, infill(case.scene, names, masks, generator))
    total, parts = objective(seen, redrawn, masks, reference_of(case, 0.5), settings)
    weights = asdict(replace(settings.weights, failure=0.0))
    return {"loss": total.item()} | {n: weights[n] * v for n, v in parts.items() if weights[n]}


def report(lines: Sequence[dict]) -> str:
    """What was found, and the losses."""
    names = dict.fromkeys(line["preset"] for line in lines)
    rows = {name: [line for line in lines if line["preset"] == name] for name in names}
    by_mask = {
        f"{name}, {mask} mask": [line["losses"][mask] for line in of]
        for name, of in rows.items()
        for mask in MASKS
    }
    terms = list(lines[0]["losses"][MASKS[0]])
    means = {term: middle(term, ".2f") for term in terms}
    found, costs = table(COLUMNS, rows), table(means, by_mask)
    return f"{heading(lines)}\n\n{found}\n\nLosses, weighted, medians:\n\n{costs}"


COLUMNS = {
    "images": count,
    "median area": middle("area", ".3f"),
    "2 to 20%": share(lambda line: SMALL[0] <= line["area"] <= SMALL[1]),
    "label stays over grey and noise": share(lambda line: line["label_stays"]),
    "retained": share(lambda line: line["retained"]),
    "loss below the empty mask's": share(
        lambda line: line["losses"][MASKS[0]]["loss"] < line["losses"]["empty"]["loss"]
    ),
    "below that of default's mask": share(
        lambda line: line["losses"][MASKS[0]]["loss"] <= line["losses"][MASKS[2]]["loss"]
    ),
    "parts": middle("components"),
    "verified": share(lambda line: line["verified"]),
    "default's area": middle("default_area", ".3f"),
    "forward": middle("forward"),
    "backward": middle("backward"),
}


if __name__ == "__main__":
    raise SystemExit(main())
