"""Brain Tumor MRI (Masoud Nickparvar, Kaggle, CC0 1.0).

A folder per class in `Training/` and in `Testing/`, its training set and its test set. Its
provider combined it from figshare (Cheng), SARTAJ and Br35H. No table, no patients.
"""

from collections.abc import Iterator
from pathlib import Path

from med_cam_studies.data.collection import TESTING, TRAINING, Collection, Item, images_in, located

CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
RELEASED = {TRAINING: (1321, 1339, 1595, 1457), TESTING: (300, 306, 405, 300)}
FOLDERS = {TRAINING: "Training", TESTING: "Testing"}


def brain_mri(root: Path) -> Collection:
    """The data set with its provider's split.

    Args:
        root: a folder that holds `Training/` and `Testing/`, at most three folders down.

    Raises:
        DataError: if a class folder is missing or empty.
    """
    top = located(root, tuple(FOLDERS.values()))
    return Collection(CLASSES, tuple(items(top)), missing=(), released=RELEASED)


def items(top: Path) -> Iterator[Item]:
    """Every image, part by part and class by class."""
    for part, folder in FOLDERS.items():
        for label, name in enumerate(CLASSES):
            for path in images_in(top / folder / name, (".jpg", ".jpeg", ".png")):
                yield Item(path, label, f"{folder}/{name}/{path.name}", part)
