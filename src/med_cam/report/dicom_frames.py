"""Frames: of the image that an object refers to, and of the object itself."""

from typing import Any

from med_cam.report.dicom_said import Drawn, uid_of

PER_FRAME = "PerFrameFunctionalGroupsSequence"
LEFT_OUT = ("NumberOfFrames", "PixelData")


def is_enhanced(source: Any) -> bool:  # noqa: ANN401  a pydicom Dataset
    """Whether the frames of an image have places of their own."""
    return PER_FRAME in source


def as_single(drawn: Drawn) -> Any:  # noqa: ANN401  a pydicom Dataset
    """The frame that was explained as an image of one frame."""
    from pydicom import Dataset

    source, single = drawn.source, Dataset()
    single.update({e.tag: e for e in source if e.keyword not in LEFT_OUT})
    single.file_meta = source.file_meta
    if is_enhanced(source):
        single.NumberOfFrames = 1
        setattr(single, PER_FRAME, [source[PER_FRAME].value[(drawn.frame or 1) - 1]])
    return single


def refer_to_frame(drawn: Drawn, found: Any) -> None:  # noqa: ANN401  a pydicom Dataset
    """Say of an object made from `as_single` which frame of its image it refers to."""
    for frame in [] if drawn.frame is None else found[PER_FRAME].value:
        for derivation in frame.get("DerivationImageSequence", ()):
            for referenced in derivation.SourceImageSequence:
                referenced.ReferencedFrameNumber = drawn.frame


def refer_to_dimensions(drawn: Drawn, found: Any, what: str) -> None:  # noqa: ANN401
    """Give the dimensions of an object a UID that follows from the result's ID."""
    for item in (*found.DimensionOrganizationSequence, *found.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid_of(drawn.result, what)
