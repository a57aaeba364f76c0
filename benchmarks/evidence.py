"""What the tests show of the evidence, and of masks that do not depend on the classifier.

    python benchmarks/evidence.py STUDY --root DIR [--model DIR] [--images 40] [--alternatives 1]
        [--out evidence.jsonl] [--workers 2] [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. Images: of each
class of the test set (without copies of the training set) the first by SHA-256 of the file, in
turn, without those that ship with the package. Each is explained with the default preset and
written as a result; the result is read back and every claim of it re-checked, with 16 masked
inputs per pass, for the first ten images also with one per pass, as in the explanation. Then the
same certificate is computed for a centre disc, a smooth random mask and Grad-CAM's map, all cut
to the area of our mask.

Every image is a line of --out as soon as it is done; started again, the command continues where
it was. The tables are printed from that file alone.
"""

import argparse
import re
import statistics
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import Column, by_prediction, count, heading, middle, share, table
from seeds import packed
from study_images import study_images

from med_cam.case.case import observed
from med_cam.case.round_trip import exported
from med_cam.case.seeds import AFTER, fresh
from med_cam.certification.certificate import certificate_of, response_of
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.masking.masks import keep_most
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Recheck
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import Saved, read_saved
from med_cam.report.write import write
from med_cam.results.explanation import Explanation
from med_cam_studies.evaluation.json_lines import read_lines
from med_cam_studies.methods.comparators import METHODS
from med_cam_studies.training.catalogue import STUDIES

MANY, BOTH = 16, 10  # masked inputs per pass; images that are re-checked one per pass too
CONTROLS = ("centre_disc", "smooth_random", "grad_cam")


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "evidence.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--alternatives", type=int, default=1)
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    ours = preset("default")
    images = study_images(options.study, options.root, most=options.images)
    rules = replace(ours.certification, alternatives=options.alternatives)
    if options.model is None:
        images = replace(images, references=())
    explain_missing(options, images, explained, {None: replace(ours, certification=rules)})


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image: explained, re-checked twice, and the controls."""
    config = task.config
    found = explain(bench.classifier, image, config=config, references=bench.references)
    line = {
        "answer": found.label,
        "probability": found.before[found.target],
        "verified": found.verified,
        "status": found.status,
        "area": found.area,
        "warnings": list(found.claim.warnings),
        "mask": packed(found.mask),
        "timeline": {s.name: (s.forward, s.backward, s.seconds) for s in found.timeline},
        "looked_further": config.certification.alternatives > 0,
        "controls": controls(found, image, bench, config),
    }
    return line | tested(found) | checked_again(found, image, bench, config)


def tested(found: Explanation) -> dict[str, object]:
    """The numbers of the mask's tests."""
    tests, certificate = found.tests, found.claim.certificate
    if tests is None or certificate is None:
        return {"tested": False}
    reduction = tests.minimality
    return {
        "tested": True,
        "bound": certificate.bound,
        "tried": certificate.tried,
        "certified": certificate.holds,
        "before": found.area if reduction is None else reduction.before,
        "patches": 0 if reduction is None else len(reduction.patches),
        "needed": 0 if reduction is None else reduction.needed,
        "minimal": reduction is not None and reduction.holds,
        "necessary": tests.necessity.holds,
        "changed": tests.necessity.changed / tests.necessity.samples,
        "reinsertion": tests.reinsertion.hits / tests.reinsertion.trials,
        "reinsertion_bound": tests.reinsertion.bound,
        "alternatives": len(tests.alternatives),
        "remainder_sufficient": tests.remainder_sufficient,
        "silhouette": tests.silhouette.hits,
        "shape_leakage": tests.shape_leakage.hits,
        "random_regions": None if tests.random_regions is None else tests.random_regions.hits,
    }


