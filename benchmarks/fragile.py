"""What can be said of a classifier that has opinions on emptiness, as most trained plainly have.

    python benchmarks/fragile.py --root BRAIN_MRI --model DIR [--per-class 5]
        [--out fragile.jsonl] [--workers 2] [--seed 0] [--table-only]

Images as methods.py picks them, explained with the default preset by the public `explain`, with
its fallback: where no small mask holds on all searched backgrounds, the smallest one that holds on
those the classifier can stand, never called verified. Three tables:

* by the class answered: verified on the full set below half of the image, and with anything below
  the whole of it; what the others fall back to, and at which area; what it costs (medians);
* by background: the share of images whose decision it breaks (half of the image, the highest
  scores of the search, does not keep it on every draw, by the bar of this background's own
  emptiness), and what it is called without any evidence;
* by background again: how often the masks promised below half, verified or fallback, keep the
  decision there: how much of the evidence holds on which backgrounds.

Every image is a line of --out as soon as it is there; started again, the command goes on where it
was. The tables are printed from that file alone.
"""

import argparse
import json
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import methods
import torch
from command import carried_out, parsed, parser_of
from methods import (
    BENCH,
    OURS,
    chosen,
    config_of,
    end_last_line,
    middle,
    records,
    settings_of,
    share,
    table,
)
from pool import spread

from med_cam.case.case import observed
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.config.settings import Config
from med_cam.errors import MedCamError
from med_cam.images.geometry import Image
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.restricted_claim import by_baseline
from med_cam.results import BaselineResult, Claim, RestrictedClaim
from med_cam_studies.data.brain_mri import CLASSES
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import digest

HALF = 0.5


def main() -> int:
    """Run what is missing, print the tables."""
    return carried_out("fragile", arguments(), run, lambda out: report(records(out)))


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "fragile.jsonl")
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    return parsed(parser, ("root", "model"))


def run(asked: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    end_last_line(asked.out)
    items = chosen(asked.root, asked.per_class)
    work = missing(items, asked.out, load_classifier(asked.model, device="cpu"), asked.seed)
    given = (asked.model, asked.seed, asked.out)
    spread(work, explained, workers=asked.workers, ready=methods.ready, given=given)


def missing(
    items: Sequence[Item], out: Path, classifier: Classifier, seed: int
) -> list[tuple[Item]]:
    """Images that have no line yet.

    Raises:
        MedCamError: if --out has results of another classifier, seed or other settings.
    """
    lines = records(out)
    if {line["settings"] for line in lines} - {settings_of(OURS, classifier, seed)}:
        raise MedCamError(
            f"{out} has results of another classifier, seed or of other settings; give another "
            "file to --out."
        )
    done = {line["sha256"] for line in lines}
    return [(item,) for item in items if digest(item.path) not in done]


def explained(item: Item) -> None:
    """One image; one line."""
    (bench,) = BENCH
    classifier, config = bench.classifier, config_of(OURS, bench.seed)
    image = read_image(item.path, channels=classifier.channels)
    found = explain(classifier, image, config=config, references=bench.references)
    halves = at_half(classifier, image, found.soft, config, bench.references)
    line = {
        "settings": settings_of(OURS, classifier, bench.seed),
        "classifier": classifier.name,
        "image": item.path.name,
        "sha256": image.sha256,
        "label": CLASSES[item.label],
        "answer": found.label,
        "status": found.status,
        "verified": found.verified,
        "area": found.area,
        "claim": of_claim(found.claim),
        "restricted_claim": of_fallback(found.restricted),
        "at_half": [of_background(result) for result in halves],
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "seconds": found.seconds,
    }
    with bench.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")  # one write: workers share the file


def at_half(
    classifier: Classifier,
    image: Image,
    soft: torch.Tensor,
    config: Config,
    references: References,
) -> tuple[BaselineResult, ...]:
    """Each background at the best half of the image, as `explain` looks for what breaks it.

    Not part of what the explanation cost.
    """
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, None, references)
        return by_baseline(case, soft[None, None].to(case.scene.x), config)


def of_claim(claim: Claim) -> dict[str, object]:
    """What the tables read of a claim."""
    return {
        "searched": claim.searched,
        "p_baseline": claim.p_baseline,
        "p_image": claim.p_image,
        "failed": [check.name for check in claim.checks if not check.passed],
        "baselines": [of_background(result) for result in claim.baselines],
    }


def of_background(result: BaselineResult) -> dict[str, object]:
    """What the tables read of one background."""
    return {
        "name": result.name,
        "searched": result.searched,
        "retained": result.retained / result.samples,
        "baseline_label": result.baseline_label,
        "baseline_probability": result.baseline_probability,
    }


