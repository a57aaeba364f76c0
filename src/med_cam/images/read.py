"""Files and arrays to images.

A file is read once, as PNG, JPEG, TIFF, BMP, WebP, GIF, DICOM or NIfTI, whatever its name says.
DICOM is read in `dicom`, NIfTI in `nifti`, a region of a slide in `slide`. The values of others
become [0, 1] so:

* 1 and 8 bits, palettes: white is 1. CMYK and YCbCr are converted to RGB. Signed bytes: 127 is 1.
* more bits and floats: white is the highest value that the file can hold (65535; 1 for floats),
  what a TIFF's MaxSampleValue says if that is 2^n - 1, or what is declared; see `white`. A file
  of which less than an eighth is used is refused unless its white is declared.
* colour with 16 bits: the upper 8 of them, unless white is declared.

EXIF orientation is applied, so the mask fits the picture as viewers show it. Colour profiles
(ICC) are ignored, as they are in the training of classifiers. An alpha channel is dropped if it is
opaque throughout; otherwise the file is refused, since what lies behind it is anyone's guess.

Memory is checked before anything is decoded (`budget`), checksums and lengths beside the decoder
(`damage`, `tiff`); what is only suspicious becomes a note of the image.
"""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import PIL.Image
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import ImageOps
from torch import Tensor

from med_cam.config.given import given, refuse_other
from med_cam.config.rules import is_whole
from med_cam.errors import ConfigError, ImageError
from med_cam.images.budget import BUDGET, refuse_beyond
from med_cam.images.damage import PNG, damaged, faults_in
from med_cam.images.dicom import read_dicom
from med_cam.images.dicom_file import is_dicom
from med_cam.images.dicom_image import DicomImage
from med_cam.images.file import content_of, sha256_of
from med_cam.images.foreign import foreign
from med_cam.images.geometry import Image
from med_cam.images.nifti import holds_nifti, read_nifti
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.overheard import overheard
from med_cam.images.part import WHOLE, Part
from med_cam.images.slide import SUFFIXES as SLIDES, not_whole, read_slide
from med_cam.images.slide_region import SlideRegion
from med_cam.images.strips import tiff_faults
from med_cam.images.tiff import (
    Tiff,
    decoded,
    is_tiff,
    note_on_pyramid,
    refuse_fax,
    refuse_several,
    tiff_of,
)
from med_cam.images.white import FILE, Range, White, note_on, refuse_other_white, unit

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
AN_ARRAY = "a NumPy array or a tensor (explain takes paths and PIL images as they are)"
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601, as in Pillow's and torchvision's grey
MIN_IS_WHITE = 0  # TIFF PhotometricInterpretation, which Pillow heeds up to 8 bits only
DAMAGED = (  # what Pillow's decoders raise on damaged files
    OSError, SyntaxError, ValueError, EOFError, LookupError, TypeError, AttributeError,
    ArithmeticError, RuntimeError, struct.error, zlib.error,
)  # fmt: skip
UPPER = 256  # of 16-bit colour, Pillow keeps the value divided by this
TURNS = {  # EXIF orientation: what makes the picture upright
    2: lambda v: v[:, ::-1],
    3: lambda v: v[::-1, ::-1],
    4: lambda v: v[::-1],
    5: lambda v: v.swapaxes(0, 1),
    6: lambda v: v[::-1].swapaxes(0, 1),
    7: lambda v: v[::-1, ::-1].swapaxes(0, 1),
    8: lambda v: v[:, ::-1].swapaxes(0, 1),
}


@dataclass(frozen=True, slots=True)
class Picture:
    """What was decoded.

    Attributes:
        values: h w or h w 3, float32, in [0, 1].
        notes: what a reader must know of how it was read.
        dicom: what a DICOM file says of itself.
        nifti: where the slice lies in a NIfTI volume.
        slide: where the region lies in a slide.
    """

    values: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    dicom: DicomImage | None = None
    nifti: NiftiSlice | None = None
    slide: SlideRegion | None = None