def checked_again(
    found: Explanation, image: Image, bench: Bench, config: Config
) -> dict[str, object]:
    """The result written and read back, and every claim of it re-checked."""
    classifier = bench.classifier
    origin = provenance(
        image,
        classifier,
        config,
        preset="default",
        software={},
        references=bench.references,
    )
    with tempfile.TemporaryDirectory() as folder:
        write(found, image, Path(folder) / "result", origin)
        saved = read_saved(Path(folder) / "result", classifier.channels)
        alone = without_further(saved)
        many = rechecked(classifier, alone, bench.references, Options(batch=MANY))
        both = len(read_lines(bench.out)) < BOTH
        one = rechecked(classifier, alone, bench.references, Options(batch=1)) if both else many
        further = found.tests is not None and found.tests.alternatives
        full = many
        if further:
            full = rechecked(classifier, saved, bench.references, Options(batch=MANY))
    return {
        "holds_again": full.holds and one.holds,
        "batches": [1, MANY] if both else [MANY],
        "same_verdicts": named(one) == named(many) == named(full)[: len(many.verdicts)],
        "same_figures": all(v.was == v.figure for v in full.verdicts),
        "claims": len(full.verdicts),
        "verify_passes": many.passes.forward,
        "verify_all_passes": full.passes.forward,
    }


def named(found: Recheck) -> list[tuple[str, bool]]:
    """Claims and whether they hold."""
    return [(verdict.name, verdict.now) for verdict in found.verdicts]


def without_further(saved: Saved) -> Saved:
    """The same result without further masks: the claims on the explanation itself."""
    tests = saved.document["tests"]
    if tests is None:
        return saved
    tests = {**tests, "alternatives": [], "remainder_sufficient": None}
    return replace(saved, document={**saved.document, "tests": tests}, alternatives=())


def controls(found: Explanation, image: Image, bench: Bench, config: Config) -> dict[str, object]:
    """The same certificate for masks of other origin and the same area."""
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, config, references=bench.references)
        response = response_of(case)
        results = {}
        for name in CONTROLS:
            scores = METHODS[name](case, fresh(case, AFTER)).detach()
            mask = exported(case, keep_most(scores, found.area))
            claim = certificate_of(case, mask, response, 1)
            certificate = claim.certificate
            results[name] = {
                "holds": claim.holds,
                "certified": certificate is not None and certificate.holds,
                "bound": 0.0 if certificate is None else certificate.bound,
            }
    return results


def report(lines: Sequence[dict]) -> str:
    """All tables as Markdown."""
    rows = by_prediction(lines) | {"all": list(lines)}
    parts = [f"{heading(lines)}: {len(lines)} images, by predicted class."]
    parts += [table(COLUMNS, rows), table(COSTS, rows), "Passes forward and seconds, medians:"]
    parts += [table(stage_columns(lines), rows), "Masks of the area of ours:"]
    parts += [table(CONTROL_COLUMNS, by_control(lines)), "Warnings, images each:", *kinds(lines)]
    return "\n\n".join(parts)


def of_tested(value: Callable[[dict], float], form: str = ".3f") -> Column:
    """A column: the median of a number, of the results that have it."""
    return middle(lambda line: value(line) if line["tested"] else None, form)


def further(test: Callable[[dict], object]) -> Column:
    """A column: how many results pass a test, of those for which further masks were looked for."""

    def column(lines):
        looked = [li for li in lines if li["tested"] and li.get("looked_further", True)]
        return f"{sum(bool(test(li)) for li in looked)} of {len(looked)}"

    return column


def smaller(lines):
    """By how much the median area is smaller after the 1-minimal reduction."""
    pairs = [(li["before"], li["area"]) for li in lines if li["tested"]]
    if not pairs:
        return "-"
    before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"{1 - after / before:.0%}"


def summed(lines, key):
    """The sum of a number over all results that have it."""
    return sum(line.get(key, 0) for line in lines)


