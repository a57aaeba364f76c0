"""The evidence as a NIfTI volume of the shape and the affine of the volume it was explained in."""

import gzip
from typing import Any

import numpy as np

from med_cam.errors import OutputError
from med_cam.images.nifti import laid_back
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.report.result import Result


def nifti(result: Result) -> bytes:
    """The file, compressed: 1 where the evidence is, 0 elsewhere and on all other slices.

    Raises:
        OutputError: the image is no slice of a NIfTI volume.
    """
    from nibabel import Nifti1Image

    said = result.document["image"]["nifti"]
    if said is None:
        raise OutputError(
            f"{result.folder} is no slice of a NIfTI volume, so that --nifti has no space to lie "
            "in; use --geojson or --coco"
        )
    found: Any = {name: tuple(v) if isinstance(v, list) else v for name, v in said.items()}
    where = NiftiSlice(**found)
    affine = np.array(where.affine).reshape(4, 4)
    volume = laid_back(result.explanation.mask.cpu().numpy(), where).astype(np.uint8)
    image = Nifti1Image(volume, affine)
    code = 1 if where.placed else 0  # 1: in the space of the scanner, or what the source says so
    image.header.set_sform(affine, code)
    image.header.set_qform(affine, code)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)
