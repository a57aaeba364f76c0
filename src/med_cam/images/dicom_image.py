"""What is kept of a DICOM file besides its pixels: no name, no ID, no date of a patient."""

from dataclasses import dataclass
from typing import Annotated

from med_cam.results.ranges import Number, OneOf, Positive

Real = Annotated[float, Number()]
Millimetres = Annotated[float, Number(0)]
SOURCES = ("file", "declared", "table", "range", "colour")


@dataclass(frozen=True, slots=True)
class DicomWindow:
    """How the values of a DICOM file became grey.

    Attributes:
        source: `file`: a window of the file; `declared`: one that was given with `--window`;
            `table`: a table of the file (VOI LUT); `range`: all that the file can hold, where it
            has neither; `colour`: nothing was to be chosen.
        number: which of the file's own windows or tables, from 1; null for others.
        centre: of the window, in the units of the image; null without one.
        width: of the window, in the units of the image; null without one.
        function: of the window: `LINEAR`, `LINEAR_EXACT` or `SIGMOID`; null without one.
        inverted: whether low values are shown bright (MONOCHROME1).
    """

    source: Annotated[str, OneOf(SOURCES)]
    number: Positive | None = None
    centre: Real | None = None
    width: Real | None = None
    function: str | None = None
    inverted: bool = False


def numbered(modality: str, series: int | None, number: int | None, frame: int | None) -> str:
    """Which image of a study it is, without a name: as in "MR, series 4, image 12, frame 3"."""
    parts = {"series": series, "image": number, "frame": frame}
    known = (f"{word} {value}" for word, value in parts.items() if value is not None)
    return ", ".join((modality or "DICOM", *known))


@dataclass(frozen=True, slots=True)
class DicomImage:
    """The DICOM image that was explained, as its file names it.

    Attributes:
        study: Study Instance UID.
        series: Series Instance UID.
        instance: SOP Instance UID.
        sop_class: SOP Class UID.
        modality: as `CT`.
        series_number: of the series in its study; null if it has none.
        instance_number: of the image in its series; null if it has none.
        frame: which of its frames, from 1; null if it has one only.
        window: how its values became grey.
        spacing: between the centres of rows and of columns, in millimetres (Pixel Spacing); null
            if it is not known in the patient.
        position: of the first pixel in the patient, in millimetres: x, y, z; null if unknown.
        orientation: direction of a row and of a column in the patient: three cosines each; null
            if unknown.
        frame_of_reference: Frame of Reference UID; null if it has none.
        laterality: side of the body, as `L`; null if it is not said.
    """

    study: str
    series: str
    instance: str
    sop_class: str
    modality: str
    series_number: Annotated[int, Number()] | None
    instance_number: Annotated[int, Number()] | None
    frame: Positive | None
    window: DicomWindow
    spacing: tuple[Millimetres, Millimetres] | None
    position: tuple[Real, Real, Real] | None
    orientation: tuple[Real, Real, Real, Real, Real, Real] | None
    frame_of_reference: str | None
    laterality: str | None
