"""A result folder read back, to re-test its claims: its masks and the image they are of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jaxtyping import Bool, Int
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.images.label_file import labels_from_png
from med_cam.images.mask_file import mask_from_png
from med_cam.report.checked_file import content_with, decoded, file_beside
from med_cam.report.file_names import ENVIRONMENT_FILE, JSON_FILE, MASK_FILE
from med_cam.report.opening import sha256_of_file
from med_cam.report.read import Written, read_written
from med_cam.report.saved_image import image_and_hash
from med_cam.report.schema import SCHEMA_VERSION


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


def _mask(path: Path, sha256: str, size: tuple[int, int]) -> Bool[Tensor, "h w"]:
    """A mask from its file."""
    return decoded(path, content_with(path, sha256, "mask"), size, mask_from_png)


def _regions(
    folder: Path, document: Mapping[str, Any], size: tuple[int, int]
) -> Int[Tensor, "h w"] | None:
    """The parts of the mask from their file; None where patches are squares."""
    minimality = (document["tests"] or {}).get("minimality")
    if minimality is None or minimality["regions"] is None:
        return None
    path = file_beside(folder, minimality["regions"])
    content = content_with(path, minimality["sha256"], "map of parts")
    return decoded(path, content, size, labels_from_png)


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file, None if there is none."""
    try:
        return sha256_of_file(path)
    except FileNotFoundError:
        return None
