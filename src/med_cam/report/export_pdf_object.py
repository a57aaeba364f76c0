"""The document for the reader of a case as a DICOM Encapsulated PDF (PS3.3 A.45.1)."""

from med_cam.report.dicom_said import TITLE, Drawn, equipment, finished, uid_of, version_of
from med_cam.report.dicom_source import EMPTIED

ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
SAID_OF_IT = ("PatientIdentityRemoved", "DeidentificationMethod")


def encapsulated(drawn: Drawn, pdf: bytes) -> bytes:
    """The file, with `explanation.pdf` in it."""
    from pydicom import Dataset
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import UID, ExplicitVRLittleEndian

    result, source = drawn.result, drawn.source
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = found.SOPClassUID = UID(ENCAPSULATED_PDF)
    found.file_meta.MediaStorageSOPInstanceUID = found.SOPInstanceUID = UID(uid_of(result, "pdf"))
    for name in (*EMPTIED, *(n for n in SAID_OF_IT if n in source)):
        setattr(found, name, source.get(name))
    known = equipment(result, "pdf")
    found.StudyInstanceUID, found.Modality = source.StudyInstanceUID, "DOC"
    found.SeriesInstanceUID, found.SeriesNumber = (
        known["series_instance_uid"],
        known["series_number"],
    )
    found.InstanceNumber, found.Manufacturer = known["instance_number"], known["manufacturer"]
    found.SoftwareVersions, found.ConversionType = version_of(result), "WSD"
    found.AcquisitionDateTime, found.BurnedInAnnotation = "", "NO"
    image = Dataset()
    image.ReferencedSOPClassUID = source.SOPClassUID
    image.ReferencedSOPInstanceUID = source.SOPInstanceUID
    found.SourceInstanceSequence, found.ConceptNameCodeSequence = [image], []
    found.DocumentTitle, found.MIMETypeOfEncapsulatedDocument = TITLE, "application/pdf"
    found.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)
    found.EncapsulatedDocumentLength = len(pdf)
    return finished(found, result)
