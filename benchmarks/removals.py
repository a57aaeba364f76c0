"""What a classifier's claims come to under each removal: painted backgrounds, or inside it.

    python benchmarks/removals.py STUDY --root DIR [--model DIR] [--images 12]
        [--removals grey,gaussian layer_masking ...] [--out removals.jsonl] [--workers 2]
        [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. Images: of each
class of the test set (without copies of the training set) the first by SHA-256 of the file, in
turn, without those that ship with the package. Each is explained with the default preset under
each set of removals of --removals (names between commas are searched together). The table has, for
each: the share of images whose claim is verified on less than half of the image; of those where
the image scores above what blank input gets by at least 0.1, whatever became of them; the median
area of what is verified (all of the image where nothing is); and passes, which are exact.

Every image is a line of --out as soon as it is done; started again, the command continues where
it was. The table is printed from that file alone.
"""

import argparse
import statistics
from collections.abc import Sequence

from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import count, heading, middle, share, table
from seeds import packed
from study_images import study_images

from med_cam.config.presets import preset
from med_cam.config.settings import relative_to
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam_studies.training.catalogue import STUDIES

HALF = 0.5  # of the image; more is of little use


def main() -> int:
    """Run what is missing, print the table."""
    parser = resumed_parser(__doc__, "removals.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--removals", nargs="+", default=["grey,gaussian", "layer_masking"])
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image under every set of removals that --out does not have yet."""
    images = study_images(options.study, options.root, most=options.images)
    ours = preset("default")
    configs = {text: relative_to(ours, tuple(text.split(","))) for text in options.removals}
    explain_missing(options, images, explained, configs, "removals")


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image under one set of removals."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    claim = found.claim
    return {
        "answer": found.label,
        "verified": found.verified,
        "area": found.area,
        "status": found.status,
        "effect": claim.p_image - claim.p_baseline,
        "minimum_effect": claim.minimum_effect,
        "bound": None if claim.certificate is None else claim.certificate.bound,
        "necessary": found.tests is not None and found.tests.necessity.holds,
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "mask": packed(found.mask),
    }


def small(line: dict) -> bool:
    """Whether the claim holds on less than half of the image."""
    return line["verified"] and line["area"] < HALF


def median_area(lines: Sequence[dict]) -> str:
    """Of what is verified; all of the image where nothing is."""
    areas = [line["area"] if line["verified"] else 1.0 for line in lines]
    return f"{statistics.median(areas):.3f}"


def report(lines: Sequence[dict]) -> str:
    """The table: a row for each set of removals."""
    names = dict.fromkeys(line["removals"] for line in lines)
    rows = {name: [line for line in lines if line["removals"] == name] for name in names}
    columns = {
        "images": count,
        "verified below half": share(small),
        "effect": share(lambda line: line["effect"] >= line["minimum_effect"]),
        "necessary": share(lambda line: line["necessary"]),
        "median area": median_area,
        "passes forward": middle("forward"),
        "backward": middle("backward"),
    }
    return f"{heading(lines)}\n\n{table(columns, rows, name='removals')}"


if __name__ == "__main__":
    raise SystemExit(main())
