"""A saved result as its explanation, to be shown or handed on; its claims are not tested again."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.images.label_file import labels_from_png
from med_cam.images.mask_file import mask_from_png
from med_cam.report.checked_file import decoded, file_beside
from med_cam.report.file_names import (
    AGREEMENT_FILE,
    JSON_FILE,
    MANIFEST_FILE,
    MASK_FILE,
    REGIONS_FILE,
)
from med_cam.report.manifest import checked_id
from med_cam.report.opening import content_of
from med_cam.report.read import read_explanation
from med_cam.report.restore import restored
from med_cam.report.saved_image import image_and_hash
from med_cam.results.explanation import Explanation


@dataclass(frozen=True, slots=True)
class Result:
    """A result whose files are all those that were written.

    Attributes:
        folder: where.
        document: its explanation.json, as this version writes it.
        explanation: that it was written from.
        result_id: of the result, in hexadecimal.
    """

    folder: Path
    document: Mapping[str, Any]
    explanation: Explanation
    result_id: str


def read_result(folder: Path) -> Result:
    """Read a result and check its files against its manifest.

    Raises:
        OutputError: a file is missing, was added or changed; or it has no manifest, as those of
            an older med-cam.
    """
    result_id, document = checked_id(folder), read_explanation(folder)
    if not result_id:
        raise OutputError(
            f"{folder} has no {MANIFEST_FILE}, so that its files cannot be checked; explain the "
            "image again"
        )
    try:
        found = restored(document, lambda name: _of_file(folder, document, name))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise OutputError(
            f"{folder / JSON_FILE} is not as med-cam writes it ({error}); it was changed, "
            "explain the image again"
        ) from error
    return Result(folder, document, found, result_id)


def image_of(result: Result) -> Image | None:
    """The image that was explained; None where no copy of it was kept.

    Raises:
        OutputError: the copy is not the image that was explained.
    """
    if result.document["image"]["file"] is None:
        return None
    channels = result.document["classifier"]["channels"] or 3
    return image_and_hash(result.folder, result.document, channels)[0]


def _of_file(folder: Path, document: Mapping[str, Any], name: str) -> Tensor:
    """What a file of the result says of each pixel.

    Raises:
        OutputError: it cannot be read, or is of another size; or it is another mask.
    """
    path, size = (
        file_beside(folder, name),
        (document["image"]["height"], document["image"]["width"]),
    )
    try:
        content = content_of(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error})") from error
    if name == MASK_FILE and hashlib.sha256(content).hexdigest() != document["sha256"]["mask"]:
        raise OutputError(f"{path} is not the mask that {JSON_FILE} speaks of; it was changed")
    decode = {AGREEMENT_FILE: _shares, REGIONS_FILE: labels_from_png}.get(name, mask_from_png)
    return decoded(path, content, size, decode)


def _shares(content: bytes) -> Float[Tensor, "h w"]:
    """Shares in [0, 1] from grey of 8 bits."""
    with PIL.Image.open(BytesIO(content), formats=("PNG",)) as picture:
        return torch.from_numpy(np.array(picture.convert("L")).astype(np.float32) / 255)
