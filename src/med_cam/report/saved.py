"""A result folder read back, to re-test its claims: its masks and the image they are of."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.errors import ConfigError, ImageError, OutputError
from med_cam.images.channels import with_channels
from med_cam.images.from_array import image_from_array
from med_cam.images.geometry import Image
from med_cam.images.label_file import labels_from_png
from med_cam.images.mask_file import mask_from_png
from med_cam.images.part import Part, window_of
from med_cam.images.read import read_image
from med_cam.images.white import FILE, White, white_of
from med_cam.report.file_names import ENVIRONMENT_FILE, JSON_FILE, MASK_FILE
from med_cam.report.headers import size_said
from med_cam.report.opening import content_of, sha256_of_file
from med_cam.report.read import Written, read_written
from med_cam.report.schema import SCHEMA_VERSION
from med_cam.report.source import LEVELS_FILE, PIXELS_FILE


@dataclass(frozen=True, slots=True)
class Saved:
    """A result as it lies on the disk, each file the one that was written with the others.

    Attributes:
        folder: where.
        document: its explanation.json, as this version writes it.
        image: that was explained, from the copy in the folder.
        mask: of the explanation, in the image's pixels.
        alternatives: further masks, in the order of `tests.alternatives`.
        necessary_superset: the mask of `tests.necessary_superset`, if there is one.
        restricted: the mask of `restricted_claim`, if there is one.
        contrast: the masks of `contrast.quiet` and `contrast.runner_up`, if there are any.
        beside: the mask of `beside_claim`, if there is one.
        rung: the mask of `ladder.rung`, if there is one.
        regions: the parts of `tests.minimality`, if patches are no squares.
        compared: the masks of `compared`, in their order.
        version: schema version that explanation.json was written in, as `1.1`.
        found: SHA-256 of files as they are: `source`, the image; `environment`, None if there is
            no such file.
    """

    folder: Path
    document: Mapping[str, Any]
    image: Image
    mask: Bool[Tensor, "h w"]
    alternatives: tuple[Bool[Tensor, "h w"], ...] = ()
    necessary_superset: Bool[Tensor, "h w"] | None = None
    restricted: Bool[Tensor, "h w"] | None = None
    contrast: tuple[Bool[Tensor, "h w"], Bool[Tensor, "h w"]] | None = None
    beside: Bool[Tensor, "h w"] | None = None
    rung: Bool[Tensor, "h w"] | None = None
    regions: Int[Tensor, "h w"] | None = None
    compared: tuple[Bool[Tensor, "h w"], ...] = ()
    version: str = SCHEMA_VERSION
    found: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def older(self) -> bool:
        """Whether it was written in schema version 1, whatever it is read as."""
        return self.version.startswith("1.")


def read_saved(
    folder: Path, channels: int, images: Mapping[str, Path] = MappingProxyType({})
) -> Saved:
    """Read a result and check that its files are those that were written.

    Args:
        folder: of one result.
        channels: that the classifier takes, 1 or 3.
        images: files by their SHA-256, for a result that has no copy of its image.

    Raises:
        OutputError: a file is missing, or is not the one that explanation.json speaks of; or an
            older med-cam has written it, which did not keep what is needed.
    """
    written = read_written(folder)
    try:
        return _saved(folder, written, channels, images)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise OutputError(
            f"{folder / JSON_FILE} is not as med-cam writes it ({reason}); it was changed, "
            "explain the image again"
        ) from error


def found_results(paths: Sequence[Path]) -> list[Path]:
    """The result folders among these folders and below them, sorted, each once.

    Raises:
        OutputError: one of the paths has none, or there are no paths.
    """
    if not paths:
        raise OutputError("no folder was named; give one that `med-cam explain` has written")
    found: dict[Path, Path] = {}
    for path in paths:
        results = [file.parent for file in path.rglob(JSON_FILE) if not _hidden(file, path)]
        if not results:
            raise OutputError(
                f"{path} holds no result; give a folder that `med-cam explain` has written"
            )
        for result in results:
            found.setdefault(result.resolve(), result)
    return sorted(found.values())


def _saved(folder: Path, written: Written, channels: int, images: Mapping[str, Path]) -> Saved:
    """The result that a document speaks of; whatever a lookup raises if it is no such document."""
    document = written.document
    size = (int(document["image"]["height"]), int(document["image"]["width"]))
    tests = document["tests"] or {"alternatives": (), "necessary_superset": None}
    restricted, contrast = document["restricted_claim"], document["contrast"]
    beside = document["beside_claim"]
    rung = (document["ladder"] or {"rung": None})["rung"]

    def mask(entry: Mapping[str, Any]) -> Bool[Tensor, "h w"]:
        return _mask(file_beside(folder, entry["mask"]), entry["sha256"], size)

    image, digest = image_and_hash(folder, document, channels, images)
    return Saved(
        folder=folder,
        document=document,
        image=image,
        mask=mask({"mask": MASK_FILE, "sha256": document["sha256"]["mask"]}),
        alternatives=tuple(mask(other) for other in tests["alternatives"]),
        necessary_superset=None
        if tests["necessary_superset"] is None
        else mask(tests["necessary_superset"]),
        restricted=None if restricted is None else mask(restricted),
        contrast=None
        if contrast is None
        else (mask(contrast["quiet"]), mask(contrast["runner_up"])),
        beside=None if beside is None else mask(beside),
        rung=None if rung is None else mask(rung),
        regions=_regions(folder, document, size),
        compared=tuple(mask(other) for other in document["compared"]),
        version=written.version,
        found={"source": digest, "environment": _digest(folder / ENVIRONMENT_FILE)},
    )


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
    content = _content(path, hashes["source" if pixels or levels else "image"], "image")
    try:
        _refuse_other_header(path, content, size)
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
    _refuse_other_size(path, tuple(image.pixels.shape[1:]), size)
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
    _refuse_other_size(path, tuple(image.pixels.shape[1:]), size)
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


def _mask(path: Path, sha256: str, size: tuple[int, int]) -> Bool[Tensor, "h w"]:
    """A mask from its file."""
    return decoded(path, _content(path, sha256, "mask"), size, mask_from_png)


def decoded(
    path: Path, content: bytes, size: tuple[int, int], decode: Callable[[bytes], Tensor]
) -> Tensor:
    """What a file says of each pixel of the image, of the image's size before and after."""
    _refuse_other_header(path, content, size)
    try:
        found = decode(content)
    except ImageError as error:
        raise OutputError(f"{path} cannot be used: {error}") from error
    _refuse_other_size(path, tuple(found.shape), size)
    return found


