"""What can be said of a classifier that is confident on blank images, as most trained plainly are.

    python benchmarks/fragile.py --root BRAIN_MRI --model DIR [--per-class 5]
        [--out fragile.jsonl] [--workers 2] [--seed 0] [--table-only]

Images as methods.py picks them, explained with the default preset by the public `explain`, with
its restricted claim: where no small mask holds on all searched baselines, the smallest one that
holds on those to which the classifier is robust, never called verified. Three tables:

* by predicted class: verified on the full set below half of the image, and with anything below the
  whole of it; which baselines the restricted claims of the others are relative to, and at which
  area; what it costs (medians);
* by baseline: the share of images whose prediction it breaks (not retained on every random sample
  by half of the image, the highest scores of the search, with the threshold of this baseline's own
  response), and what the baseline alone is predicted as;
* by baseline again: how often the prediction is retained there by the masks that are claimed below
  half, verified or restricted: how much of the evidence holds on which baselines.

Every image is a line of --out as soon as it is there; started again, the command continues where
it was. The tables are printed from that file alone.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import by_prediction, count, heading, mean, middle, share, table
from study_images import brain_mri_images

from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.pipeline.robustness import by_baseline
from med_cam.results.check import BaselineResult
from med_cam.results.claim import Claim, RestrictedClaim

HALF = 0.5


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "fragile.jsonl")
    parser.add_argument("--per-class", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    return resumed(parser, run, report, needed=("root", "model"))


def run(options: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    images = brain_mri_images(options.root, options.per_class)
    config = replace(preset("default"), seed=options.seed)
    explain_missing(options, images, explained, {None: config})


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
        "restricted_claim": of_restricted(found.restricted),
        "at_half": [of_baseline(result) for result in halves],
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "seconds": found.seconds,
    }


def at_half(
    bench: Bench, image: Image, soft: torch.Tensor, config: Config
) -> tuple[BaselineResult, ...]:
    """Each baseline at the best half of the image, as `explain` looks for what breaks it.

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
        "baselines": [of_baseline(result) for result in claim.baselines],
    }


def of_baseline(result: BaselineResult) -> dict[str, object]:
    """What the tables read of one baseline."""
    return {
        "name": result.name,
        "searched": result.searched,
        "retained": result.retained / result.samples,
        "baseline_label": result.baseline_label,
        "baseline_probability": result.baseline_probability,
    }


def of_restricted(restricted: RestrictedClaim | None) -> dict[str, object] | None:
    """The restricted claim, if there is one."""
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
        f"{heading(lines)}: {len(lines)} images, {right} predicted correctly.",
        table(CLASS_COLUMNS, by_prediction(lines) | {"all": list(lines)}),
        table(BREAK_COLUMNS, baselines(lines)),
        f"Masks below half of the image, verified or restricted: {len(small_claims(lines))}.",
    ]
    rows = claimed(lines)
    return "\n\n".join([*parts, table(RETAINED_COLUMNS, rows)] if rows else parts)


def baselines(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """By baseline: what the claims say of it alone, and how it fared at half the image."""
    rows: dict[str, list[dict]] = {}
    for line in lines:
        halves = {b["name"]: b["retained"] for b in line["at_half"]}
        for b in line["claim"]["baselines"]:
            entry = {"answer": line["answer"], "half": halves.get(b["name"])}
            rows.setdefault(b["name"], []).append(b | entry)
    return rows


def small_claims(lines: Sequence[dict]) -> list[dict]:
    """The claim on the mask below half of each image that has one, verified or restricted."""
    small = [line["claim"] for line in lines if verified_small(line)]
    return small + [line["restricted_claim"]["claim"] for line in lines if restricted_small(line)]


def claimed(lines: Sequence[dict]) -> dict[str, list[dict]]:
    """Results of those claims by baseline."""
    rows: dict[str, list[dict]] = {}
    for claim in small_claims(lines):
        for b in claim["baselines"]:
            rows.setdefault(b["name"], []).append(b)
    return rows


def verified_small(line: Mapping) -> bool:
    return line["verified"] and line["area"] < HALF


def restricted_small(line: Mapping) -> bool:
    return line["restricted_claim"] is not None and line["restricted_claim"]["area"] < HALF


def restricted_area(line: Mapping) -> float | None:
    return line["restricted_claim"] and line["restricted_claim"]["area"]


def relative(lines: Sequence[dict]) -> str:
    """A column: which baselines the restricted claims are relative to, and how many to each."""
    found = [line["restricted_claim"] for line in lines if line["restricted_claim"] is not None]
    return counted(" + ".join(restricted["claim"]["searched"]) for restricted in found) or "-"


def breaks(row: Mapping) -> bool | None:
    return None if row["half"] is None else row["half"] < 1


def predicted(rows: Sequence[dict]) -> str:
    """A column: what a baseline alone is predicted as, in how many images."""
    return counted(row["baseline_label"] for row in rows)


def counted(names: Iterable[str]) -> str:
    """How often each name occurs, the most frequent first."""
    return ", ".join(f"{name} {times}" for name, times in Counter(names).most_common())


CLASS_COLUMNS = {
    "images": count,
    "verified below half": share(verified_small),
    "verified below the whole": share(lambda line: line["verified"] and line["area"] < 1),
    "median area": middle("area", ".3f"),
    "with a restricted claim": share(lambda line: line["restricted_claim"] is not None),
    "relative to": relative,
    "median area there": middle(restricted_area, ".3f"),
    "restricted below half": share(restricted_small),
    "neither below half": share(lambda li: not verified_small(li) and not restricted_small(li)),
    "forward": middle("forward"),
    "backward": middle("backward"),
    "seconds": middle("seconds", ".1f"),
}
BREAK_COLUMNS = {
    "images": count,
    "not robust": mean(breaks, ".0%"),
    "predicted for it alone": predicted,
    "alone it gives the prediction": share(lambda row: row["baseline_label"] == row["answer"]),
    "mean probability of the prediction there": mean("baseline_probability", ".2f"),
}
RETAINED_COLUMNS = {
    "masks": count,
    "claimed on": share(lambda row: row["searched"]),
    "samples retained": mean("retained", ".0%"),
    "all samples retained": share(lambda row: row["retained"] >= 1),
}


if __name__ == "__main__":
    raise SystemExit(main())