def read_image(
    path: str | Path,
    *,
    channels: int = 3,
    white: White = None,
    budget: int = BUDGET,
    part: Part = WHOLE,
) -> Image:
    """Read one picture as grey (channels 1) or colour (channels 3).

    Args:
        path: of the file.
        channels: 1 or 3.
        white: the grey value that is white in files of more than 8 bits; "file" is the highest
            that the file can hold, however dark the picture is. None: as the file says.
        budget: bytes of memory that the image may take.
        part: window and frame, of DICOM, as in `Part(window=(300, 2000), frame=3)`; window and
            slice, of NIfTI, as in `Part(slice="axial=80")`; region and microns per pixel, of
            slides, as in `Part(region=(20000, 12000, 2048, 2048), mpp=0.5)`.

    Raises:
        ConfigError: channels is neither 1 nor 3.
        ImageError: the file is missing, no regular file, empty, damaged, no image or of a kind
            that is not read, animated or of several pages, see-through, too large, holds values
            without a known range, or would be almost black.
    """
    refuse_other("path", path, (str, Path), "the path of an image file", ImageError)
    _refuse_other_channels(channels)
    refuse_other_white(white)
    path = Path(path)
    try:
        picture, digest = _with_hash(path, white, budget, part)
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into memory; cut out a part of it.") from error
    except DAMAGED as error:
        raise damaged(str(path), _first_line(error)) from error
    planes = channels_first(picture.values, prefer_first=False)
    pixels = torch.from_numpy(np.ascontiguousarray(planes))
    return Image(
        with_channels(pixels, channels),
        str(path),
        digest,
        white=white,
        notes=picture.notes,
        part=part,
        dicom=picture.dicom,
        nifti=picture.nifti,
        slide=picture.slide,
    )


def image_from_array(
    array: np.ndarray | Tensor, *, channels: int | None = None, white: White = None
) -> Image:
    """An image from an array h w, h w c or c h w, with c = 1 or 3; copied.

    Where both ends could be the channels (3 x 5 x 3), they are last in a NumPy array and first
    in a tensor. Bytes are divided by 255, uint16 by 65535 or what is declared white, floats have
    to lie in [0, 1] or below what is declared white; of other whole numbers white is asked for.

    Args:
        array: the pixels.
        channels: 1 or 3 to convert; as the array has it if not given.
        white: the value that is white; "file" is the highest of the type (65535 of uint16),
            however dark the picture is.

    Raises:
        ConfigError: channels is neither 1 nor 3.
        ImageError: another shape, type or range; or uint16 of which less than an eighth of the
            range is used, bytes of 0 and 1 only, or other whole numbers, and no white.
    """
    refuse_other("array", array, (np.ndarray, Tensor), AN_ARRAY, ImageError)
    refuse_other_white(white)
    values, is_tensor = array, isinstance(array, Tensor)
    if isinstance(values, Tensor):
        values = _numpy(values)
    planes = channels_first(values, prefer_first=is_tensor)
    found = _range_of_array(planes, white)
    scaled, chosen = unit(planes, found, white, name="The array")
    pixels = torch.from_numpy(np.ascontiguousarray(scaled))
    pixels = with_channels(pixels, pixels.shape[0] if channels is None else channels)
    return Image(pixels, notes=note_on(chosen, found, planes))


def _range_of_array(planes: NDArray[np.generic], white: White) -> Range:
    """What an array of this type can hold.

    Raises:
        ImageError: nobody can know.
    """
    kind, option = planes.dtype, "white={}"
    full = {"bool": 1, "uint8": 255, "uint16": 65535}.get(kind.name, 1 if kind.kind == "f" else 0)
    if not full and (kind.kind not in "iu" or white in (None, FILE)):
        raise ImageError(
            f"An array of {kind.name} has no known range; say which value is white with "
            "white=VALUE, or give uint8, uint16, or floats in [0, 1]."
            if kind.kind in "iu"
            else f"An array of {kind.name} has no known range; give uint8, uint16, or floats."
        )
    if kind.name == "uint8" and white is None and planes.max() == 1:
        raise ImageError(
            "The array holds bytes of 0 and 1 only; say white=1 if 1 is white, or white=255 if it "
            "is so dark."
        )
    words = {"uint16": "16-bit values", "uint8": "bytes"}.get(kind.name, "floats")
    deep = kind.name == "uint16" or white is not None
    return Range(float(full or white or 1), words, deep=deep, option=option)


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


