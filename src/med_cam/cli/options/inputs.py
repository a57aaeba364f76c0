"""Which images, which part of a file, and how its values are read."""

from pathlib import Path
from typing import Annotated, Any

import typer

from med_cam.cli.options.boxes import INPUT
from med_cam.cli.parameters import flag, option
from med_cam.config import rules
from med_cam.config.rules import whole


def references_option(text: str) -> Any:  # noqa: ANN401  typer says so
    """A folder of reference images."""
    return option("FOLDER", f"{text} The bundled classifier has its own.", INPUT)


Images = Annotated[list[Path] | None, typer.Argument(metavar="IMAGE|FOLDER", hidden=True)]
White = Annotated[
    str | None,
    option(
        "VALUE",
        "The grey value that is white in files of more than 8 bits, as in 4095 for 12 bits kept "
        "in 16; file: the highest that the file can hold. Default: white of the classifier, else "
        "what the file says; files of which less than an eighth is used are refused then.",
        INPUT,
    ),
]
Window = Annotated[
    str | None,
    option(
        "CENTRE,WIDTH|N",
        "Of DICOM and NIfTI files of grey values: the window in which they are read, its centre "
        "and its width in the units of the image, as in 300,2000 for bone in CT; or which of the "
        "file's own windows, as in 2. Default: the first of the file. CT that names none is "
        "refused.",
        INPUT,
    ),
]
Frame = Annotated[
    int | None,
    option(
        "N",
        "Of DICOM files with several frames: which one, from 1. Without it they are refused.",
        INPUT,
        allowed=whole(1, 1_000_000),
    ),
]
Slice = Annotated[
    str | None,
    option(
        "AXIS=INDEX",
        "Of NIfTI volumes: which slice, as in axial=80, coronal=80, sagittal=80, or by the number "
        "of the axis, 2=80; both from 0. Without it they are refused.",
        INPUT,
    ),
]
Region = Annotated[
    str | None,
    option(
        "X,Y,W,H",
        "Of slides: which region, its left and upper edge, width and height in pixels of the full "
        "resolution, as in 20000,12000,2048,2048. With --tiles: the region that is cut.",
        INPUT,
    ),
]
Tiles = Annotated[
    bool,
    flag(
        "--tiles",
        "Of slides: cut each, or the --region of it, into tiles of the size that the classifier "
        "takes, leave out those that show empty glass, and explain each of the others by itself.",
        INPUT,
    ),
]
Mpp = Annotated[
    float | None,
    option(
        "MICRONS",
        "Of slides: microns per pixel at which a region or tile is read, as in 0.5: those that "
        "the classifier was trained at. Default: the slide's full resolution.",
        INPUT,
        allowed=rules.number(0.01, 1000.0),
    ),
]
SlideMpp = Annotated[
    float | None,
    option(
        "MICRONS",
        "Of slides: microns per pixel of their full resolution, where the file does not say them "
        "or says them wrong, as in 0.25.",
        INPUT,
        allowed=rules.number(0.01, 1000.0),
    ),
]
References = Annotated[
    Path | None,
    references_option(
        "Reference images, of any label, for the shape leakage test: the mask laid over them "
        "must not produce the label. Without any, the shuffled pixels of the image itself are "
        "used, which is a weaker test."
    ),
]
Shard = Annotated[
    str | None,
    option(
        "I/N",
        "Explain the I-th of N parts of the images only, as in 1/4, for several machines "
        "into one DIR or into one each. The parts are disjoint and together all images.",
        INPUT,
    ),
]
Labels = Annotated[
    Path | None,
    option(
        "FILE.csv",
        "The labels that are right, with columns image and label. Default: the folder that an "
        "image lies in, if it is called as a label.",
        INPUT,
    ),
]
