"""The scores of a search as a Parametric Map: the same numbers in the same place, and no more."""

import math
from dataclasses import replace
from functools import partial
from io import BytesIO

import highdicom as hd
import numpy as np
import pydicom
import pytest
import torch

from images.dicom_files import FRAME_OF_REFERENCE, ID, NAME, SECRETS, SERIES, STUDY
from med_cam.errors import OutputError
from med_cam.images.geometry import Geometry
from med_cam.images.part import Part
from med_cam.report.dicom_said import Drawn
from med_cam.report.dicom_source import source_dataset
from med_cam.report.export import export
from med_cam.report.export_pm import parametric_map, scores_of
from med_cam.report.manifest import checked_id
from med_cam.report.write import map_png
from report.dicom_objects import (
    PLANES,
    SPACING,
    called,
    dicom_result,
    needed,
    several_frames,
    slice_of,
)

PM, DEFAULT = "export.pm.dcm", ["export.seg.dcm", "export.sr.dcm", "export.sc.dcm"]
FIGURE = map_png(torch.rand(40, 48, generator=torch.Generator().manual_seed(0)))
SCORES = torch.rand(20, 30, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def result_of(tmp_path, explanation, provenance, monkeypatch):
    """The result of a DICOM file."""
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: FIGURE)
    return partial(dicom_result, tmp_path, explanation, provenance)


def map_of(made, *, scores=SCORES, keep_identity=True):
    """The map as a data set, and its bytes."""
    result, images = made
    source = source_dataset(result, images, keep_identity=keep_identity)
    content = parametric_map(Drawn(result, source), scores)
    return pydicom.dcmread(BytesIO(content)), content


@pytest.mark.parametrize(("rule", "share"), [("squash", 1.0), ("crop", 0.8), ("pad", 1.0)])
def test_each_pixel_has_the_score_of_the_input_pixel_under_its_centre(explanation, rule, share):
    soft = torch.rand(10, 10, generator=torch.Generator().manual_seed(2))
    found = scores_of(replace(explanation, soft=soft), Geometry((20, 30), (10, 10), rule, share))
    # how many pixels each side is scaled to, and which of them comes first in the input
    rows, columns = {"squash": (10, 10), "crop": (12, 18), "pad": (7, 10)}[rule]
    top, left = {"squash": (0, 0), "crop": (-1, -4), "pad": (1, 0)}[rule]
    for y in range(20):
        for x in range(30):
            r = math.floor((y + 0.5) * rows / 20) + top
            c = math.floor((x + 0.5) * columns / 30) + left
            seen = 0 <= r < 10 and 0 <= c < 10
            assert found[y, x] == (soft[r, c] if seen else soft.min())


def test_where_nothing_was_searched_there_is_no_map(explanation):
    found = replace(explanation, soft=torch.zeros(10, 10))
    assert scores_of(found, Geometry((20, 30), (10, 10))) is None


@pytest.mark.parametrize("plane", ["axial", "sagittal"])
def test_the_map_has_the_scores_in_the_place_of_the_image(result_of, plane):
    found, _ = map_of(result_of(slice_of(plane=plane)))
    volume = hd.pm.ParametricMap.from_dataset(found).get_volume()
    np.testing.assert_array_equal(volume.array[0], SCORES)
    np.testing.assert_array_equal(found.pixel_array, SCORES)
    assert volume.spacing[1:] == tuple(SPACING)
    (position,) = volume.get_plane_positions()
    assert position[0].ImagePositionPatient == [-10, -20, 5]
    (oriented,) = volume.get_plane_orientation()
    np.testing.assert_allclose(oriented.ImageOrientationPatient, PLANES[plane])
    assert found.FrameOfReferenceUID == FRAME_OF_REFERENCE


def test_it_says_what_the_numbers_are_and_that_nobody_tested_them(result_of):
    made = result_of(slice_of())
    one, _ = map_of(made)
    shared = one.SharedFunctionalGroupsSequence[0]
    (mapping,) = shared.RealWorldValueMappingSequence
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert (quantity.CodeValue, quantity.CodingSchemeDesignator) == ("130404", "DCM")
    assert (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept) == (1, 0)
    said = "Search scores, not tested; classifier evidence, not a diagnosis"
    assert one.SeriesDescription == one.ContentDescription == said
    assert one.ContentQualification == "RESEARCH"
    assert (one.StudyInstanceUID, one.PatientName, one.PatientID) == (STUDY, NAME, ID)
    (series,) = one.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    (instance,) = series.ReferencedInstanceSequence
    assert instance.ReferencedSOPInstanceUID == "1.2.3.4.9.1"
    how = one.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0].DerivationDescription
    assert made[0].result_id in how
    assert "label meningioma" in how


