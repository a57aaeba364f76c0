"""The findings of a result as a DICOM SR after TID 1500, on the segments of its SEG.

Figures of ours have codes of ours (scheme 99MEDCAM), since the field has none for them.
"""

import math
from collections.abc import Iterator
from io import BytesIO
from typing import Any

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
from med_cam.report.wording import verdict

SCHEME = "99MEDCAM"


def structured_report(drawn: Drawn, segmentation: bytes) -> bytes:
    """The file, referring to the segments of this SEG."""
    import highdicom as hd
    import pydicom
    from pydicom.sr.codedict import codes

    result, source = drawn.result, drawn.source
    seg = pydicom.dcmread(BytesIO(segmentation))
    observer = hd.sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=hd.sr.DeviceObserverIdentifyingAttributes(
            uid=uid_of(result, "device"), name="Med-CAM", model_name=MODEL
        ),
    )
    groups = [_group(drawn, seg, n, p) for n, p in enumerate(parts(result.explanation), 1)]
    report = hd.sr.MeasurementReport(
        observation_context=hd.sr.ObservationContext(observer_device_context=observer),
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion
        if source.get("Modality") == "CT"
        else hd.sr.CodedConcept("image-reading", SCHEME, "Reading of a medical image"),
        imaging_measurements=groups,
        title=codes.DCM.ImagingMeasurementReport,
    )
    found = hd.sr.Comprehensive3DSR(
        evidence=[source, seg],
        content=report[0],
        is_complete=True,
        is_final=False,
        **equipment(result, "sr"),
    )
    for item in _items(found):  # either a frame or a segment may be named, not both
        if "ReferencedSegmentNumber" in item and "ReferencedFrameNumber" in item:
            del item.ReferencedFrameNumber
    return finished(found, result)


def _group(drawn: Drawn, seg: Any, number: int, part: Part) -> Any:  # noqa: ANN401  of highdicom
    """The measurement group of a segment."""
    import highdicom as hd

    result, source = drawn.result, drawn.source
    frames = None if drawn.frame is None else [drawn.frame]
    group = hd.sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=hd.sr.TrackingIdentifier(
            uid=seg.SegmentSequence[number - 1].TrackingUID,
            identifier=seg.SegmentSequence[number - 1].TrackingID,
        ),
        referenced_segment=hd.sr.ReferencedSegmentationFrame(
            sop_class_uid=seg.SOPClassUID,
            sop_instance_uid=seg.SOPInstanceUID,
            frame_number=number,
            segment_number=number,
            source_image=hd.sr.SourceImageForSegmentation(
                source.SOPClassUID, source.SOPInstanceUID, frames
            ),
        ),
        finding_type=_coded("evidence", "Region of evidence for a classifier's prediction"),
        algorithm_id=hd.sr.AlgorithmIdentification(
            name="Med-CAM",
            version=version_of(result),
            parameters=[f"{key}: {value}" for key, value in parameters(result).items()],
        ),
        measurements=[*_measured(drawn, part)],
        qualitative_evaluations=[
            hd.sr.QualitativeEvaluation(
                _coded("finding", "What the tests showed of the region"),
                _coded("holds" if part.holds else "does-not-hold", part.finding),
            )
        ],
    )
    for text in _comments(drawn, part):
        group[0].ContentSequence.append(_comment(text))
    return group


def _measured(drawn: Drawn, part: Part) -> Iterator[Any]:
    """Area, and of the evidence probabilities and bound; each with a unit."""
    from pydicom.sr.codedict import codes

    pixels = int(part.mask.count_nonzero())
    spacing = drawn.result.document["image"]["dicom"]["spacing"]
    if spacing is not None:
        area = pixels * spacing[0] * spacing[1]
        yield _measurement(codes.SCT.Area, area, codes.UCUM.SquareMillimeter)
    share = _coded("area-share", "Share of the image's pixels in the region")
    yield _measurement(share, pixels / part.mask.numel(), codes.UCUM.NoUnits)
    if part.name != "evidence":
        return
    found = drawn.result.explanation
    figures = {
        "p-image": ("Probability of the label on the whole image", found.before[found.target]),
        "p-evidence": ("Probability of the label on the evidence", found.after[found.target]),
        "p-baseline": ("Probability of the label without content", found.claim.p_baseline),
    }
    if found.claim.certificate is not None:
        words = "Lower bound of the retention rate"
        figures["bound"] = (words, found.claim.certificate.bound)
    for name, (words, value) in figures.items():
        if math.isfinite(value):
            yield _measurement(_coded(name, words), value, codes.UCUM.NoUnits)


def _measurement(name: Any, value: float, unit: Any) -> Any:  # noqa: ANN401  of highdicom
    import highdicom as hd

    return hd.sr.Measurement(name=name, value=float(f"{value:.6g}"), unit=unit)


def _comments(drawn: Drawn, part: Part) -> Iterator[str]:
    """What a reader must know of a region, in sentences; of the evidence with all warnings."""
    found = drawn.result.explanation
    yield f"{TITLE}."
    yield f"Label of the classifier: {part.label}. {part.finding}."
    if part.name == "evidence":
        yield f"Verdict: {verdict(found)}. {found.status}"
        yield f"Removals: {', '.join(found.claim.searched)}."
        yield from (f"Warning: {text}" for text in found.claim.warnings)


def _comment(text: str) -> Any:  # noqa: ANN401  of highdicom
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.sr.TextContentItem(
        name=codes.DCM.Comment, value=text, relationship_type=hd.sr.RelationshipTypeValues.CONTAINS
    )


def _coded(value: str, meaning: str) -> Any:  # noqa: ANN401  of highdicom
    import highdicom as hd

    return hd.sr.CodedConcept(value=value, scheme_designator=SCHEME, meaning=short(meaning))


def _items(found: Any) -> Iterator[Any]:  # noqa: ANN401  a pydicom Dataset
    """Every data set below another."""
    for element in found:
        if element.VR == "SQ":
            for item in element.value:
                yield item
                yield from _items(item)
