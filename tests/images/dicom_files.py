"""DICOM files made in tests, each with a name, an ID and a birth date that nobody may write."""

import builtins
from io import BytesIO

import numpy as np
from pydicom import Dataset, Sequence
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

CT, MR = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"
CR, DX = "1.2.840.10008.5.1.4.1.1.1", "1.2.840.10008.5.1.4.1.1.1.1"
SC, US = "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.5.1.4.1.1.6.1"
KINDS = {"CT": CT, "MR": MR, "CR": CR, "DX": DX, "OT": SC, "US": US}
NAME, ID, BIRTH = "Doe^Jane^Quixote", "ID-48151623", "19310704"
SECRETS = ("Doe", "Jane", "Quixote", ID, BIRTH, "Dr^Nemo", "Sesame Hospital", "ACC-7731")
STUDY, SERIES, FRAME_OF_REFERENCE = "1.2.3.4.1", "1.2.3.4.2", "1.2.3.4.3"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def dicom(values, modality="CT", *, bits=None, number=1, **said):  # noqa: PLR0915  a line for each element
    """A data set with these stored values, h w or h w 3; `said` sets or, if None, removes."""
    values = np.asarray(values)
    colour = values.ndim == 3
    found = Dataset()
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.SOPClassUID = found.file_meta.MediaStorageSOPClassUID = KINDS[modality]
    found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.9.{number}"
    found.PatientName, found.PatientID, found.PatientBirthDate = NAME, ID, BIRTH
    found.PatientSex = "F"
    found.ReferringPhysicianName, found.AccessionNumber = "Dr^Nemo", "ACC-7731"
    found.InstitutionName = "Sesame Hospital"
    found.StudyInstanceUID, found.SeriesInstanceUID = STUDY, SERIES
    found.StudyID, found.StudyDate, found.StudyTime = "7", "20200102", "030405"
    found.Modality, found.SeriesNumber, found.InstanceNumber = modality, 4, number
    found.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    found.Rows, found.Columns = values.shape[:2]
    found.SamplesPerPixel = 3 if colour else 1
    found.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        found.PlanarConfiguration = 0
    found.BitsAllocated = values.dtype.itemsize * 8
    found.BitsStored = bits or found.BitsAllocated
    found.HighBit = found.BitsStored - 1
    found.PixelRepresentation = int(values.dtype.kind == "i")
    if modality in ("CT", "MR"):
        found.FrameOfReferenceUID = FRAME_OF_REFERENCE
        found.ImagePositionPatient = [-10.0, -20.0, 5.0 * number]
        found.ImageOrientationPatient = list(AXIAL)
        found.PixelSpacing, found.SliceThickness = [0.5, 0.5], 5.0
        found.PositionReferenceIndicator = ""
    if modality == "CT":
        found.RescaleSlope, found.RescaleIntercept, found.RescaleType = 1, -1024, "HU"
        found.KVP, found.AcquisitionNumber = 120, 1
    for name, value in said.items():
        if value is None:
            delattr(found, name)
        else:
            setattr(found, name, value)
    found.PixelData = values.tobytes() + b"\0" * (values.nbytes % 2)
    found["PixelData"].VR = "OW" if found.BitsAllocated > 8 else "OB"
    return found


def multiframe(frames, modality="MR", **said):
    """A data set of several frames, with what enhanced files say of each in `groups`."""
    values = np.stack(frames)
    found = dicom(values[0], modality, **said)
    found.NumberOfFrames = len(frames)
    found.PixelData = values.tobytes()
    found["PixelData"].VR = "OW" if found.BitsAllocated > 8 else "OB"
    return found


def item(**said):
    """A sequence of one item."""
    inner = Dataset()
    for name, value in said.items():
        setattr(inner, name, value)
    return Sequence([inner])


def encoded(found, syntax=None):
    """The bytes of a file, compressed if a transfer syntax is named."""
    if syntax is not None:
        found.compress(UID(syntax), generate_instance_uid=False)
    buffer = BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def saved(path, found, syntax=None):
    """The file of a data set."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(found, syntax))
    return path


def soft(shape=(24, 20), *, low=0, high=2048, dtype=np.uint16, seed=0):
    """Random values with smooth parts."""
    values = np.random.default_rng(seed).integers(low, high, shape)
    values[: shape[0] // 2] = np.linspace(low, high - 1, shape[1]).astype(int)
    return values.astype(dtype)


def linear(values, centre, width):
    """PS3.3 C.11.2.1.2.1, number by number, to [0, 1]."""
    out = np.empty(values.shape)
    for place, x in np.ndenumerate(values):
        if x <= centre - 0.5 - (width - 1) / 2:
            out[place] = 0
        elif x > centre - 0.5 + (width - 1) / 2:
            out[place] = 1
        else:
            out[place] = (x - (centre - 0.5)) / (width - 1) + 0.5
    return out


def forget_pydicom(monkeypatch):
    """From here on as where the extra `dicom` is not installed."""
    known = builtins.__import__

    def missing(name, *rest):
        if name.startswith("pydicom"):
            raise ImportError(name)
        return known(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
