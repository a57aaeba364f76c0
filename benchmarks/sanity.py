"""Whether masks depend on what the classifier has learned: its weights shuffled, layer by layer.

    python benchmarks/sanity.py --root BRAIN_MRI [--model DIR] [--per-class 3]
        [--out sanity.jsonl] [--workers 2] [--table-only]

Images as methods.py picks them. Each is explained with the default preset by the classifier as it
is, by it again with another seed, and by copies whose last layer, top quarter, half, three
quarters and all of whose layers are shuffled; every copy for its own prediction. The table has, by
stage: intersection over union with the first mask, what random masks of these areas would have,
rank correlation (Spearman's) of the scores and area, all medians over images; how many claims
hold, how many copies predict what the classifier does, and how many explanations differ: another
place (less than a quarter of the way from chance to 1), 1.5 times the area or more, or no claim.
Compare the stages with the first line, where only the seed differs.

Every image is a line of --out as soon as it is done; started again, the command continues where
it was. The table is printed from that file alone.
"""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, fields

from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import count, heading, middle, share, table
from study_images import brain_mri_images

from med_cam.config.presets import preset
from med_cam.images.image import Image
from med_cam_studies.evaluation.sanity import Sanity, sanity


def main() -> int:
    """Run what is missing, print the table."""
    parser = resumed_parser(__doc__, "sanity.jsonl")
    parser.add_argument("--per-class", type=int, default=3)
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Go through every image that --out does not have yet."""
    images = brain_mri_images(options.root, options.per_class)
    explain_missing(options, images, checked, {None: preset("default")})


def checked(bench: Bench, task: Task, image: Image) -> dict:
    """One image through all stages."""
    found = sanity(
        bench.classifier,
        image,
        config=task.config,
        references=bench.references,
        seed=task.config.seed,
    )
    # The first stage is the control: the weights as they are.
    return {"answer": found[0].label, "stages": [asdict(stage) for stage in found]}


def report(lines: Sequence[dict]) -> str:
    """The table as Markdown, a row per stage."""
    rows: dict[str, list[dict]] = {}
    for line in lines:
        for stage in line["stages"]:
            more = {"answer": line["answer"], "differs": stored(stage).differs}
            rows.setdefault(stage["stage"], []).append(stage | more)
    before = middle("before", ".3f")(next(iter(rows.values())))
    head = f"{heading(lines)}: {len(lines)} images. Median area with the weights as they are: "
    return "\n\n".join([f"{head}{before}.", table(COLUMNS, rows)])


def stored(stage: dict) -> Sanity:
    """The value that a line holds."""
    return Sanity(**{f.name: stage[f.name] for f in fields(Sanity) if f.name in stage})


COLUMNS = {
    "images": count,
    "IoU": middle("iou", ".2f"),
    "IoU by chance": middle("chance", ".2f"),
    "rank correlation": middle("correlation", ".2f"),
    "median area": middle("after", ".3f"),
    "verified": share(lambda line: line["verified"]),
    "same prediction": share(lambda line: line["label"] == line["answer"]),
    "differs": share(lambda line: line["differs"]),
}


if __name__ == "__main__":
    raise SystemExit(main())
