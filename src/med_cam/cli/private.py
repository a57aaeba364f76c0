"""Where results go and what a run may write, so that nothing names the patient of a DICOM file.

Files and folders that a PACS exports are often called by the patient's name, so no name of theirs
is written unless that is asked for. Results are then called by the numbers of series and image,
with the beginning of the file's SHA-256.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from med_cam.cli.options.explain import ExplainOptions
from med_cam.images.dicom_file import is_dicom
from med_cam.images.dicom_folder import listed
from med_cam.images.foreign import HEAD
from med_cam.images.nifti import is_called_volume
from med_cam.images.part import WHOLE, Part

NAMELESS = 16  # hexadecimal digits of the hash that a folder is called by with --no-source
SHOWN = 8  # the same behind the numbers of series and image


@dataclass(frozen=True, slots=True)
class Place:
    """One image of a run.

    Attributes:
        path: of its file.
        stem: name of its result folder, but for one that may not tell the image's name.
        part: what is read of the file.
        tile: of a region of a slide, where it lies, as QuPath says it: `[d=2,x=0,y=0,w=8,h=8]`.
    """

    path: Path
    stem: str
    part: Part = WHOLE
    tile: str = ""

    @property
    def file(self) -> str:
        """The path, and which region of the slide; one of a kind in a run."""
        return f"{self.path} {self.tile}".rstrip()

    @property
    def name(self) -> str:
        """Of the file, with the folders below the one that was named; of a region with that."""
        tile = f" {self.tile}" if self.tile else ""
        own = f"{self.path.stem}{tile}{self.path.suffix}"
        return str(Path(self.stem).parent / own)


def names_hidden(options: ExplainOptions, paths: Iterable[Path]) -> bool:
    """Whether the saved command and the file of the run show no path: one may name a patient."""
    return options.no_source or any(is_nameless(options, path) for path in paths)


def is_nameless(options: ExplainOptions, path: Path) -> bool:
    """Whether the result of an image may not be called as its file."""
    return options.no_source or (not options.keep_identity and holds_dicom(path))


def place_of(options: ExplainOptions, image: Place, sha256: str) -> str:
    """Where a result goes, below the folder of results."""
    dicom = holds_dicom(image.path)
    frame = f"-frame-{options.frame}" if dicom and options.frame is not None else ""
    if options.slice is not None and is_called_volume(image.path):
        frame = f"-{re.sub('[^a-z0-9]', '-', options.slice)}"
    if options.no_source:
        return f"{sha256[:NAMELESS]}{frame} {image.tile}".rstrip()
    if not dicom or options.keep_identity:
        return f"{image.stem}{frame}"
    return f"{_numbers(image.path)}{frame}-{sha256[:SHOWN]}"


def shown_name(options: ExplainOptions, image: Place) -> str:
    """What an image is called in the terminal: as its result, or as the file that may not be.

    Of a tile there is only where it begins, as little room is left for it.
    """
    if image.part.region is not None:
        x, y, *_ = image.part.region
        return f"{image.stem.removesuffix(image.tile).rstrip()} x={x},y={y}"
    return image.stem if is_nameless(options, image.path) else place_of(options, image, "")


def holds_dicom(path: Path) -> bool:
    """Whether a file begins as DICOM does."""
    with suppress(OSError), path.open("rb") as file:
        return is_dicom(file.read(HEAD))
    return False


def _numbers(path: Path) -> str:
    """Of series and image, as results are sorted by them; 0 for one that is not said."""
    found = None
    with suppress(OSError):
        found = listed(path)
    series, number = (0, 0) if found is None else found.numbers
    return f"series-{series:04d}-image-{number:04d}"