def _with_hash(path: Path, white: White, budget: int, part: Part) -> tuple[Picture, str]:
    """What is read of a file, and its SHA-256; a slide is not taken into memory for it."""
    if part.region is not None:
        found = read_slide(path, part, budget)
        return Picture(found.values, found.notes, slide=found.region), sha256_of(path)
    if path.suffix.lower() in SLIDES and path.is_file():  # some are a picture of the whole glass
        raise not_whole(str(path), f"called as a slide ({path.suffix})")
    content = content_of(path, most=budget)
    picture = _read(content, str(path), white, budget, part)
    return picture, hashlib.sha256(content).hexdigest()


def _read(content: bytes, name: str, white: White, budget: int, part: Part) -> Picture:
    """The one picture in the bytes, one frame of DICOM, or one slice of NIfTI."""
    if holds_nifti(content):
        volume = read_nifti(content, name, part, white, budget)
        return Picture(volume.values, volume.notes, nifti=volume.slice)
    if not is_dicom(content):
        return _picture(content, name, white, budget)
    found = read_dicom(content, name, part, budget)
    return Picture(found.values, found.notes, found.image)


def _picture(content: bytes, name: str, white: White, budget: int) -> Picture:
    """The one picture in the bytes, with what its decoder warned of.

    Raises:
        ImageError: as `read_image` says.
        Exception: what Pillow raises on bad files.
    """
    tiff = is_tiff(content)
    with overheard(tiff=tiff) as said:
        picture = (_of_tiff if tiff else _of_pillow)(content, name, white, budget)
    return Picture(picture.values, tuple(dict.fromkeys((*picture.notes, *said))))


def _of_tiff(content: bytes, name: str, white: White, budget: int) -> Picture:
    """A TIFF by Pillow where that reads its values right, else by tifffile."""
    tiff = tiff_of(content, name)
    refuse_several(tiff, name)
    refuse_beyond(name, tiff.size, len(content), budget=budget)
    refuse_fax(tiff, name)
    notes = (*_faults(tiff_faults(tiff, content, name)), *note_on_pyramid(tiff))
    declared = white not in (None, FILE) and tiff.samples == 3 and tiff.bits > 8
    picture = None if declared or not tiff.plain else _known(content)
    if picture is None:
        values = decoded(tiff, name)
        grey, scale = unit(values, tiff.range, white, name=name)
        grey = 1 - grey if tiff.photometric == MIN_IS_WHITE else grey
        turned = TURNS.get(tiff.orientation, lambda v: v)(grey)
        return Picture(turned, (*notes, *note_on(scale, tiff.range, values)))
    with picture:
        found = upright(picture, name, white, tiff.range, tiff)
    return Picture(found.values, (*notes, *found.notes))


def _known(content: bytes) -> PIL.Image.Image | None:
    """The file, opened; None if it is of a kind that Pillow does not know."""
    try:
        return PIL.Image.open(io.BytesIO(content), formats=FORMATS)
    except PIL.UnidentifiedImageError:
        return None


def _of_pillow(content: bytes, name: str, white: White, budget: int) -> Picture:
    """PNG, JPEG, BMP, WebP or GIF."""
    if what := foreign(content):
        raise ImageError(f"{name} is {what}.")
    try:
        opened = _known(content)
    except PIL.Image.DecompressionBombError as error:
        raise ImageError(
            f"{name} has too many pixels to be read whole; cut out the part to explain."
        ) from error
    if opened is None:
        raise ImageError(f"{name} is none of {', '.join(FORMATS)}, or its beginning is damaged.")
    with opened as picture:
        refuse_beyond(name, (picture.height, picture.width), len(content), budget=budget)
        frames = getattr(picture, "n_frames", 1)
        if frames > 1 and picture.format != "MPO":  # an MPO is a JPEG that brings its previews
            raise ImageError(f"{name} has {frames} frames; save the one to explain by itself.")
        notes = _faults(faults_in(content, picture.format, name))
        found = upright(picture, name, white, _range(content))
    return Picture(found.values, (*notes, *found.notes))


def _faults(found: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"the image's file may be damaged: {fault}" for fault in found)


