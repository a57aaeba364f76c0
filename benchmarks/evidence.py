"""What can be proved of the evidence, and of masks that know nothing of it.

    python benchmarks/evidence.py STUDY --root DIR [--model DIR] [--images 40] [--alternatives 1]
        [--out evidence.jsonl] [--workers 2] [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. Images: of each
class of Testing (without copies of Training) the first by SHA-256 of the file, in turn, without
those that ship with the package. Each is explained with the default preset and written as a
result; the result is read back and every claim of it put again, 16 composites a pass, of the first
ten images also one a pass, as claims are made. Then a centre disc, a smooth random mask and
Grad-CAM's map, all cut to the area of our mask, are put to the same certificate.

Every image is a line of --out as soon as it is done; started again, the command goes on where it
was. The tables are printed from that file alone.
"""

import argparse
import json
import re
import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from command import carried_out, parsed, parser_of
from methods import end_last_line, in_turn, records, share, table
from pool import spread
from seeds import packed

from med_cam.case.case import observed
from med_cam.case.references import References, prepare_references
from med_cam.case.round_trip import exported
from med_cam.case.seeds import AFTER, fresh
from med_cam.certification.certificate import certificate_of, response_of
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.bundled import bundled_classifier, bundled_references
from med_cam.classifiers.load import load_classifier
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.geometry import Image
from med_cam.images.read import find_images, read_image
from med_cam.masking import keep_most
from med_cam.pipeline.explain import explain
from med_cam.recheck.recheck import Asked, Rechecked, rechecked
from med_cam.report.origin import provenance
from med_cam.report.saved import Saved, read_saved
from med_cam.report.write import write
from med_cam.results import Explanation
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import digest
from med_cam_studies.data.splits import split
from med_cam_studies.evaluation.reproduce import reference_items
from med_cam_studies.methods.controls import centre_disc, smooth_random
from med_cam_studies.methods.grad_cam import grad_cam
from med_cam_studies.training.catalogue import STUDIES

MANY, BOTH = 16, 10  # composites a pass; images that are verified one a pass too


@dataclass(frozen=True)
class Bench:
    """What a worker keeps between images."""

    classifier: Classifier
    references: References
    config: Config
    classes: tuple[str, ...]
    out: Path


BENCH: list[Bench] = []  # one in each worker process, set by `ready`


def main() -> int:
    """Run what is missing, print the tables."""
    return carried_out("evidence", arguments(), run, lambda out: report(records(out)))


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "evidence.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--alternatives", type=int, default=1)
    return parsed(parser)


