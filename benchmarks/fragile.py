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
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import by_answer, count, heading, mean, middle, share, table
from study_images import brain_mri_images

from med_cam.case.case import observed
from med_cam.classifiers.base import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.geometry import Image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.restricted_claim import by_baseline
from med_cam.results import BaselineResult, Claim, RestrictedClaim

HALF = 0.5


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "fragile.jsonl")
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    return resumed(parser, run, report, needed=("root", "model"))


def run(asked: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    images = brain_mri_images(asked.root, asked.per_class)
    explain_missing(asked, images, explained, {None: replace(preset("default"), seed=asked.seed)})


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    halves = at_half(bench, image, found.soft, task.config)
    return {
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


def at_half(
    bench: Bench, image: Image, soft: torch.Tensor, config: Config
) -> tuple[BaselineResult, ...]:
    """Each background at the best half of the image, as `explain` looks for what breaks it.

    Not part of what the explanation cost.
    """
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, config, references=bench.references)
        return by_baseline(case, soft[None, None].to(case.scene.x))


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
    right = sum(line["answer"] == line["label"] for line in lines)
    parts = [
        f"{heading(lines)}: {len(lines)} images, {right} answered right.",
        table(CLASS_COLUMNS, by_answer(lines) | {"all": list(lines)}),
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


def fallback_area(line: Mapping) -> float | None:
    return line["restricted_claim"] and line["restricted_claim"]["area"]


def relative(lines: Sequence[dict]) -> str:
    """A column: which backgrounds the fallbacks are relative to, and how many to each."""
    found = [line["restricted_claim"] for line in lines if line["restricted_claim"] is not None]
    return counted(" + ".join(restricted["claim"]["searched"]) for restricted in found) or "-"


def breaks(row: Mapping) -> bool | None:
    return None if row["half"] is None else row["half"] < 1


def called(rows: Sequence[dict]) -> str:
    """A column: what a background alone is called, in how many images."""
    return counted(row["baseline_label"] for row in rows)


def counted(names: Iterable[str]) -> str:
    """How often each name occurs, the most frequent first."""
    return ", ".join(f"{name} {times}" for name, times in Counter(names).most_common())


CLASS_COLUMNS = {
    "images": count,
    "verified below half": share(verified_small),
    "verified below the whole": share(lambda line: line["verified"] and line["area"] < 1),
    "median area": middle("area", ".3f"),
    "with a fallback": share(lambda line: line["restricted_claim"] is not None),
    "relative to": relative,
    "median area there": middle(fallback_area, ".3f"),
    "fallback below half": share(fallback_small),
    "neither below half": share(lambda li: not verified_small(li) and not fallback_small(li)),
    "forward": middle("forward"),
    "backward": middle("backward"),
    "seconds": middle("seconds", ".1f"),
}
BREAK_COLUMNS = {
    "images": count,
    "breaks the decision": mean(breaks, ".0%"),
    "alone it is called": called,
    "alone it gives the answer": share(lambda row: row["baseline_label"] == row["answer"]),
    "mean probability of the answer there": mean("baseline_probability", ".2f"),
}
KEPT_COLUMNS = {
    "masks": count,
    "claimed on": share(lambda row: row["searched"]),
    "draws kept": mean("sufficiency", ".0%"),
    "all draws kept": share(lambda row: row["retained"] >= 1),
}


if __name__ == "__main__":
    raise SystemExit(main())
