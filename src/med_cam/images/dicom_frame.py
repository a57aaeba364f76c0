"""One frame of a DICOM file: which one, and what is said of it alone.

Enhanced files say of each frame, or of all in common, what others say once at the top: window,
rescaling, spacing, position. Here all of it is found in one place.
"""

from typing import Any

from med_cam.errors import ImageError
from med_cam.images.part import Part

GROUPS = (  # functional groups, from which what is said of a frame is taken
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PixelMeasuresSequence",
    "PlaneOrientationSequence",
    "PlanePositionSequence",
    "FrameAnatomySequence",
)
SAID = (
    "RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter", "WindowWidth",
    "VOILUTFunction", "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient",
    "FrameLaterality",
)  # fmt: skip


def frame_of(found: Any, part: Part, name: str) -> int | None:  # noqa: ANN401  a Dataset
    """The frame that is meant, from 1; None where the file has one only.

    Raises:
        ImageError: it has several and none is named, or not that many.
    """
    count = int(found.get("NumberOfFrames") or 1)
    if part.frame is None and count > 1:
        raise ImageError(f"{name} has {count} frames; say which to explain with --frame, from 1.")
    if part.frame is not None and part.frame > count:
        raise ImageError(
            f"{name} has {count} {'frame' if count == 1 else 'frames'}, and --frame is "
            f"{part.frame}; name one that it has."
        )
    return None if count == 1 else part.frame


def with_frame(found: Any, frame: int | None) -> Any:  # noqa: ANN401  a Dataset
    """The data set with what is said of this frame at its top; the pixels stay where they are."""
    from pydicom import Dataset

    flat = Dataset()
    flat.update({e.tag: e for e in found if e.tag not in _PIXELS})
    flat.file_meta = found.file_meta
    shared = found.get("SharedFunctionalGroupsSequence") or ()
    own = found.get("PerFrameFunctionalGroupsSequence") or ()
    number = (frame or 1) - 1
    for groups in (*shared[:1], *own[number : number + 1]):  # its own after what all share
        for group in GROUPS:
            for item in (groups.get(group) or ())[:1]:
                flat.update({item[key].tag: item[key] for key in SAID if key in item})
    return flat


_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
