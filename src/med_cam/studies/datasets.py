"""Brain Tumor MRI as its owner ships it, without the copies that cross its splits."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from med_cam.errors import ImageError

BRAIN_MRI_CLASSES = ("glioma", "meningioma", "notumor", "pituitary")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One file of a data set and its class."""

    path: Path
    label: int


@dataclass(frozen=True, slots=True)
class Splits:
    """Files by use. Every file appears once, whatever its name; `dropped` counts the copies."""

    fit: tuple[Labelled, ...]
    validation: tuple[Labelled, ...]
    testing: tuple[Labelled, ...]
    dropped: int


def brain_mri(root: Path, validation_share: float = 0.08) -> Splits:
    """The splits of Brain Tumor MRI (Nickparvar, Kaggle, CC0).

    Byte-identical copies are dropped: within Training, within Testing, and from Testing where
    Training holds the same file (the leak that published scores count in). The validation part
    is drawn from Training by a hash of the bytes, so it is the same on every machine.

    Args:
        root: folder that holds `Training/` and `Testing/`.
        validation_share: share of Training kept from fitting.

    Raises:
        ImageError: if a class folder is missing or empty.
    """
    training, testing = listed(root / "Training"), listed(root / "Testing")
    training_hashes = [digest(item.path) for item in training]
    testing_hashes = [digest(item.path) for item in testing]
    kept_training = first_of_each(training, training_hashes, frozenset())
    kept_testing = first_of_each(testing, testing_hashes, frozenset(training_hashes))
    fit: list[Labelled] = []
    validation: list[Labelled] = []
    for item, sha in kept_training:
        (validation if int(sha[:8], 16) / 16**8 < validation_share else fit).append(item)
    dropped = len(training) + len(testing) - len(kept_training) - len(kept_testing)
    return Splits(tuple(fit), tuple(validation), tuple(item for item, _ in kept_testing), dropped)


def listed(folder: Path) -> list[Labelled]:
    """Every image below the class folders, in a fixed order."""
    found = []
    for label, name in enumerate(BRAIN_MRI_CLASSES):
        paths = sorted((folder / name).glob("*.jpg"))
        if not paths:
            raise ImageError(f"no .jpg files in {folder / name}; is --root the data set's folder?")
        found += [Labelled(path, label) for path in paths]
    return found


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def first_of_each(
    items: Sequence[Labelled], hashes: Sequence[str], known: frozenset[str]
) -> list[tuple[Labelled, str]]:
    """The first file of each content that is not already known."""
    seen = set(known)
    kept = []
    for item, sha in zip(items, hashes, strict=True):
        if sha not in seen:
            seen.add(sha)
            kept.append((item, sha))
    return kept