def run(asked: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    with ExitStack() as stack:
        bundled = stack.enter_context(bundled_classifier())
        end_last_line(asked.out)
        study = STUDIES[asked.study]
        collection = study.collect(asked.root)
        parts = split(collection.items, validated=study.validated, tested=study.tested)
        done = {line["sha256"] for line in records(asked.out)}
        items = in_turn(parts.testing)[: asked.images]
        work = [(item,) for item in items if digest(item.path) not in done]
        others = [item.path for item in reference_items(parts.validation)]
        if asked.model is None:
            others = find_images([stack.enter_context(bundled_references())])
        given = (asked.model or bundled, others, asked.alternatives, study.classes, asked.out)
        spread(work, explained, workers=asked.workers, ready=ready, given=given)


def ready(
    model: Path, others: Sequence[Path], alternatives: int, classes: tuple[str, ...], out: Path
) -> None:
    """Load what every image needs; one thread a worker."""
    torch.set_num_threads(1)
    classifier = load_classifier(model, device="cpu")
    images = [read_image(path, channels=classifier.channels) for path in others]
    ours = preset("default")
    config = replace(ours, certification=replace(ours.certification, alternatives=alternatives))
    references = prepare_references(classifier, images)
    BENCH[:] = [Bench(classifier, references, config, classes, out)]


def explained(item: Item) -> None:
    """One image: explained, verified twice, and the controls; one line."""
    (bench,) = BENCH
    image = read_image(item.path, channels=bench.classifier.channels)
    found = explain(bench.classifier, image, config=bench.config, references=bench.references)
    line = {
        "classifier": bench.classifier.name,
        "image": item.path.name,
        "sha256": image.sha256,
        "label": bench.classes[item.label],
        "answer": found.label,
        "probability": found.before[found.target],
        "verified": found.verified,
        "status": found.status,
        "area": found.area,
        "warnings": list(found.claim.warnings),
        "mask": packed(found.mask),
        "timeline": {s.name: (s.forward, s.backward, s.seconds) for s in found.timeline},
    }
    line["looked_further"] = bench.config.certification.alternatives > 0
    line |= proved(found) | verified(found, image, bench) | {"controls": controls(found, image)}
    with bench.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")  # one write: workers share the file


def proved(found: Explanation) -> dict[str, object]:
    """The numbers of the proof."""
    tests, certificate = found.tests, found.claim.certificate
    if tests is None or certificate is None:
        return {"proved": False}
    cells = tests.minimality
    return {
        "proved": True,
        "bound": certificate.bound,
        "tried": certificate.tried,
        "certified": certificate.holds,
        "before": found.area if cells is None else cells.before,
        "patches": 0 if cells is None else len(cells.patches),
        "needed": 0 if cells is None else cells.needed,
        "minimal": cells is not None and cells.holds,
        "necessary": tests.necessity.holds,
        "changed": tests.necessity.changed / tests.necessity.samples,
        "reinsertion": tests.reinsertion.hits / tests.reinsertion.trials,
        "hidden_bound": tests.reinsertion.bound,
        "alternatives": len(tests.alternatives),
        "remainder_sufficient": tests.remainder_sufficient,
        "silhouette": tests.silhouette.hits,
        "shape_leakage": tests.shape_leakage.hits,
    }


def verified(found: Explanation, image: Image, bench: Bench) -> dict[str, object]:
    """The result written, read back and put to every claim again."""
    classifier, software = bench.classifier, {}
    origin = provenance(
        image,
        classifier,
        bench.config,
        preset="default",
        software=software,
        references=bench.references,
    )
    with tempfile.TemporaryDirectory() as folder:
        write(found, image, Path(folder) / "result", origin)
        saved = read_saved(Path(folder) / "result", classifier.channels)
        alone = without_further(saved)
        many = rechecked(classifier, alone, bench.references, Asked(batch=MANY))
        both = len(records(bench.out)) < BOTH
        one = rechecked(classifier, alone, bench.references, Asked()) if both else many
        further = found.tests is not None and found.tests.alternatives
        full = many
        if further:
            full = rechecked(classifier, saved, bench.references, Asked(batch=MANY))
    return {
        "holds_again": full.holds and one.holds,
        "batches": [1, MANY] if both else [MANY],
        "same_verdicts": named(one) == named(many) == named(full)[: len(many.verdicts)],
        "same_figures": all(v.was == v.figure for v in full.verdicts),
        "claims": len(full.verdicts),
        "verify_passes": many.passes.forward,
        "verify_all_passes": full.passes.forward,
    }


def named(found: Rechecked) -> list[tuple[str, bool]]:
    """Claims and whether they hold."""
    return [(verdict.name, verdict.now) for verdict in found.verdicts]


def without_further(saved: Saved) -> Saved:
    """The same result without further masks: the claims on the explanation itself."""
    tests = saved.document["tests"]
    if tests is None:
        return saved
    tests = {**tests, "alternatives": [], "remainder_sufficient": None}
    return replace(saved, document={**saved.document, "tests": tests}, alternatives=())


def controls(found: Explanation, image: Image) -> dict[str, object]:
    """Masks of other origin and the same area, put to the same certificate."""
    (bench,) = BENCH
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, None, bench.references, bench.config)
        case = replace(case, predict_one=case.predict)
        empty = response_of(case, bench.config)
        told = {}
        for name, method in CONTROLS.items():
            scores = method(case, fresh(bench.config.seed, AFTER)).detach()
            mask = exported(case, keep_most(scores, found.area))
            claim = certificate_of(case, mask, empty, bench.config, 1)
            certificate = claim.certificate
            told[name] = {
                "holds": claim.holds,
                "certified": certificate is not None and certificate.holds,
                "bound": 0.0 if certificate is None else certificate.bound,
            }
    return told


CONTROLS: Mapping[str, Callable] = {
    "centre_disc": centre_disc,
    "smooth_random": smooth_random,
    "grad_cam": grad_cam,
}


def report(lines: Sequence[dict]) -> str:
    """All tables as Markdown."""
    if not lines:
        return "no results yet"
    labels = sorted({line["answer"] for line in lines})
    rows = {k: [li for li in lines if li["answer"] == k] for k in labels} | {"all": list(lines)}
    names = sorted({line["classifier"] for line in lines})
    parts = [f"{', '.join(names)}: {len(lines)} images, by the class answered."]
    parts += [table(COLUMNS, rows), table(COSTS, rows), "Passes forward and seconds, medians:"]
    parts += [table(stage_columns(lines), rows), "Masks of the area of ours:"]
    parts += [table(CONTROL_COLUMNS, by_control(lines)), "Warnings, images each:", *kinds(lines)]
    return "\n\n".join(parts)