def of_fallback(restricted: RestrictedClaim | None) -> dict[str, object] | None:
    """The smaller promise, if there is one."""
    if restricted is None:
        return None
    return {
        "area": restricted.area,
        "dropped": restricted.dropped,
        "claim": of_claim(restricted.claim),
    }


def report(lines: Sequence[dict]) -> str:
    """The three tables as Markdown."""
    if not lines:
        return "no results yet"
    names = sorted({line["classifier"] for line in lines})
    right = sum(line["answer"] == line["label"] for line in lines)
    labels = sorted({line["answer"] for line in lines})
    by_class = {k: [line for line in lines if line["answer"] == k] for k in labels}
    parts = [
        f"{', '.join(names)}: {len(lines)} images, {right} answered right.",
        table(CLASS_COLUMNS, by_class | {"all": list(lines)}),
        table(BREAK_COLUMNS, baselines(lines)),
        f"Masks promised below half of the image: {len(promises(lines))}.",
    ]
    rows = promised(lines)
    return "\n\n".join([*parts, table(KEPT_COLUMNS, rows)] if rows else parts)


def baselines(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """By background: what the claims say of it alone, and how it fared at half the image."""
    rows: dict[str, list[dict]] = {}
    for line in lines:
        halves = {b["name"]: b["retained"] for b in line["at_half"]}
        for b in line["claim"]["baselines"]:
            entry = {"answer": line["answer"], "half": halves.get(b["name"])}
            rows.setdefault(b["name"], []).append(b | entry)
    return rows


def promises(lines: Sequence[dict]) -> list[dict]:
    """The claim on the mask below half of each image that has one, verified or fallback."""
    small = [line["claim"] for line in lines if verified_small(line)]
    return small + [line["restricted_claim"]["claim"] for line in lines if fallback_small(line)]


def promised(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """Results of those claims by background."""
    rows: dict[str, list[dict]] = {}
    for claim in promises(lines):
        for b in claim["baselines"]:
            rows.setdefault(b["name"], []).append(b)
    return rows


def verified_small(line: Mapping) -> bool:
    return line["verified"] and line["area"] < HALF


def fallback_small(line: Mapping) -> bool:
    return line["restricted_claim"] is not None and line["restricted_claim"]["area"] < HALF


def relative(lines: Sequence[dict]) -> str:
    """A column: which backgrounds the fallbacks are relative to, and how many to each."""
    sets = Counter(" + ".join(f["claim"]["searched"]) for f in fallbacks(lines))
    return ", ".join(f"{names} {count}" for names, count in sets.most_common()) or "-"


def fallbacks(lines: Sequence[dict]) -> list[dict]:
    return [line["restricted_claim"] for line in lines if line["restricted_claim"] is not None]


def fallback_area(lines: Sequence[dict]) -> str:
    """A column: the median area of the fallbacks."""
    areas = [restricted["area"] for restricted in fallbacks(lines)]
    return f"{statistics.median(areas):.3f}" if areas else "-"


def breaks(rows: Sequence[dict]) -> str:
    """A column: the share of images whose decision a background breaks."""
    tried = [row["half"] < 1 for row in rows if row["half"] is not None]
    return f"{statistics.mean(tried):.0%}" if tried else "-"


def called(rows: Sequence[dict]) -> str:
    """A column: what a background alone is called, in how many images."""
    labels = Counter(row["baseline_label"] for row in rows)
    return ", ".join(f"{label} {count}" for label, count in labels.most_common())


CLASS_COLUMNS = {
    "images": lambda lines: str(len(lines)),
    "verified below half": share(verified_small),
    "verified below the whole": share(lambda line: line["verified"] and line["area"] < 1),
    "median area": middle("area", ".3f"),
    "with a fallback": share(lambda line: line["restricted_claim"] is not None),
    "relative to": relative,
    "median area there": fallback_area,
    "fallback below half": share(fallback_small),
    "neither below half": share(lambda li: not verified_small(li) and not fallback_small(li)),
    "forward": middle("forward"),
    "backward": middle("backward"),
    "seconds": middle("seconds", ".1f"),
}
BREAK_COLUMNS = {
    "images": lambda rows: str(len(rows)),
    "breaks the decision": breaks,
    "alone it is called": called,
    "alone it gives the answer": share(lambda row: row["baseline_label"] == row["answer"]),
    "mean probability of the answer there": lambda rows: (
        f"{statistics.mean(row['baseline_probability'] for row in rows):.2f}"
    ),
}
KEPT_COLUMNS = {
    "masks": lambda rows: str(len(rows)),
    "claimed on": share(lambda row: row["searched"]),
    "draws kept": lambda rows: f"{statistics.mean(row['retained'] for row in rows):.0%}",
    "all draws kept": share(lambda row: row["retained"] >= 1),
}


if __name__ == "__main__":
    raise SystemExit(main())
