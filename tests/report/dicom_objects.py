"""A DICOM image whose result is exported, and the programs that check the objects from outside."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest

from images.dicom_files import dicom, item, multiframe, saved
from med_cam.images.part import WHOLE
from med_cam.images.read import read_image
from med_cam.report.export_dicom import dicom_files
from med_cam.report.result import read_result
from med_cam.report.write import write

PLANES = {
    "axial": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0],
    "sagittal": [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
    "oblique": [0.8, 0.6, 0.0, 0.0, 0.0, -1.0],
}
SPACING = [0.5, 0.8]
ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"
WINDOW = {"WindowCenter": 100, "WindowWidth": 300}
DOCUMENT = b"%PDF-1.7 a document\n"


def dicom_result(place, explanation, provenance, found, *, part=WHOLE, keep_identity=True, **rest):
    """The result of a DICOM file of 20 x 30 pixels, and its files by hash."""
    path = saved(place / "scan", found)
    image = read_image(path, part=part)
    known = replace(provenance, image_name="", image_sha256=image.sha256, part=part,
                    dicom=image.dicom)  # fmt: skip
    write(explanation, image, place / "result", known, keep_identity=keep_identity, **rest)
    return read_result(place / "result"), {image.sha256: path}


def slice_of(modality="MR", plane="axial", **said):
    values = np.random.default_rng(0).integers(0, 300, (20, 30), dtype=np.uint16)
    if modality in ("MR", "CT"):
        said = {"ImageOrientationPatient": PLANES[plane], "PixelSpacing": SPACING} | said
    return dicom(values, modality, bits=12, **WINDOW, **said)


def exported(made, *, keep_identity=True):
    """Data sets and bytes of the objects, by name."""
    result, images = made
    files = dicom_files(result, images, keep_identity=keep_identity, pdf=DOCUMENT)
    return {name: pydicom.dcmread(BytesIO(content)) for name, content in files.items()}, files


def several_frames():
    """An enhanced MR of three slices, as far as segments need it."""
    found = multiframe([np.full((20, 30), 90 + n, np.uint16) for n in range(3)], bits=12, **WINDOW,
                       SOPClassUID=ENHANCED_MR, PixelSpacing=None, ImagePositionPatient=None,
                       ImageOrientationPatient=None)  # fmt: skip
    found.SharedFunctionalGroupsSequence = item(
        PixelMeasuresSequence=item(PixelSpacing=SPACING, SliceThickness=5.0),
        PlaneOrientationSequence=item(ImageOrientationPatient=PLANES["axial"]),
    )
    found.PerFrameFunctionalGroupsSequence = [
        item(PlanePositionSequence=item(ImagePositionPatient=[-10.0, -20.0, 5.0 * n]),
             FrameContentSequence=item(DimensionIndexValues=[n]))[0]
        for n in (1, 2, 3)
    ]  # fmt: skip
    return found


def needed(name):
    """A program that checks from outside; without it the test is skipped."""
    here = str(Path(sys.executable).parent)  # dcmqi lies there
    path = shutil.which(name, path=os.pathsep.join((here, os.environ.get("PATH", ""))))
    if path is None:
        pytest.skip(f"{name} is not installed")
    return path


def called(*command):
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr
