"""PNG, JPEG, TIFF, BMP, WebP and GIF to values in [0, 1], by Pillow or tifffile."""

import io
import struct
import zlib

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageOps

from med_cam.errors import ImageError
from med_cam.images.budget import refuse_beyond
from med_cam.images.damage import PNG, faults_in
from med_cam.images.foreign import foreign
from med_cam.images.overheard import overheard
from med_cam.images.picture import Picture
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
from med_cam.images.white import FILE, Range, White, note_on, unit

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif")
GREY_MODES = ("1", "L", "LA")
COLOUR_MODES = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")
DEEP_MODES = ("I;16", "I;16B", "I;16L", "I;16N", "I", "F")
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


def picture_in(content: bytes, name: str, white: White, budget: int) -> Picture:
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
