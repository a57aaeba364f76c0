"""The DICOM file of a result's image, to which new objects refer: its own, or without the patient.

An object of a study belongs to a patient, but no name or ID is written unless that was asked for:
then these elements are there and empty, as the standard allows (type 2).
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from med_cam.errors import ImageError, OutputError
from med_cam.images.dicom_file import dataset_of
from med_cam.report.opening import content_of
from med_cam.report.result import Result
from med_cam.report.source import DICOM_FILE

EMPTIED = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "StudyTime",
    "StudyID", "AccessionNumber", "ReferringPhysicianName",
)  # fmt: skip  # that a study has to have, with or without a value
KEPT = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "SeriesNumber",
    "InstanceNumber", "Modality", "ImageType", "FrameOfReferenceUID", "PositionReferenceIndicator",
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness",
    "SpacingBetweenSlices", "Rows", "Columns", "NumberOfFrames", "SamplesPerPixel",
    "PhotometricInterpretation", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation",
    "PatientOrientation", "Laterality", "ImageLaterality", "DimensionOrganizationSequence",
    "DimensionIndexSequence",
)  # fmt: skip
GROUPS = ("PixelMeasuresSequence", "PlaneOrientationSequence", "PlanePositionSequence")
OF_FRAMES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


def source_dataset(result: Result, images: Mapping[str, Path], *, keep_identity: bool) -> Any:  # noqa: ANN401  a pydicom Dataset
    """The data set of the image that a result is of.

    Args:
        result: of a DICOM image.
        images: files by their SHA-256, for a result that has no copy of the file.
        keep_identity: whether the patient stays in it; a result with a copy of the file has him.

    Raises:
        OutputError: the image is no DICOM, or its file is not there.
    """
    document = result.document
    if document["image"]["dicom"] is None:
        raise OutputError(
            f"{result.folder} is not of a DICOM image, to whose study DICOM objects would belong"
        )
    own = document["image"]["file"] == DICOM_FILE
    path = result.folder / DICOM_FILE if own else images.get(document["sha256"]["image"])
    if path is None:
        raise OutputError(
            f"{result.folder} has no copy of its DICOM file, to whose study the objects belong; "
            "give it, or its folder, with --image"
        )
    try:
        content = content_of(path)
        if hashlib.sha256(content).hexdigest() != document["sha256"]["image"]:
            raise OutputError(f"{path} is not the image that {result.folder} is of")
        found = dataset_of(content, str(path))
    except (OSError, ImageError) as error:
        raise OutputError(f"{path} cannot be read: {error}") from error
    return with_type_2(found) if own or keep_identity else without_patient(found)


def with_type_2(found: Any) -> Any:  # noqa: ANN401  a pydicom Dataset
    """A data set with an empty value where a study has to have an element and has none."""
    for name in EMPTIED:
        if name not in found:
            setattr(found, name, "")
    return found


def without_patient(found: Any) -> Any:  # noqa: ANN401  a pydicom Dataset
    """A data set of what says where an image belongs and lies, and nothing of the patient."""
    from pydicom import Dataset

    bare = Dataset()
    bare.file_meta = found.file_meta
    bare.update({found[name].tag: found[name] for name in KEPT if name in found})
    for name in OF_FRAMES:
        if name in found:
            setattr(bare, name, [_geometry(item) for item in found[name].value])
    bare.PatientIdentityRemoved, bare.DeidentificationMethod = "YES", "Med-CAM: UIDs, geometry"
    return with_type_2(bare)


def _geometry(groups: Any) -> Any:  # noqa: ANN401  a pydicom Dataset
    from pydicom import Dataset

    bare = Dataset()
    bare.update({groups[name].tag: groups[name] for name in GROUPS if name in groups})
    return bare
