"""The regions of a result as a DICOM Segmentation: binary, a segment for each."""

from typing import Any

import numpy as np

from med_cam.errors import OutputError, first_line
from med_cam.report.dicom_frames import (
    as_single,
    is_enhanced,
    refer_to_dimensions,
    refer_to_frame,
)
from med_cam.report.dicom_said import (
    MODEL,
    TITLE,
    Drawn,
    equipment,
    finished,
    parameters,
    short,
    uid_of,
    version_of,
)
from med_cam.report.parts import Part, parts


def segmentation(drawn: Drawn) -> bytes:
    """The file.

    Raises:
        OutputError: there is no region, or the image is of a kind that has no segmentation.
    """
    import highdicom as hd

    result, source = drawn.result, drawn.source
    found, enhanced = parts(result.explanation), is_enhanced(source)
    if not found:
        raise OutputError(f"{result.folder} has no region that could be segmented")
    try:
        seg = hd.seg.Segmentation(
            source_images=[source if enhanced else as_single(drawn)],
            pixel_array=_frames(drawn, found, enhanced=enhanced),
            segmentation_type="BINARY",
            segment_descriptions=[_described(drawn, n, part) for n, part in enumerate(found, 1)],
            manufacturer_model_name=MODEL,
            software_versions=version_of(result),
            device_serial_number="1",
            content_label="MED_CAM_EVIDENCE",
            content_description=TITLE,
            **equipment(result, "seg"),
        )
    except (ValueError, AttributeError, LookupError, TypeError) as error:
        reason = first_line(error)
        raise OutputError(
            f"{result.folder} is of a DICOM image to which no segmentation can be made ({reason})"
        ) from error
    for item, part in zip(seg.SegmentSequence, found, strict=True):
        item.SegmentDescription = f"{TITLE}. {part.finding}."
    if not enhanced:
        refer_to_frame(drawn, seg)
    if "FrameOfReferenceUID" not in seg:
        seg.PatientOrientation = source.get("PatientOrientation", "")
    refer_to_dimensions(drawn, seg, "dimensions")
    return finished(seg, result)


def _frames(drawn: Drawn, found: tuple[Part, ...], *, enhanced: bool) -> Any:  # noqa: ANN401
    """Frames of the source, rows, columns, segments; only the frame that was explained has any."""
    masks = np.stack([part.mask.cpu().numpy() for part in found], axis=-1).astype(np.uint8)
    size = (int(drawn.source.Rows), int(drawn.source.Columns))
    if masks.shape[:2] != size:
        raise OutputError(
            f"{drawn.result.folder} is of a part of its DICOM image, which has {size[0]} x "
            f"{size[1]} pixels"
        )
    if drawn.frame is None or not enhanced:
        return masks[None]
    frames = np.zeros((int(drawn.source.NumberOfFrames), *masks.shape), np.uint8)
    frames[drawn.frame - 1] = masks
    return frames


def _described(drawn: Drawn, number: int, part: Part) -> Any:  # noqa: ANN401  of highdicom
    """A segment: a place in the image, found by an algorithm. No anatomy and no disease."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    result = drawn.result
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=short(f"{part.name}: {part.label}"),
        segmented_property_category=codes.SCT.SpatialAndRelationalConcept,
        segmented_property_type=codes.DCM.SelectedRegion,
        algorithm_type="AUTOMATIC",
        algorithm_identification=hd.AlgorithmIdentificationSequence(
            name="Med-CAM",
            family=codes.DCM.ArtificialIntelligence,
            version=short(version_of(result)),
            source=short(MODEL),
            parameters=parameters(result),
        ),
        tracking_uid=uid_of(result, f"region {part.name}"),
        tracking_id=short(f"Med-CAM {part.name} {result.result_id[:12]}"),
    )
