"""The values of one picture, as they come out of its file."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from med_cam.images.dicom_image import DicomImage
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.slide_region import SlideRegion


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