def test_the_same_result_gives_the_same_map_and_another_another(result_of):
    result, images = made = result_of(slice_of())
    one, first = map_of(made)
    assert map_of(made)[1] == first
    other, _ = map_of((replace(result, result_id="0" * 64), images))
    assert other.SOPInstanceUID != one.SOPInstanceUID
    assert other.SeriesInstanceUID != one.SeriesInstanceUID


@pytest.mark.parametrize("kept", [True, False])
def test_the_map_lies_on_the_frame_that_was_explained(result_of, kept):
    made = result_of(several_frames(), part=Part(frame=2), keep_identity=kept)
    one, _ = map_of(made, keep_identity=kept)
    assert one.NumberOfFrames == 1
    (frame,) = one.PerFrameFunctionalGroupsSequence
    assert frame.PlanePositionSequence[0].ImagePositionPatient == [-10, -20, 10]
    derived = frame.DerivationImageSequence[0].SourceImageSequence[0]
    assert derived.ReferencedFrameNumber == 2
    np.testing.assert_array_equal(one.pixel_array, SCORES)


def test_only_who_asks_for_scores_gets_them(result_of):
    result, _ = result_of(slice_of())
    before = checked_id(result.folder)
    assert export(result.folder, ["dicom"], scores=None) == DEFAULT
    assert PM in export(result.folder, ["dicom_scores"], scores=SCORES)
    assert checked_id(result.folder) == before


def test_a_map_that_was_written_gets_the_patient_as_the_other_objects_do(result_of):
    result, images = result_of(slice_of(), keep_identity=False)
    export(result.folder, ["dicom_scores"], images=images, scores=SCORES)
    path = result.folder / PM
    assert not [word for word in SECRETS if word.encode() in path.read_bytes()]
    export(result.folder, ["dicom"], images=images, keep_identity=True)
    named = pydicom.dcmread(path)
    assert named.PatientID == ID
    np.testing.assert_array_equal(named.pixel_array, SCORES)


def test_an_image_that_lies_nowhere_has_no_map(result_of):
    with pytest.raises(OutputError, match="to which no parametric map can be made"):
        map_of(result_of(slice_of("DX")))


def test_scores_of_another_size_are_refused(result_of):
    with pytest.raises(OutputError, match="is of a part of its DICOM image, which has 20 x 30"):
        map_of(result_of(slice_of()), scores=SCORES[:10])


@pytest.mark.parametrize("kept", [True, False])
def test_dciodvfy_finds_no_error_in_the_map(result_of, tmp_path, kept):
    program = needed("dciodvfy")
    made = result_of(slice_of("CT"), keep_identity=kept)
    (tmp_path / PM).write_bytes(map_of(made, keep_identity=kept)[1])
    _, said = called(program, tmp_path / PM)
    assert [line for line in said.splitlines() if line.startswith("Error")] == []


def test_dcmqi_makes_the_same_numbers_of_it_in_their_place(result_of, tmp_path):
    program = needed("paramap2itkimage")
    nibabel = pytest.importorskip("nibabel")
    (tmp_path / PM).write_bytes(map_of(result_of(slice_of(plane="oblique")))[1])
    words = ("--outputType", "nifti", "--prefix", "p", "--outputDirectory", tmp_path)
    status, said = called(program, "--inputDICOM", tmp_path / PM, *words)
    assert status == 0, said
    volume = nibabel.load(next(tmp_path.glob("p*.nii*")))
    row, column = np.reshape(PLANES["oblique"], (2, 3))
    for y, x in ((0, 0), (3, 17), (19, 29)):
        place = np.array([-10.0, -20.0, 5.0]) + x * SPACING[1] * row + y * SPACING[0] * column
        inverse = np.linalg.inv(volume.affine)
        voxel = nibabel.affines.apply_affine(inverse, place * (-1, -1, 1))  # LPS to RAS
        np.testing.assert_allclose(voxel, voxel.round(), atol=1e-3)
        assert volume.get_fdata()[tuple(voxel.round().astype(int))] == pytest.approx(SCORES[y, x])
