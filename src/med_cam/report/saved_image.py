"""The image of a saved result, read from its copy or from the file that it was explained from."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from med_cam.errors import ConfigError, ImageError, OutputError
from med_cam.images.channels import with_channels
from med_cam.images.from_array import image_from_array
from med_cam.images.image import Image
from med_cam.images.part import Part, window_of
from med_cam.images.read import read_image
from med_cam.images.white import FILE, White, white_of
from med_cam.report.checked_file import (
    content_with,
    file_beside,
    refuse_other_header,
    refuse_other_size,
)
from med_cam.report.file_names import JSON_FILE
from med_cam.report.source import LEVELS_FILE, PIXELS_FILE


def image_and_hash(
    folder: Path,
    document: Mapping[str, Any],
    channels: int,
    images: Mapping[str, Path] = MappingProxyType({}),
) -> tuple[Image, str]:
    """The image of a result, and the hash of the file that it was read from.

    Args:
        folder: of the result.
        document: its explanation.json.
        channels: of the image, 1 or 3.
        images: files by their SHA-256, for a result that has no copy of its image.

    Raises:
        OutputError: there is no such file, or it is not the one that was explained.
    """
    size = (int(document["image"]["height"]), int(document["image"]["width"]))
    image, digest = _image(_image_file(folder, document, images), document, size, channels)
    slide = images.get(document["sha256"]["image"] or "")
    if document["image"]["region"] is None or slide is None or image.slide is not None:
        return image, digest
    again = _region(slide, document, size, channels)
    if not torch.equal(again.pixels, image.pixels):
        raise OutputError(
            f"{slide} has other pixels in the region than the copy in {folder}: another version "
            "of OpenSlide may decode it otherwise; without --image the copy is tested"
        )
    return again, digest


def _image_file(folder: Path, document: Mapping[str, Any], images: Mapping[str, Path]) -> Path:
    """The copy of the image; where none was kept, the file that has its hash among those given.

    Raises:
        OutputError: if there is none.
    """
    name, digest = document["image"]["file"], document["sha256"]["source"]
    if name is not None:
        return file_beside(folder, name)
    if digest not in images:
        given = f"none of the {len(images)} given is it" if images else "give it with --image FILE"
        raise OutputError(
            f"{folder} has no copy of its image, which was explained with --no-source; {given} "
            f"(its SHA-256 begins with {digest[:12]})"
        )
    return images[digest]


def _image(
    path: Path, document: Mapping[str, Any], size: tuple[int, int], channels: int
) -> tuple[Image, str]:
    """The image from its file, and the hash of that; the copy of a file has the file's own."""
    hashes, said = document["sha256"], document["image"]
    if said["region"] is not None and said["file"] is None:
        return _region(path, document, size, channels), hashes["source"]
    pixels = path.suffix == Path(PIXELS_FILE).suffix
    copied = said["dicom"] is not None or said["region"] is not None
    levels = copied and path.name == LEVELS_FILE
    content = content_with(path, hashes["source" if pixels or levels else "image"], "image")
    try:
        refuse_other_header(path, content, size)
        image = (
            _image_of_pixels(path, content)
            if pixels
            else read_image(path, channels=channels, white=FILE)
            if levels
            else read_image(
                path, channels=channels, white=declared(document), part=part_of(document)
            )
        )
    except ImageError as error:
        raise OutputError(f"{path} cannot be used: {error}") from error
    if pixels or levels:  # the file that was read, and what was wrong with it, is not here
        image = replace(image, notes=tuple(document["image"]["notes"]))
    refuse_other_size(path, tuple(image.pixels.shape[1:]), size)
    digest = hashlib.sha256(content).hexdigest()
    return replace(image, pixels=with_channels(image.pixels, channels)), digest


def _region(
    path: Path, document: Mapping[str, Any], size: tuple[int, int], channels: int
) -> Image:
    """The region of a slide, read again from the slide, which has the hash that was saved.

    Its notes are those that were saved: some are of the classifier that it was fitted to.
    """
    try:
        image = read_image(path, channels=channels, part=part_of(document))
    except ImageError as error:
        raise OutputError(f"{path} cannot be used: {error}") from error
    refuse_other_size(path, tuple(image.pixels.shape[1:]), size)
    return replace(image, notes=tuple(document["image"]["notes"]))


def declared(document: Mapping[str, Any]) -> White:
    """What was declared white when the image of a result was read."""
    white = document["image"]["white"]
    return None if white is None else white_of(white)


def part_of(document: Mapping[str, Any]) -> Part:
    """What was asked for of the file of a result's image.

    Raises:
        OutputError: no file has such a part.
    """
    image = document["image"]
    try:
        return Part(
            None if image["window"] is None else window_of(image["window"]),
            image["frame"],
            image["slice"],
            None if image["region"] is None else tuple(image["region"]),
            image["mpp"],
            image["slide_mpp"],
        )
    except ConfigError as error:
        raise OutputError(f"{JSON_FILE} is not as med-cam writes it ({error})") from error


def _image_of_pixels(path: Path, content: bytes) -> Image:
    pixels = torch.from_numpy(np.load(BytesIO(content), allow_pickle=False))
    return replace(image_from_array(pixels), path=str(path))
