"""Files of outlined findings, as providers of data sets ship them, to masks.

What is above 0 is in the finding: a bit, a grey value, any of the colours, and in a palette the
index, whatever its colour (some providers write 0 and 1, some 0 and 255). Files that lose detail
(JPEG) are refused, for what they lose turns up around the outline as values above 0; so are
files that are see-through anywhere, where it is anyone's guess which side is meant.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from jaxtyping import Bool
from PIL import ImageOps
from torch import Tensor

from med_cam.errors import ImageError
from med_cam.images.decode import DAMAGED
from med_cam.images.geometry import Geometry

FORMATS = ("PNG", "TIFF", "BMP")
SINGLE = ("1", "L", "P", "I", "I;16", "I;16B")  # modes of one value per pixel
COLOUR = ("RGB", "RGBA", "LA")


def finding(path: Path | Sequence[Path]) -> Bool[Tensor, "h w"]:
    """What people have outlined in one mask file, or in any of several of one image.

    Raises:
        ImageError: no file is given, one cannot be read as a mask, or their sizes differ.
    """
    paths = [path] if isinstance(path, Path) else list(path)
    if not paths:
        raise ImageError("No mask file was given; name at least one.")
    union = outlined(paths[0])
    for other in paths[1:]:
        mask = outlined(other)
        if mask.shape != union.shape:
            raise ImageError(
                f"The mask {other} has {_size(mask)} pixels where {paths[0]} has {_size(union)} "
                "(height x width); give masks of one image."
            )
        union = union | mask
    return union


def fitted(finding: Bool[Tensor, "h w"], height: int, width: int) -> Bool[Tensor, "h1 w1"]:
    """The mask at the image's size, by pixel centres.

    Parts of it that are smaller than the image's pixels may vanish. Proportions may differ by
    what rounding to whole pixels explains: less than one pixel on a side of the smaller size.

    Raises:
        ImageError: if the image's proportions are others.
    """
    h, w = finding.shape
    if abs(h * width - w * height) >= max(h, w, height, width):
        raise ImageError(
            f"A mask of {_size(finding)} pixels does not fit an image of {height} x {width} "
            "(height x width); give the mask of this image."
        )
    squash = Geometry(source=(h, w), input=(height, width), interpolation="nearest")
    return squash.project(finding)[0, 0]


def outlined(path: Path) -> Bool[Tensor, "h w"]:
    """One mask file, turned as its tags say.

    Raises:
        ImageError: the file cannot be opened or decoded to its end, or is no mask.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of many pixels
            with PIL.Image.open(path, formats=FORMATS) as picture:
                return torch.from_numpy(_above_zero(picture, str(path)))
    except PIL.UnidentifiedImageError as error:
        raise ImageError(
            f"{path} is none of {', '.join(FORMATS)}, or damaged; copy the data set again."
        ) from error
    except (*DAMAGED, PIL.Image.DecompressionBombError) as error:
        raise ImageError(
            f"{path} cannot be read as a mask ({type(error).__name__}); copy the data set again."
        ) from error


def _above_zero(picture: PIL.Image.Image, name: str) -> Bool[np.ndarray, "h w"]:
    """Where any value of an opened picture is above 0.

    Raises:
        ImageError: several pages, another mode, or see-through pixels.
        Exception: what Pillow raises on bad files.
    """
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        raise ImageError(f"{name} has {pages} pages; save the mask of each by itself.")
    if picture.mode not in SINGLE + COLOUR:
        raise ImageError(f"{name} has the colour mode {picture.mode}; save it as black and white.")
    values = np.asarray(ImageOps.exif_transpose(picture))
    if picture.mode in SINGLE:
        return values > 0
    if picture.mode in ("RGBA", "LA"):
        if values[..., -1].min() < 255:
            raise ImageError(f"{name} is see-through in places; save it as black and white.")
        values = values[..., :-1]
    return np.asarray((values > 0).any(axis=2))


def _size(mask: Bool[Tensor, "h w"]) -> str:
    """Height x width, in figures."""
    return f"{mask.shape[0]} x {mask.shape[1]}"