def middle(value, form=".3f"):
    """A column: the median of a number, of the results that have it."""

    def column(lines):
        values = [value(li) for li in lines if li["proved"]]
        return f"{statistics.median(values):{form}}" if values else "-"

    return column


def further(test):
    """A column: how many results pass a test, of those for which further masks were looked for."""

    def column(lines):
        looked = [li for li in lines if li["proved"] and li.get("looked_further", True)]
        return f"{sum(bool(test(li)) for li in looked)} of {len(looked)}"

    return column


def smaller(lines):
    """By how much the median area is smaller after the discrete stage."""
    pairs = [(li["before"], li["area"]) for li in lines if li["proved"]]
    if not pairs:
        return "-"
    before, after = (statistics.median(side) for side in zip(*pairs, strict=True))
    return f"{1 - after / before:.0%}"


COLUMNS = {
    "images": lambda lines: str(len(lines)),
    "verified": share(lambda li: li["verified"]),
    "certified": share(lambda li: li.get("certified")),
    "lowest bound": lambda lines: f"{min(li.get('bound', 0.0) for li in lines):.3f}",
    "at the first mask": share(lambda li: li.get("tried") == 1),
    "area before": middle(lambda li: li["before"]),
    "area after": middle(lambda li: li["area"]),
    "medians smaller by": smaller,
    "median of the ratios": middle(lambda li: li["area"] / li["before"], ".2f"),
    "1-minimal": share(lambda li: li.get("minimal")),
    "patches": middle(lambda li: li["patches"], ".0f"),
    "cells needed": lambda lines: (
        f"{sum(li.get('needed', 0) for li in lines)} of {sum(li.get('patches', 0) for li in lines)}"
    ),
    "necessary": share(lambda li: li.get("necessary")),
    "answer changes without it": middle(lambda li: li["changed"], ".2f"),
    "stays when hidden parts show": middle(lambda li: li["reinsertion"], ".2f"),
    "with an alternative": further(lambda li: li["alternatives"]),
    "rest not sufficient": further(lambda li: li["remainder_sufficient"]),
    "warnings": middle(lambda li: len(li["warnings"]), ".0f"),
}
COSTS = {
    "images": lambda lines: str(len(lines)),
    "search forward": middle(lambda li: li["timeline"]["search"][0], ".0f"),
    "search backward": middle(lambda li: li["timeline"]["search"][1], ".0f"),
    "verify forward": middle(lambda li: li["verify_passes"], ".0f"),
    "verify at most as many as the search": share(
        lambda li: li["verify_passes"] <= sum(li["timeline"]["search"][:2])
    ),
    "of the search forward": share(lambda li: li["verify_passes"] <= li["timeline"]["search"][0]),
    "verify with alternatives": middle(lambda li: li["verify_all_passes"], ".0f"),
    "all that was claimed holds again": share(lambda li: li["holds_again"]),
    "same verdicts": share(lambda li: li["same_verdicts"]),
    "same figures": share(lambda li: li["same_figures"]),
}
CONTROL_COLUMNS = {
    "images": lambda lines: str(len(lines)),
    "certified": share(lambda li: li["certified"]),
    "all checks hold": share(lambda li: li["holds"]),
    "median bound": lambda lines: f"{statistics.median(li['bound'] for li in lines):.3f}",
}


def stage_columns(lines: Sequence[dict]) -> dict:
    """Two columns a stage."""
    names = dict.fromkeys(name for line in lines for name in line["timeline"])
    columns = {}
    for name in names:
        columns[f"{name}, passes"] = middle(stage_number(name, 0), ".0f")
        columns[f"{name}, s"] = middle(stage_number(name, 2), ".1f")
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
    """How many images have each kind of warning, told by its first words."""
    counts: dict[str, int] = {}
    for line in lines:
        for kind in {kind_of(text) for text in line["warnings"]}:
            counts[kind] = counts.get(kind, 0) + 1
    order = sorted(counts, key=lambda kind: -counts[kind])
    return ["\n".join(f"- {kind}: {counts[kind]}" for kind in order)]


def kind_of(text: str) -> str:
    """A warning without its figures and labels."""
    words = re.sub(r"(gives|called) \S+", r"\1 LABEL", text).split()
    kept = [word for word in words if not any(c.isdigit() for c in word)]
    return re.sub(r" (of|in|with)( \(.*)?$", "", " ".join(kept).partition(" (")[0])


if __name__ == "__main__":
    raise SystemExit(main())
