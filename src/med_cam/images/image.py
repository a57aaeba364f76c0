"""An image in its own pixels, with what its file says of it besides them."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from med_cam.config.given import refuse_other
from med_cam.errors import ImageError
from med_cam.images.dicom_image import DicomImage
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.part import WHOLE, Part
from med_cam.images.slide_region import SlideRegion
from med_cam.images.white import White

AN_IMAGE = "an Image, from read_image or image_from_array"
FROM_ARRAY = "image_from_array makes an Image of an array"


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the file's own resolution.

    Attributes:
        pixels: c h w, c = 1 or 3, values in [0, 1].
        path: the file it was read from, or "" for an image made in memory.
        sha256: of the file's bytes, or "" for an image made in memory.
        white: what was declared white when it was read; see `images.white`.
        notes: what a reader must know of how the file was read; warnings of its result.
        part: what was asked for of the file; see `images.part`.
        dicom: what a DICOM file says of itself, but for the patient; None of other files.
        nifti: where the slice lies in its NIfTI volume; None of other files.
        slide: where the region lies in its slide; None of other files.

    Raises:
        ImageError: if the pixels are no tensor of floats c h w.
    """

    pixels: Float[Tensor, "c h w"]
    path: str = ""
    sha256: str = ""
    white: White = None
    notes: tuple[str, ...] = ()
    part: Part = WHOLE
    dicom: DicomImage | None = None
    nifti: NiftiSlice | None = None
    slide: SlideRegion | None = None

    def __post_init__(self) -> None:
        refuse_other("pixels", self.pixels, Tensor, f"a tensor; {FROM_ARRAY}", ImageError)
        shape, kind = tuple(self.pixels.shape), self.pixels.dtype
        if len(shape) != 3 or shape[0] not in (1, 3) or not kind.is_floating_point:
            raise ImageError(
                f"pixels must be floats c h w, c = 1 or 3, got {kind} of shape {shape}; "
                f"{FROM_ARRAY}."
            )
