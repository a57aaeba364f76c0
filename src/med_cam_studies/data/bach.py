"""BACH, the ICIAR 2018 challenge on breast histology (Aresta et al. 2019, CC BY-NC-ND).

doi:10.1016/j.media.2019.05.010. One folder per class in `Photos/`, and a table without a header.
The provider gives no split; pictures of one patient stand next to each other in the numbering, and
only a part of the patient table was published. The split is the one of kaiko-ai/eva, which keeps
patients apart: positions in the 400 pictures sorted by class and number.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from med_cam_studies.data.collection import (
    TESTING,
    TRAINING,
    VALIDATION,
    Collection,
    Item,
    images_in,
    located,
)
from med_cam_studies.data.provider_table import table_lines

CLASSES = ("Benign", "InSitu", "Invasive", "Normal")
PREFIXES = ("b", "is", "iv", "n")  # of the file names, followed by a number from 001 to 100
EACH = 100
RELEASED = {"": (EACH,) * 4}
TABLE = "microscopy_ground_truth.csv"
SUFFIXES = (".tif", ".tiff")
TRAINED_ON = (  # first and last position, both included
    (0, 40),
    (59, 59),
    (90, 138),
    (169, 239),
    (258, 259),
    (273, 344),
    (368, 399),
)
PATIENTS = (
    "The test set shares no patient with the rest, after the split of kaiko-ai/eva; the "
    "validation set is the end of each class's training pictures, and may share one patient per "
    "class."
)
VALIDATED = 0.15  # share of each class's training positions, the last ones


def bach(root: Path) -> Collection:
    """The 400 labelled pictures, or as many as are there.

    Args:
        root: the folder into which `ICIAR2018_BACH_Challenge.zip` was unpacked, or one below.

    Raises:
        DataError: if a class folder is missing or empty, or the table cannot be read.
    """
    photos = located(root, CLASSES)
    found = tuple(items(photos))
    said = table_labels(photos / TABLE) if (photos / TABLE).is_file() else {}
    there = {item.path.stem for item in found}
    return Collection(
        CLASSES,
        found,
        missing=tuple(name for name in said if Path(name).stem not in there),
        contradictions=tuple(contradictions(said, found)),
        released=RELEASED,
        patients=PATIENTS,
    )


def items(photos: Path) -> Iterator[Item]:
    """Every picture, class by class."""
    for label, name in enumerate(CLASSES):
        for path in images_in(photos / name, SUFFIXES):
            part = part_of(position(path.stem, label), label)
            yield Item(path, label, f"{name}/{path.name}", part)


def table_labels(table: Path) -> Mapping[str, str]:
    """The class of each file as the table has it, which has no header.

    Raises:
        DataError: if it cannot be read.
    """
    lines = [[cell.strip() for cell in line] for line in table_lines(table)]
    return {line[0]: line[1] for line in lines if len(line) >= 2 and line[1] in CLASSES}


def contradictions(said: Mapping[str, str], found: Sequence[Item]) -> Iterator[str]:
    """Pictures whose folder is not that of their class in the table."""
    labels = {Path(name).stem: label for name, label in said.items()}
    for item in found:
        label = labels.get(item.path.stem, CLASSES[item.label])
        if label != CLASSES[item.label]:
            yield f"{item.path.name} lies in {CLASSES[item.label]}, and {TABLE} calls it {label}"


def position(stem: str, label: int) -> int:
    """Place of a picture in the sorted 400; taken from its number, as others may be missing.

    A name without a number from 1 to 100 stands at the end of its class.
    """
    number = stem.removeprefix(PREFIXES[label])
    valid = number.isdecimal() and 1 <= int(number) <= EACH
    return label * EACH + (int(number) if valid else EACH) - 1


def part_of(place: int, label: int) -> str:
    """The part of a position; the end of each class's training positions is for validation."""
    trained = [p for first, last in TRAINED_ON for p in range(first, last + 1)]
    if place not in trained:
        return TESTING
    own = [p for p in trained if p // EACH == label]
    return VALIDATION if place in own[-round(VALIDATED * len(own)) :] else TRAINING
