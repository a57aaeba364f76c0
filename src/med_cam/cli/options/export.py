"""The options of `med-cam export`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli.options.boxes import INPUT, OUTPUT
from med_cam.cli.options.outputs import Coco, Debug, Dicom, GeoJson, Nifti, Pdf, Phone
from med_cam.cli.parameters import flag, option


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of `med-cam export`."""

    folders: Annotated[list[Path], typer.Argument(metavar="DIR", hidden=True)]
    geojson: GeoJson = False
    coco: Coco = False
    nifti: Nifti = False
    pdf: Pdf = False
    phone: Phone = False
    dicom: Dicom = False
    image: Annotated[
        list[Path] | None,
        option(
            "FILE|FOLDER",
            "For --dicom: the DICOM file, or a folder with those of many; may be given several "
            "times. Each result takes the one that has its SHA-256. A result made with "
            "--keep-identity has its own.",
            INPUT,
        ),
    ] = None
    keep_identity: Annotated[
        bool,
        flag(
            "--keep-identity",
            "For --dicom: the objects name the patient as the image does, which a PACS needs to "
            "file them with it. Without it they have no name, no ID and no birth date.",
            OUTPUT,
        ),
    ] = False
    debug: Debug = False