COLUMNS = {
    "images": count,
    "verified": share(lambda li: li["verified"]),
    "certified": share(lambda li: li.get("certified")),
    "lowest bound": lambda lines: f"{min(li.get('bound', 0.0) for li in lines):.3f}",
    "at the first mask": share(lambda li: li.get("tried") == 1),
    "area before": of_tested(lambda li: li["before"]),
    "area after": of_tested(lambda li: li["area"]),
    "medians smaller by": smaller,
    "median of the ratios": of_tested(lambda li: li["area"] / li["before"], ".2f"),
    "1-minimal": share(lambda li: li.get("minimal")),
    "patches": of_tested(lambda li: li["patches"], ".0f"),
    "patches needed": lambda lines: f"{summed(lines, 'needed')} of {summed(lines, 'patches')}",
    "necessary": share(lambda li: li.get("necessary")),
    "prediction changes when removed": of_tested(lambda li: li["changed"], ".2f"),
    "no random region retains it": share(lambda li: li.get("random_regions") == 0),
    "retained on re-insertion": of_tested(lambda li: li["reinsertion"], ".2f"),
    "with an alternative": further(lambda li: li["alternatives"]),
    "remainder not sufficient": further(lambda li: li["remainder_sufficient"] is False),
    "warnings": of_tested(lambda li: len(li["warnings"]), ".0f"),
}
COSTS = {
    "images": count,
    "search forward": of_tested(lambda li: li["timeline"]["search"][0], ".0f"),
    "search backward": of_tested(lambda li: li["timeline"]["search"][1], ".0f"),
    "verify forward": of_tested(lambda li: li["verify_passes"], ".0f"),
    "verify at most as many as the search": share(
        lambda li: li["verify_passes"] <= sum(li["timeline"]["search"][:2])
    ),
    "of the search forward": share(lambda li: li["verify_passes"] <= li["timeline"]["search"][0]),
    "verify with alternatives": of_tested(lambda li: li["verify_all_passes"], ".0f"),
    "all claims hold when re-checked": share(lambda li: li["holds_again"]),
    "same verdicts": share(lambda li: li["same_verdicts"]),
    "same figures": share(lambda li: li["same_figures"]),
}
CONTROL_COLUMNS = {
    "images": count,
    "certified": share(lambda li: li["certified"]),
    "all checks hold": share(lambda li: li["holds"]),
    "median bound": middle("bound", ".3f"),
}


def stage_columns(lines: Sequence[dict]) -> dict:
    """Two columns per stage."""
    names = dict.fromkeys(name for line in lines for name in line["timeline"])
    columns = {}
    for name in names:
        columns[f"{name}, passes"] = of_tested(stage_number(name, 0), ".0f")
        columns[f"{name}, s"] = of_tested(stage_number(name, 2), ".1f")
    return columns


def stage_number(name: str, place: int) -> Callable[[dict], float]:
    """A number of one stage; 0 where an image had none."""
    return lambda line: line["timeline"].get(name, (0, 0, 0.0))[place]


def by_control(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """The lines of every kind of mask, ours first."""
    ours = [
        {"holds": li["verified"], "certified": li.get("certified"), "bound": li.get("bound", 0.0)}
        for li in lines
    ]
    return {"ours": ours} | {name: [li["controls"][name] for li in lines] for name in CONTROLS}


def kinds(lines: Sequence[dict]) -> list[str]:
    """How many images have each kind of warning, by its first words."""
    counts = Counter(kind for line in lines for kind in {*map(kind_of, line["warnings"])})
    order = sorted(counts, key=lambda kind: (-counts[kind], kind))
    return ["\n".join(f"- {kind}: {counts[kind]}" for kind in order)]


def kind_of(text: str) -> str:
    """A warning without its figures and labels."""
    words = re.sub(r"\bpredicted \S+", "predicted LABEL", text).split()
    plain = [word for word in words if not any(c.isdigit() for c in word)]
    return re.sub(r"( (of|in|with))+$", "", " ".join(plain).partition(" (")[0])


if __name__ == "__main__":
    raise SystemExit(main())
