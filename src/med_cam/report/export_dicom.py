"""A result as objects of the study that its image belongs to: SEG, SR, Secondary Capture, PDF.

If it was asked for, the search's scores as a Parametric Map too.
"""

from collections.abc import Mapping
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from med_cam.report.dicom_said import Drawn
from med_cam.report.dicom_source import source_dataset
from med_cam.report.export_pdf_object import encapsulated
from med_cam.report.export_pm import parametric_map
from med_cam.report.export_sc import secondary_capture
from med_cam.report.export_seg import segmentation
from med_cam.report.export_sr import structured_report
from med_cam.report.file_names import (
    PDF_OBJECT_FILE,
    PM_FILE,
    SC_FILE,
    SEG_FILE,
    SR_FILE,
)
from med_cam.report.result import Result


def dicom_files(
    result: Result,
    images: Mapping[str, Path],
    *,
    keep_identity: bool,
    pdf: bytes | None = None,
    scores: Float[Tensor, "h w"] | None = None,
) -> dict[str, bytes]:
    """The files by name; no Secondary Capture where no figure was kept.

    Args:
        result: of a DICOM image.
        images: DICOM files by their SHA-256, for a result that has no copy of its own.
        keep_identity: whether they name the patient.
        pdf: the document for the reader of the case, if there is one.
        scores: of the search, in the image's own pixels, if they were asked for.

    Raises:
        OutputError: the image is no DICOM, its file is not there, or nothing can be made of it.
    """
    source = source_dataset(result, images, keep_identity=keep_identity)
    drawn = Drawn(result, source)
    seg, capture = segmentation(drawn), secondary_capture(drawn)
    files = {SEG_FILE: seg, SR_FILE: structured_report(drawn, seg)}
    files |= {} if capture is None else {SC_FILE: capture}
    files |= {} if pdf is None else {PDF_OBJECT_FILE: encapsulated(drawn, pdf)}
    return files if scores is None else files | {PM_FILE: parametric_map(drawn, scores)}
