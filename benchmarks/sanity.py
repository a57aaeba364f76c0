"""Whether masks depend on what the classifier has learned: its weights shuffled, layer by layer.

    python benchmarks/sanity.py --root BRAIN_MRI [--model DIR] [--per-class 3]
        [--out sanity.jsonl] [--workers 2] [--table-only]

Images as methods.py picks them. Each is explained with the default preset by the classifier as it
is, by it again with another seed, and by copies whose last layer, top quarter, half, three
quarters and all of whose layers are shuffled; every copy for its own answer. Printed by stage:
intersection over union with the first mask, what random masks of these areas would have, rank
correlation (Spearman's) of the scores and area, all medians over images; how many claims hold, how
many copies answer as the classifier does, and how many explanations differ: another place (less
than a quarter of the way from chance to 1), 1.5 times the area or more, or no claim. Stages are
read against the first line, where nothing but the seed is other.

Every image is a line of --out as soon as it is done; started again, the command goes on where it
was. The table is printed from that file alone.
"""

import argparse
import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path

import methods
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

from med_cam.classifiers.bundled import bundled_classifier
from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError
from med_cam.images.read import read_image
from med_cam_studies.data.brain_mri import CLASSES
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import digest
from med_cam_studies.evaluation.sanity import Sanity, sanity

SEED = 0  # of the search and of the shuffling


def main() -> int:
    """Run what is missing, print the table."""
    return carried_out("sanity", arguments(), run, lambda out: report(records(out)))


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "sanity.jsonl")
    parser.add_argument("--per-class", type=int, default=3)
    return parsed(parser)


def run(asked: argparse.Namespace) -> None:
    """Go through every image that --out does not have yet."""
    with ExitStack() as stack:
        model = asked.model or stack.enter_context(bundled_classifier())
        end_last_line(asked.out)
        work = missing(chosen(asked.root, asked.per_class), asked.out, model)
        given = (model, SEED, asked.out)
        spread(work, checked, workers=asked.workers, ready=methods.ready, given=given)


def missing(items: Sequence[Item], out: Path, model: Path) -> list[tuple[Item]]:
    """Images that have no line yet.

    Raises:
        MedCamError: if --out has results of another classifier or other settings.
    """
    lines = records(out)
    current = settings_of(OURS, load_classifier(model, device="cpu"), SEED)
    if any(line["settings"] != current for line in lines):
        raise MedCamError(
            f"{out} has results of another classifier or of other settings; give another file to "
            "--out."
        )
    done = {line["sha256"] for line in lines}
    return [(item,) for item in items if digest(item.path) not in done]


def checked(item: Item) -> None:
    """One image through all stages; one line."""
    (bench,) = BENCH
    classifier = bench.classifier
    image = read_image(item.path, channels=classifier.channels)
    config = config_of(OURS, SEED)
    found = sanity(classifier, image, config=config, references=bench.references, seed=SEED)
    line = {
        "settings": settings_of(OURS, classifier, SEED),
        "classifier": classifier.name,
        "image": item.path.name,
        "sha256": image.sha256,
        "label": CLASSES[item.label],
        "answer": found[0].label,  # of the control: the weights as they are
        "stages": [asdict(stage) for stage in found],
    }
    with bench.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")  # one write: workers share the file


def report(lines: Sequence[dict]) -> str:
    """The table as Markdown, a row a stage."""
    if not lines:
        return "no results yet"
    names = sorted({line["classifier"] for line in lines})
    head = f"{', '.join(names)}: {len(lines)} images."
    rows: dict[str, list[dict]] = {}
    for line in lines:
        for stage in line["stages"]:
            told = {"answer": line["answer"], "differs": stored(stage).differs}
            rows.setdefault(stage["stage"], []).append(stage | told)
    before = middle("before", ".3f")(next(iter(rows.values())))
    head += f" Median area with the weights as they are: {before}."
    return "\n\n".join([head, table(COLUMNS, rows)])


def stored(stage: dict) -> Sanity:
    """The value that a line holds."""
    return Sanity(**{field.name: stage[field.name] for field in fields(Sanity)})


COLUMNS = {
    "images": lambda lines: str(len(lines)),
    "IoU": middle("iou", ".2f"),
    "IoU by chance": middle("chance", ".2f"),
    "rank correlation": middle("correlation", ".2f"),
    "median area": middle("after", ".3f"),
    "verified": share(lambda line: line["verified"]),
    "same answer": share(lambda line: line["label"] == line["answer"]),
    "differs": share(lambda line: line["differs"]),
}


if __name__ == "__main__":
    raise SystemExit(main())
