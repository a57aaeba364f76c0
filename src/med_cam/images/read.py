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
from pathlib import Path

import numpy as np
import torch

from med_cam.config.given import refuse_other
from med_cam.errors import ImageError, first_line
from med_cam.images.budget import BUDGET
from med_cam.images.channels import channels_first, refuse_other_channels, with_channels
from med_cam.images.damage import damaged
from med_cam.images.decode import DAMAGED, picture_in
from med_cam.images.dicom import read_dicom
from med_cam.images.dicom_file import is_dicom
from med_cam.images.file import content_of, sha256_of
from med_cam.images.image import Image
from med_cam.images.nifti import holds_nifti, read_nifti
from med_cam.images.part import WHOLE, Part
from med_cam.images.picture import Picture
from med_cam.images.slide import SUFFIXES as SLIDES, not_whole, read_slide
from med_cam.images.white import White, refuse_other_white


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
    refuse_other_channels(channels)
    refuse_other_white(white)
    path = Path(path)
    try:
        picture, digest = _with_hash(path, white, budget, part)
    except MemoryError as error:
        raise ImageError(f"{path} does not fit into memory; cut out a part of it.") from error
    except DAMAGED as error:
        raise damaged(str(path), first_line(error)) from error
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
        return picture_in(content, name, white, budget)
    found = read_dicom(content, name, part, budget)
    return Picture(found.values, found.notes, found.image)
