"""Folders as a PACS exports them: images found whatever they are called, in their order."""

import shutil
from pathlib import Path

import pydicom
import pytest

from images.dicom_files import dicom, forget_pydicom, saved, soft
from med_cam.errors import ImageError
from med_cam.images.find import images_in

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
SAGITTAL = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0]  # slices lie along -x


def series(folder, numbers, **said):
    """Slices whose names are in another order than their places."""
    for number in numbers:
        saved(folder / f"IM{(7 * number) % 10:04d}", dicom(soft(), "CT", number=number, **said))


@pytest.fixture
def exported(tmp_path):
    """A folder with a DICOMDIR, two series, and what lies beside images."""
    folder = tmp_path / "cd"
    series(folder / "DICOM" / "S1", range(1, 5), SeriesNumber=10, SeriesInstanceUID="1.2.9")
    series(folder / "DICOM" / "S2", range(1, 4), SeriesNumber=2, SeriesInstanceUID="1.2.8")
    shutil.copy(BUNDLED / "dicomdirtests" / "DICOMDIR", folder / "DICOMDIR")
    for name in ("liver_1frame.dcm", "rtdose_1frame.dcm", "test-SR.dcm"):
        shutil.copy(BUNDLED / name, folder / "DICOM" / "S1" / name[:4])
    pdf = dicom(soft(), "OT", SOPClassUID=PDF, Rows=None, Columns=None)
    saved(folder / "DICOM" / "REPORT", pdf)
    (folder / "viewer.png").write_bytes(b"")
    (folder / "autorun.inf").write_bytes(b"x")
    return folder


def test_images_are_found_and_sorted_and_the_rest_is_counted(exported):
    found = images_in(exported)
    heads = [pydicom.dcmread(path) for path in found.images]
    places = [(head.SeriesNumber, head.ImagePositionPatient[2]) for head in heads]
    assert places == [(2, 5), (2, 10), (2, 15), (10, 5), (10, 10), (10, 15), (10, 20)]
    assert sorted(kind for _, kind in found.left_out) == [
        ".inf", "DICOM file (DICOMDIR)", "DICOM file (RTDOSE)", "DICOM file (SEG)",
        "DICOM file (SR)", "DICOM file (encapsulated PDF)", "image",
    ]  # fmt: skip


def test_slices_are_sorted_along_their_own_normal(tmp_path):
    for number, x in ((1, 30.0), (2, 10.0), (3, 20.0)):
        found = dicom(soft(), "MR", number=number, ImagePositionPatient=[x, 0.0, 0.0],
                      ImageOrientationPatient=SAGITTAL)  # fmt: skip
        saved(tmp_path / f"{number}", found)
    found = images_in(tmp_path).images
    assert [path.name for path in found] == ["1", "3", "2"]  # from +x to -x


def test_a_file_cut_short_counts_as_an_image_and_is_told_when_it_is_read(tmp_path):
    saved(tmp_path / "a", dicom(soft(), "MR"))
    content = (tmp_path / "a").read_bytes()
    (tmp_path / "b").write_bytes(content[: len(content) // 4])
    assert {path.name for path in images_in(tmp_path).images} == {"a", "b"}


def test_without_pydicom_the_extra_is_named(tmp_path, monkeypatch):
    saved(tmp_path / "a", dicom(soft(), "MR"))
    forget_pydicom(monkeypatch)
    with pytest.raises(ImageError, match=r"DICOM file; for DICOM, pip install .*\[dicom\]"):
        images_in(tmp_path)
