"""Files, folders and arrays to images.

A file is read once, as PNG, JPEG, TIFF, BMP, WebP or GIF, whatever its name says. Its values
become [0, 1] so:

* 1 and 8 bits, palettes: white is 1. CMYK and YCbCr are converted to RGB.
* grey with 16 bits (PNG, TIFF), and 32-bit whole numbers: divided by 65535, also if the camera
  used fewer bits; a file that declares 12 bits is divided by 4095. Other values are refused.
* colour with 16 bits: Pillow keeps the upper 8 of them.
* grey floats (TIFF): as they are; values outside [0, 1] and NaN are refused.

EXIF orientation is applied, so the mask fits the picture as viewers show it. Colour profiles
(ICC) are ignored, as they are in the training of classifiers. An alpha channel is dropped if it is
opaque throughout; otherwise the file is refused, since what lies behind it is anyone's guess.
"""

import hashlib
import io
import struct
import unicodedata
import warnings
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from PIL import ImageOps
from torch import Tensor

from med_cam.config.given import given, refuse_other
from med_cam.config.rules import is_whole
from med_cam.errors import ConfigError, ImageError
from med_cam.images.geometry import Image

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
AN_ARRAY = "a NumPy array or a tensor (read_image reads files; numpy.asarray takes PIL images)"
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's and torchvision's grey
MIN_IS_WHITE = 0  # TIFF PhotometricInterpretation, which Pillow heeds up to 8 bits only
DAMAGED = (  # what Pillow's decoders raise on damaged files
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError,
    ArithmeticError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip


def read_image(path: str | Path, *, channels: int = 3) -> Image:
    """Read one picture as grey (channels 1) or colour (channels 3).

    Raises:
        ConfigError: channels is neither 1 nor 3.
        ImageError: the file is missing, empty, damaged, no image, animated or has several pages,
            see-through, too large, or holds values without a known range.
    """
    refuse_other("path", path, (str, Path), "the path of an image file", ImageError)
    _refuse_other_channels(channels)
    path = Path(path)
    content = _content(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd metadata, and of half of what is too large
            values = _decoded(content, str(path))
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(
            f"{path} has too many pixels to be read whole; cut out the part to explain."
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise ImageError(f"{path} {_not_an_image(content)}.") from error
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into memory; cut out a part of it.") from error
    except DAMAGED as error:
        raise ImageError(
            f"{path} is damaged or incomplete ({_first_line(error)}); export it again."
        ) from error
    pixels = torch.from_numpy(_channels_first(values, prefer_first=False).copy())
    return Image(with_channels(pixels, channels), str(path), hashlib.sha256(content).hexdigest())


def image_from_array(array: np.ndarray | Tensor, *, channels: int | None = None) -> Image:
    """An image from an array h w, h w c or c h w, with c = 1 or 3; copied.

    Where both ends could be the channels (3 x 5 x 3), they are last in a NumPy array and first
    in a tensor. Bytes are divided by 255, uint16 by 65535, floats have to lie in [0, 1].

    Args:
        array: the pixels.
        channels: 1 or 3 to convert; as the array has it if not given.

    Raises:
        ConfigError: channels is neither 1 nor 3.
        ImageError: another shape, type or range.
    """
    refuse_other("array", array, (np.ndarray, Tensor), AN_ARRAY, ImageError)
    values, is_tensor = array, isinstance(array, Tensor)
    if isinstance(values, Tensor):
        values = _numpy(values)
    planes = _channels_first(values, prefer_first=is_tensor)
    white = {"bool": 1, "uint8": 255, "uint16": 65535}.get(planes.dtype.name)
    if white is None and planes.dtype.kind != "f":
        raise ImageError(
            f"An array of {planes.dtype.name} has no known range; give uint8, uint16, or floats "
            "in [0, 1]."
        )
    pixels = torch.from_numpy(_unit(planes, white or 1, name="The array").copy())
    return Image(with_channels(pixels, pixels.shape[0] if channels is None else channels))


def _numpy(values: Tensor) -> np.ndarray:
    """A tensor of any device and precision as an array.

    Raises:
        ImageError: it has no values, or is sparse or quantised.
    """
    try:
        values = values.detach().cpu()
        return (values.float() if values.dtype == torch.bfloat16 else values).numpy()
    except (RuntimeError, TypeError) as error:
        raise ImageError(f"The array has no plain values ({_first_line(error)}).") from error


def with_channels(pixels: Float[Tensor, "c h w"], channels: int) -> Float[Tensor, "c1 h w"]:
    """Colour to grey by ITU-R BT.601, or grey repeated; unchanged if the number is right.

    Raises:
        ConfigError: channels is neither 1 nor 3.
    """
    _refuse_other_channels(channels)
    if pixels.shape[0] == channels:
        return pixels
    if channels == 3:
        return pixels.repeat(3, 1, 1)
    weights = pixels.new_tensor(LUMA)[:, None, None]
    return (pixels * weights).sum(dim=0, keepdim=True).clamp(0, 1)


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The image files among the paths, folders replaced by the images in them.

    Files are taken as they are given, whatever their name. Of a folder, the files with an image's
    suffix are taken, sorted by name; if it has none, those of all folders below it. Hidden files
    are left out. A file that is met twice is taken once.

    Raises:
        ImageError: a path does not exist or cannot be opened, or a folder has no images.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            for image in _images_at(path):
                found.setdefault(image.resolve(), image)
        except OSError as error:
            raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    return list(found.values())


def unique_stems(paths: Sequence[Path]) -> list[str]:
    """One folder name a path: its stem, with -2, -3, ... on the later ones of equal stems.

    Names are compared as file systems may, without regard to case or Unicode composition. The
    first path of a stem keeps it, so a suffix never takes the stem of another file. Names have
    no dots or spaces at their ends; a stem of nothing else becomes "image".
    """
    stems = [path.stem.strip(". ") or "image" for path in paths]
    first = {_folded(stem): index for index, stem in reversed(list(enumerate(stems)))}
    taken = set(first)
    names = []
    for index, stem in enumerate(stems):
        name, number = stem, 2
        while index != first[_folded(stem)] and _folded(name) in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(_folded(name))
        names.append(name)
    return names


def _content(path: Path) -> bytes:
    """The file's bytes, at least one.

    Raises:
        ImageError: there is no such file, it cannot be opened, or it is empty.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise ImageError(f"{path} does not exist; check the path.") from error
    except IsADirectoryError as error:
        raise ImageError(f"{path} is a folder where an image is expected.") from error
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    except (ValueError, MemoryError) as error:
        raise ImageError(f"{path} cannot be opened ({_first_line(error)}).") from error
    if not content:
        raise ImageError(f"{path} is empty (0 bytes); copy or export it again.")
    return content


def _decoded(content: bytes, name: str) -> np.ndarray:
    """The one picture in the bytes, upright: h w or h w 3, in [0, 1].

    Raises:
        ImageError: several pictures, see-through, other colours or values than we can read.
        Exception: what Pillow raises on bad files; see `read_image`.
    """
    with PIL.Image.open(io.BytesIO(content), formats=FORMATS) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":  # an MPO is a JPEG that brings its previews
            raise ImageError(f"{name} has {frames} frames; save the one to explain by itself.")
        ImageOps.exif_transpose(picture, in_place=True)
        _refuse_more_channels(picture, name)
        if picture.mode in DEEP_MODES:
            return _deep_grey(picture, name)
        grey = picture.mode in GREY_MODES
        return np.asarray(picture.convert("L" if grey else "RGB"), dtype=np.float32) / 255


def _refuse_more_channels(picture: PIL.Image.Image, name: str) -> None:
    """Channels that would have to be dropped unseen.

    Raises:
        ImageError: other colours, transparency, or channels beyond three.
    """
    if picture.mode not in (*GREY_MODES, *COLOUR_MODES, *DEEP_MODES):
        raise ImageError(f"{name} has the colour mode {picture.mode}; save it as grey or RGB.")
    samples = _tag(picture, 277, default=1)
    if samples > len(picture.getbands()):  # Pillow would drop the others without a word
        raise ImageError(f"{name} has {samples} channels; save it as grey or RGB.")
    if picture.mode in DEEP_MODES or not picture.has_transparency_data:
        return
    lowest, _ = picture.convert("RGBA").getchannel("A").getextrema()
    if lowest != 255:
        raise ImageError(
            f"{name} has {max(2, len(picture.getbands()))} channels, the last of them partly "
            "transparent; save it without transparency, as grey or RGB."
        )


def _deep_grey(picture: PIL.Image.Image, name: str) -> np.ndarray:
    """Grey with more than 8 bits, h w in [0, 1].

    Raises:
        ImageError: values out of range, or a transparent one.
    """
    values = np.asarray(picture)
    if np.any(values == picture.info.get("transparency")):
        raise ImageError(f"{name} is partly transparent; save it without transparency.")
    bits = min(16, _tag(picture, 258, default=16))
    grey = _unit(values, 1 if picture.mode == "F" else 2**bits - 1, name=name)
    return 1 - grey if _tag(picture, 262, default=1) == MIN_IS_WHITE else grey


def _tag(picture: PIL.Image.Image, number: int, *, default: int) -> int:
    """A TIFF tag's first value; the default if it is not there, or the file is no TIFF."""
    value: Any = getattr(picture, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _unit(values: np.ndarray, white: int, *, name: str) -> np.ndarray:
    """Values in [0, white] to float32 in [0, 1].

    Raises:
        ImageError: a value is out of range, or not a number.
    """
    if not np.isfinite(values).all():
        raise ImageError(f"{name} holds NaN or infinite values; replace them.")
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest > white:
        raise ImageError(
            f"{name} holds values from {lowest:g} to {highest:g}; scale them to [0, {white}]."
        )
    return values.astype(np.float32) / np.float32(white)


def _channels_first(values: np.ndarray, *, prefer_first: bool) -> np.ndarray:
    """To c h w, from h w, h w c or c h w.

    Raises:
        ImageError: no pixels, or neither end has 1 or 3 channels.
    """
    shape = values.shape
    if values.ndim not in (2, 3) or 0 in shape:
        raise ImageError(f"An array of shape {shape} is no image; give h w, h w c or c h w.")
    if values.ndim == 2:
        return values[None]
    first, last = shape[0] in (1, 3), shape[2] in (1, 3)
    if not first and not last:
        raise ImageError(f"An array of shape {shape} has neither 1 nor 3 channels.")
    return values if first and (prefer_first or not last) else np.moveaxis(values, 2, 0)


def _images_at(path: Path) -> list[Path]:
    """The file itself, or the images of a folder.

    Raises:
        ImageError: there is neither.
    """
    if not path.exists():
        raise ImageError(f"{path} does not exist; check the path.")
    if not path.is_dir():
        return [path]
    for candidates in (path.iterdir(), path.rglob("*")):
        images = _images_among(candidates, path)
        if images:
            return images
    raise ImageError(f"The folder {path} has no images ({', '.join(SUFFIXES)}) in it.")


def _images_among(candidates: Iterable[Path], folder: Path) -> list[Path]:
    """Files with an image's suffix, sorted, nothing hidden."""
    return sorted(
        path
        for path in candidates
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _not_an_image(content: bytes) -> str:
    """Why Pillow does not know the file, as the end of a sentence."""
    if content[128:132] == b"DICM":
        return "is a DICOM file, which is not read yet; export it as PNG or TIFF"
    return f"is none of {', '.join(FORMATS)}, or its beginning is damaged"


def _refuse_other_channels(channels: int) -> None:
    """A classifier's number of channels.

    Raises:
        ConfigError: neither 1 nor 3.
    """
    if not is_whole(channels) or channels not in (1, 3):
        raise ConfigError(f"channels is {given(channels)}; it must be 1 (grey) or 3 (colour).")


def _folded(name: str) -> str:
    """The name as file systems may compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _first_line(error: Exception) -> str:
    """What an error says, short enough for a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
