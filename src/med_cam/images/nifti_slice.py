"""What is kept of a NIfTI volume besides the pixels of the slice: where the slice lies in it."""

from dataclasses import dataclass
from typing import Annotated

from med_cam.results.ranges import Count, Number, Positive

Real = Annotated[float, Number()]


@dataclass(frozen=True, slots=True)
class NiftiSlice:
    """The slice of a NIfTI volume that was explained, and how it was laid into rows and columns.

    Attributes:
        axis: of the volume that the slice is cut across, from 0.
        index: of the slice on that axis, from 0.
        shape: of the volume, in voxels.
        affine: from voxel indices to millimetres (x to the right, y to the front, z up), 4 x 4,
            row by row, as the file has it.
        placed: whether the file says that its affine places the volume in space.
        rows_axis: axis of the volume that runs down the image.
        rows_reversed: whether it runs against its indices.
        columns_axis: axis of the volume that runs to the right of the image.
        columns_reversed: whether it runs against its indices.
        window: centre and width that were declared; null if none were.
    """

    axis: Count
    index: Count
    shape: tuple[Positive, ...]
    affine: tuple[Real, ...]
    placed: bool
    rows_axis: Count
    rows_reversed: bool
    columns_axis: Count
    columns_reversed: bool
    window: tuple[Real, ...] | None = None
