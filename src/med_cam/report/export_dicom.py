"""A result as objects of the study that its image belongs to: SEG, SR, Secondary Capture, PDF."""

from collections.abc import Mapping
from pathlib import Path

from med_cam.report.dicom_said import Drawn
from med_cam.report.dicom_source import source_dataset
from med_cam.report.export_pdf_object import encapsulated
from med_cam.report.export_sc import secondary_capture
from med_cam.report.export_seg import segmentation
from med_cam.report.export_sr import structured_report
from med_cam.report.file_names import PDF_OBJECT_FILE, SC_FILE, SEG_FILE, SR_FILE
from med_cam.report.result import Result


def dicom_files(
    result: Result, images: Mapping[str, Path], *, keep_identity: bool, pdf: bytes | None = None
) -> dict[str, bytes]:
    """The files by name; no Secondary Capture where no figure was kept.

    Args:
        result: of a DICOM image.
        images: DICOM files by their SHA-256, for a result that has no copy of its own.
        keep_identity: whether they name the patient.
        pdf: the document for the reader of the case, if there is one.

    Raises:
        OutputError: the image is no DICOM, its file is not there, or nothing can be made of it.
    """
    source = source_dataset(result, images, keep_identity=keep_identity)
    drawn = Drawn(result, source)
    seg, capture = segmentation(drawn), secondary_capture(drawn)
    files = {SEG_FILE: seg, SR_FILE: structured_report(drawn, seg)}
    files |= {} if capture is None else {SC_FILE: capture}
    return files if pdf is None else files | {PDF_OBJECT_FILE: encapsulated(drawn, pdf)}