def upright(
    picture: PIL.Image.Image, name: str, white: White, found: Range, tiff: Tiff | None = None
) -> Picture:
    """The picture that Pillow decodes, turned as its EXIF data say.

    Raises:
        ImageError: see-through, other colours or values than we can read.
    """
    ImageOps.exif_transpose(picture, in_place=True)
    _refuse_more_channels(picture, name, 1 if tiff is None else tiff.samples)
    if picture.mode in DEEP_MODES:
        return _deep_grey(picture, found, white, tiff, name)
    kind = "L" if picture.mode in GREY_MODES else "RGB"
    values = np.asarray(picture if picture.mode == kind else picture.convert(kind))
    if found.deep and picture.mode != "CMYK":
        values = _upper_bits(values, found, white, name)
    pixels = values.astype(np.float32)
    pixels /= 255
    return Picture(pixels)


def _upper_bits(
    values: NDArray[np.uint8], found: Range, white: White, name: str
) -> NDArray[np.uint8]:
    """The upper 8 of 16 bits, as they are.

    Raises:
        ImageError: less than an eighth of the range is used, or another white is declared.
    """
    if white not in (None, FILE, found.full):
        raise ImageError(
            f"{name} has 16-bit colour, of which only the upper 8 bits are read: no other white "
            "than 65535 can be declared; save it as TIFF, or scale it to the full range."
        )
    unit(values.astype(np.float32) * UPPER, found, white, name=name)
    return values


def _range(content: bytes) -> Range:
    """What a file can hold that is no TIFF: 16 bits in a PNG whose header says so, else 8."""
    if not (content.startswith(PNG) and content[24] == 16):
        return Range(255.0, "8-bit values")
    place = content.find(b"sBIT", 0, 4096)
    bits = content[place + 4] if 0 < place < len(content) - 4 else 16
    said = f" (its sBIT says that {bits} bits are significant: {2**bits - 1})"
    return Range(65535.0, "16-bit values", hint=said if 8 < bits < 16 else "", deep=True)


def _refuse_more_channels(picture: PIL.Image.Image, name: str, samples: int) -> None:
    """Channels that would have to be dropped unseen.

    Raises:
        ImageError: other colours, transparency, or channels beyond three.
    """
    if picture.mode not in (*GREY_MODES, *COLOUR_MODES, *DEEP_MODES):
        raise ImageError(f"{name} has the colour mode {picture.mode}; save it as grey or RGB.")
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


def _deep_grey(
    picture: PIL.Image.Image, found: Range, white: White, tiff: Tiff | None, name: str
) -> Picture:
    """Grey with more than 8 bits.

    Raises:
        ImageError: values out of range, or a transparent one.
    """
    values = np.asarray(picture)
    if np.any(values == picture.info.get("transparency")):
        raise ImageError(f"{name} is partly transparent; save it without transparency.")
    grey, scale = unit(values, found, white, name=name)
    grey = 1 - grey if tiff is not None and tiff.photometric == MIN_IS_WHITE else grey
    return Picture(grey, note_on(scale, found, values))


def channels_first(values: np.ndarray, *, prefer_first: bool) -> np.ndarray:
    """To c h w, from h w, h w c or c h w.

    Raises:
        ImageError: no pixels, or neither end has 1 or 3 channels.
    """
    shape = values.shape
    if values.ndim == 4 and 0 not in shape:
        raise ImageError(
            f"An array of shape {shape} is no image but a batch of {shape[0]}; give one of them, "
            "as in images[0]."
        )
    if values.ndim not in (2, 3) or 0 in shape:
        raise ImageError(f"An array of shape {shape} is no image; give h w, h w c or c h w.")
    if values.ndim == 2:
        return values[None]
    first, last = shape[0] in (1, 3), shape[2] in (1, 3)
    if not first and not last:
        more = "; of red, green, blue and alpha give the first three, if all is opaque"
        seen = more if 4 in (shape[0], shape[2]) else ""
        raise ImageError(f"An array of shape {shape} has neither 1 nor 3 channels{seen}.")
    return values if first and (prefer_first or not last) else np.moveaxis(values, 2, 0)


def _refuse_other_channels(channels: int) -> None:
    """A classifier's number of channels.

    Raises:
        ConfigError: neither 1 nor 3.
    """
    if not is_whole(channels) or channels not in (1, 3):
        raise ConfigError(f"channels is {given(channels)}; it must be 1 (grey) or 3 (colour).")


def _first_line(error: object) -> str:
    """What an error says, short enough for a sentence."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
