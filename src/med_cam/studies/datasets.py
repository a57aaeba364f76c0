"""Brain Tumor MRI as its owner ships it, without the copies that cross its splits."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image as Pillow
from torch import Tensor

from med_cam.errors import ImageError

BRAIN_MRI_CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
THUMBNAIL = 32  # pixels a side; enough to tell pictures apart, too few for JPEG's noise
NEAR = 0.999  # correlation of thumbnails from which a picture counts as a copy


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


def pixels(items: Sequence[Labelled], size: int) -> UInt8[Tensor, "n 1 h w"]:
    """All images, grey, squashed to a square.

    Raises:
        ImageError: if there are none, or a file is no image.
    """
    if not items:
        raise ImageError("there are no images to read; is the data set complete?")
    return torch.from_numpy(np.stack([square(item.path, size) for item in items]))[:, None]


def square(path: Path, size: int) -> UInt8[np.ndarray, "h w"]:
    """One image, grey, squashed to a square."""
    try:
        with Pillow.open(path) as image:
            grey = image.convert("L")
    except OSError as error:
        raise ImageError(f"{path} cannot be read as an image; copy the data set again.") from error
    return np.asarray(grey.resize((size, size), Pillow.Resampling.BILINEAR))


def near_copies(
    items: Sequence[Labelled], known: Sequence[Labelled], *, correlation: float = NEAR
) -> Bool[Tensor, " n"]:
    """Which items look like a known one: their thumbnails correlate with at least so much."""
    likeness = thumbnails(items) @ thumbnails(known).T  # n m
    close: Tensor = likeness.amax(dim=1) >= correlation
    return close


def thumbnails(items: Sequence[Labelled]) -> Float[Tensor, "n d"]:
    """Small grey pictures as vectors of mean 0 and length 1, so that products are correlations."""
    grey = pixels(items, THUMBNAIL).float().flatten(1)
    centred = grey - grey.mean(dim=1, keepdim=True)
    length: Tensor = centred.norm(dim=1, keepdim=True).clamp(min=1)  # a blank picture stays 0
    return centred / length
