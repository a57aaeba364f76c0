"""HAM10000, dermoscopy of pigmented skin lesions (Tschandl et al. 2018, CC BY-NC 4.0).

doi:10.1038/sdata.2018.161; lesion masks doi:10.1038/s41591-020-0942-0. Two folders of images that
are no split, one table that has the only labels, several images of one lesion. The provider gives
no split: ours is by lesion.
"""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from med_cam.errors import DataError
from med_cam_studies.data.collection import Collection, Item, folders_in, found_below, some
from med_cam_studies.data.provider_table import table_rows

CLASSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
RELEASED = {"": (327, 514, 1099, 115, 1113, 6705, 142)}
IMAGES = re.compile(r"ham10000[ _]images([ _]part[ _]?[12])?", re.IGNORECASE)
MASKS = "*_segmentation.png"
COLUMNS = ("lesion_id", "image_id", "dx")
LESION = "lesion"


def ham10000(root: Path) -> Collection:
    """Every image that the table names, with its lesion and its lesion's outline if there is one.

    Args:
        root: a folder with the table, the images in one folder or in two, and perhaps the masks.

    Raises:
        DataError: if there is no table or no image folder, or the table has an image twice, one
            without a lesion, an unknown diagnosis, or a lesion with two of them.
    """
    rows = table_rows(table(root), COLUMNS)
    refuse_bad_rows(rows)
    images = images_by_id(root)
    masks = masks_by_id(root)
    found = [
        Item(
            images[row["image_id"]],
            CLASSES.index(row["dx"]),
            row["image_id"],
            group=row["lesion_id"],
            masks={LESION: masks[row["image_id"]]} if row["image_id"] in masks else {},
        )
        for row in sorted(rows, key=lambda row: row["image_id"])
        if row["image_id"] in images
    ]
    missing = tuple(f"{r['image_id']}.jpg" for r in rows if r["image_id"] not in images)
    return Collection(CLASSES, tuple(found), missing, RELEASED, grouped_by=LESION)


def table(root: Path) -> Path:
    """`HAM10000_metadata`, which Kaggle gives the suffix .csv and newer releases .tab.

    Raises:
        DataError: if there is none.
    """
    found = [path for path in found_below(root, "HAM10000_metadata*") if path.is_file()]
    if not found:
        raise DataError(
            f"no HAM10000_metadata (or .csv) at or below {root}; it is the only place where the "
            "labels are, so copy it from the data set."
        )
    return found[0]


def images_by_id(root: Path) -> Mapping[str, Path]:
    """Image files of the provider's folders by their id; of two with the same id the first.

    Raises:
        DataError: if there is none.
    """
    found: dict[str, Path] = {}
    for folder in image_folders(root):
        for path in sorted(folder.glob("*.jpg")):
            found.setdefault(path.stem, path)
    if not found:
        raise DataError(
            f"no folder HAM10000_images_part_1, HAM10000_images_part_2 or HAM10000_images with "
            f".jpg files at or below {root}; is --root the data set's folder?"
        )
    return found


def masks_by_id(root: Path) -> Mapping[str, Path]:
    """Outlines by the id of their image, of two with the same id the first; perhaps none."""
    found = [path for path in found_below(root, MASKS) if "segmentations" in path.parent.name]
    return {path.stem.removesuffix("_segmentation"): path for path in reversed(found)}


def image_folders(root: Path, depth: int = 3) -> list[Path]:
    """Folders with the names that the provider gives to those with images."""
    level, found = [root], []
    for _ in range(depth + 1):
        found += [folder for folder in level if IMAGES.fullmatch(folder.name)]
        level = sorted(below for folder in level for below in folders_in(folder))
    return found


def refuse_bad_rows(rows: list[dict[str, str]]) -> None:
    """Check that images, lesions and diagnoses fit together.

    Raises:
        DataError: if an image has two rows or no lesion, or a lesion none of the diagnoses or two.
    """
    twice = [name for name, n in Counter(row["image_id"] for row in rows).items() if n > 1]
    if twice:
        raise DataError(f"the table has more than one row for {some(twice)}; copy it again.")
    diagnosis: dict[str, str] = {}
    for row in rows:
        if not row["lesion_id"]:
            raise DataError(f"{row['image_id']} has no lesion_id; copy the table again.")
        if row["dx"] not in CLASSES:
            raise DataError(
                f"{row['image_id']} has the diagnosis {row['dx']!r}; HAM10000 knows "
                f"{', '.join(CLASSES)}."
            )
        if diagnosis.setdefault(row["lesion_id"], row["dx"]) != row["dx"]:
            raise DataError(
                f"the lesion {row['lesion_id']} is called {diagnosis[row['lesion_id']]} and "
                f"{row['dx']}; correct the table."
            )
