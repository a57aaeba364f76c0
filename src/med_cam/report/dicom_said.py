"""What every DICOM object of a result says of itself: UIDs, maker, algorithm, time.

UIDs are a function of the result's ID: the same result gives the same objects, however often it
is exported.
"""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from med_cam.report.result import Result

MAKER, MODEL = "Med-CAM", "med-cam-evidence"
TITLE = "Classifier evidence, not a diagnosis"
SERIES = {
    "seg": 9301,
    "sr": 9302,
    "sc": 9303,
    "pdf": 9304,
    "pm": 9305,
}  # numbers of series, behind those of scanners
MOST = 64  # characters of a short text (LO)


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the objects of a result are made of.

    Attributes:
        result: that they show.
        source: the data set of its image.
    """

    result: Result
    source: Any

    @property
    def frame(self) -> int | None:
        """Which frame of the image, from 1; None where it has one."""
        found: int | None = self.result.document["image"]["dicom"]["frame"]
        return found


def uid_of(result: Result, what: str) -> str:
    """A UID (PS3.5 B.2) that follows from the result's ID and what it is of."""
    digest = hashlib.sha256(f"{result.result_id} {what}".encode()).digest()
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def equipment(result: Result, kind: str) -> dict[str, Any]:
    """The arguments that highdicom takes for any object."""
    return {
        "series_instance_uid": uid_of(result, f"{kind} series"),
        "series_number": SERIES[kind],
        "sop_instance_uid": uid_of(result, kind),
        "instance_number": 1,
        "manufacturer": MAKER,
    }


def version_of(result: Result) -> str:
    """Of the med-cam that made the result."""
    return str(result.document["versions"].get("med-cam", "unknown"))


def parameters(result: Result) -> dict[str, str]:
    """What decides the result, in words that fit into a DICOM object."""
    document = result.document
    weights = document["sha256"]["weights"] or document["classifier"]["state"] or "unknown"
    return {
        "classifier": str(document["classifier"]["name"]),
        "weights SHA-256": str(weights),
        "removal": ", ".join(document["claim"]["searched"]),
        "preset": str(document["preset"] or "none"),
        "seed": str(document["seed"]),
        "result ID": result.result_id,
    }


def finished(found: Any, result: Result, *, title: str = TITLE) -> bytes:  # noqa: ANN401  a pydicom Dataset
    """The file of an object: its time is that of the result, its series says what it is."""
    created = str(result.document["created"] or "1970-01-01T00:00:00Z")
    date, time = created[:10].replace("-", ""), created[11:19].replace(":", "")
    found.InstanceCreationDate = found.ContentDate = found.SeriesDate = date
    found.InstanceCreationTime = found.ContentTime = found.SeriesTime = time
    found.SeriesDescription = title
    for item in found.get("ContributingEquipmentSequence", ()):
        item.ContributionDateTime = f"{date}{time}"
    buffer = BytesIO()
    found.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def short(text: str) -> str:
    """A text as a short one (LO) may be: no backslash, 64 characters."""
    plain = "".join(c if c.isprintable() and c != "\\" else "?" for c in text)
    return plain if len(plain) <= MOST else f"{plain[: MOST - 3]}..."
