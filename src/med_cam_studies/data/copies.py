"""Copies among the files of a data set: byte for byte, and nearly."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from med_cam.errors import DataError, ImageError
from med_cam_studies.data.collection import Item
from med_cam_studies.data.pixels import square

THUMBNAIL = 32  # pixels per side; enough to tell pictures apart, too few for JPEG's noise
NEAR = 0.999  # correlation of thumbnails from which a picture counts as a copy


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex.

    Raises:
        DataError: if it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(
            f"{path} cannot be read ({error.strerror}); copy the data set again."
        ) from error


def same_bytes(items: Sequence[Item], hashes: Sequence[str]) -> Iterator[tuple[Item, ...]]:
    """Items with the same content, where there are two or more; in the order of the first."""
    by_hash: dict[str, list[Item]] = {}
    for item, sha in zip(items, hashes, strict=True):
        by_hash.setdefault(sha, []).append(item)
    return (tuple(copies) for copies in by_hash.values() if len(copies) > 1)


def near_copies(
    items: Sequence[Item], known: Sequence[Item], *, correlation: float = NEAR
) -> Bool[Tensor, " n"]:
    """Which items look like a known one: their thumbnails correlate by `correlation` or more.

    Raises:
        DataError: if there are no items, or none that are known.
    """
    likeness = thumbnails(items) @ thumbnails(known).T  # n m
    close: Tensor = likeness.amax(dim=1) >= correlation
    return close


def thumbnails(items: Sequence[Item]) -> Float[Tensor, "n d"]:
    """Small grey pictures as vectors of mean 0 and length 1, so that products are correlations.

    Raises:
        DataError: if there are none.
    """
    if not items:
        raise DataError("there are no images to read; is the data set complete?")
    grey = torch.stack([thumbnail(item) for item in items]).float().flatten(1)
    centred = grey - grey.mean(dim=1, keepdim=True)
    length: Tensor = centred.norm(dim=1, keepdim=True).clamp(min=1)  # a blank picture stays 0
    return centred / length


def thumbnail(item: Item) -> UInt8[Tensor, "1 h w"]:
    """A small grey picture; a blank one, which is like no other, where the file is broken."""
    try:
        return square(item.path, size=THUMBNAIL, channels=1)
    except ImageError:
        return torch.zeros(1, THUMBNAIL, THUMBNAIL, dtype=torch.uint8)
