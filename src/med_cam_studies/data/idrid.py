"""IDRiD, diabetic retinopathy in fundus photographs (Porwal et al. 2018, CC BY 4.0).

doi:10.3390/data3030025. Part B has grades and the provider's split; its two sets use the same file
names for different eyes. Part A has lesions outlined, other numbers and no grades.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from med_cam.errors import DataError
from med_cam_studies.data.collection import TESTING, TRAINING, Collection, Item, found_below
from med_cam_studies.data.provider_table import table_rows

CLASSES = ("grade 0", "grade 1", "grade 2", "grade 3", "grade 4")
RELEASED = {TRAINING: (134, 20, 136, 74, 49), TESTING: (34, 5, 32, 19, 13)}
SETS = {TRAINING: ("a. Training Set", "Training"), TESTING: ("b. Testing Set", "Testing")}
NAME, GRADE = "Image name", "Retinopathy grade"
FINDINGS = {
    "MA": "microaneurysms",
    "HE": "haemorrhages",
    "EX": "hard exudates",
    "SE": "soft exudates",
}
IMAGES, OUTLINES = "1. Original Images", "2. All Segmentation Groundtruths"


def idrid(root: Path) -> Collection:
    """Part B with its provider's split, and the eyes of part A beside it, if they are there.

    Args:
        root: a folder that holds `B. Disease Grading/`, perhaps doubled, and `A. Segmentation/`.

    Raises:
        DataError: if a table or a folder of images is missing, or a grade is none.
    """
    found: list[Item] = []
    missing: list[str] = []
    for part, (folder, word) in SETS.items():
        table = table_of(root, word)
        images = table.parent.parent / IMAGES / folder
        for name, grade in grades(table).items():
            path = images / f"{name}.jpg"
            if path.is_file():
                found.append(Item(path, grade, f"{word}/{name}", part))
            else:
                missing.append(f"{folder}/{path.name}")
    if not found:
        raise DataError(f"none of the {len(missing)} graded images of IDRiD is below {root}.")
    return Collection(
        CLASSES, tuple(found), tuple(missing), RELEASED, outlined=tuple(outlined_eyes(root))
    )


def table_of(root: Path, word: str) -> Path:
    """The table of one set, wherever below `root` it lies.

    Raises:
        DataError: if there is none.
    """
    found = found_below(root, f"*{word} Labels.csv")
    if not found:
        raise DataError(
            f"no table 'IDRiD_Disease Grading_{word} Labels.csv' below {root}; give --root the "
            "folder that holds 'B. Disease Grading'."
        )
    return found[0]


def grades(table: Path) -> Mapping[str, int]:
    """Grade by image name.

    Raises:
        DataError: if a grade is not one of 0 to 4, or an image has two.
    """
    found: dict[str, int] = {}
    for row in table_rows(table, (NAME, GRADE)):
        if row[GRADE] not in ("0", "1", "2", "3", "4"):
            raise DataError(
                f"{table} gives {row[NAME]} the grade {row[GRADE]!r}; it must be 0 to 4."
            )
        grade = int(row[GRADE])
        if found.setdefault(row[NAME], grade) != grade:
            raise DataError(
                f"{table} gives {row[NAME]} the grades {found[row[NAME]]} and {grade}; copy it "
                "again."
            )
    return found


def outlined_eyes(root: Path) -> Iterator[Item]:
    """The images of part A, with a mask for each kind of lesion that was found in them.

    Where part A is there twice, each image comes once, with its own masks.
    """
    paths = {path.stem: path for path in reversed(found_below(root, f"A*/{IMAGES}/*/IDRiD_*.jpg"))}
    for path in sorted(paths.values()):
        masks = path.parents[2] / OUTLINES / path.parent.name
        found = {
            words: file
            for letters, words in FINDINGS.items()
            for file in sorted(masks.glob(f"*/{path.stem}_{letters}.tif"))
        }
        yield Item(path, -1, f"Segmentation/{path.stem}", masks=found)