def _regions(
    folder: Path, document: Mapping[str, Any], size: tuple[int, int]
) -> Int[Tensor, "h w"] | None:
    """The parts of the mask from their file; None where patches are squares."""
    minimality = (document["tests"] or {}).get("minimality")
    if minimality is None or minimality["regions"] is None:
        return None
    path = file_beside(folder, minimality["regions"])
    content = _content(path, minimality["sha256"], "map of parts")
    return decoded(path, content, size, labels_from_png)


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file, None if there is none."""
    try:
        return sha256_of_file(path)
    except FileNotFoundError:
        return None


def file_beside(folder: Path, name: str) -> Path:
    """A file of the folder itself, whatever a document says."""
    if Path(name).name != name:
        raise OutputError(
            f"{folder / JSON_FILE} names {name!r}, which is no file beside it; it was changed, "
            "explain the image again"
        )
    return folder / name


def _content(path: Path, sha256: str, what: str) -> bytes:
    """The bytes of a file that has this hash."""
    try:
        content = content_of(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror or error}); the result is not whole, explain "
            "the image again"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise OutputError(
            f"{path} is not the {what} that was explained: its SHA-256 begins with {found[:12]}, "
            f"that in {JSON_FILE} with {str(sha256)[:12]}; explain the image again"
        )
    return content


def _refuse_other_header(path: Path, content: bytes, size: tuple[int, int]) -> None:
    """Check the size that a picture says it has, before it takes the memory for it."""
    found = size_said(content)
    if found not in (None, size, size[::-1]):  # turned, if its EXIF data say so
        _refuse_other_size(path, found, size)


def _refuse_other_size(path: Path, found: tuple[int, ...], size: tuple[int, int]) -> None:
    if found != size:
        raise OutputError(
            f"{path} has {found[0]} x {found[1]} pixels, {JSON_FILE} says {size[0]} x {size[1]}; "
            "explain the image again"
        )


def _hidden(file: Path, folder: Path) -> bool:
    """Whether it lies in a hidden folder, as results do that are half-written."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)
