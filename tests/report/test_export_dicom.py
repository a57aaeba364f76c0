"""SEG, SR and Secondary Capture as others read them: dciodvfy, dcmqi, pydicom, highdicom."""

import json
import re
import time
from dataclasses import replace
from io import BytesIO

import highdicom as hd
import numpy as np
import pydicom
import pytest
import torch

from images.dicom_files import (
    FRAME_OF_REFERENCE,
    ID,
    NAME,
    SECRETS,
    SERIES,
    STUDY,
    multiframe,
)
from med_cam.errors import OutputError
from med_cam.images.part import Part
from med_cam.images.read import read_image
from med_cam.report.export_dicom import dicom_files
from med_cam.report.source_line import image_named, source_line
from med_cam.report.warning_strip import strip, strip_lines
from med_cam.report.write import map_png
from report.dicom_objects import (
    DOCUMENT,
    PLANES,
    SPACING,
    called,
    dicom_result,
    exported,
    needed,
    several_frames,
    slice_of,
)
from warnings_of import warnings_of

SEG, SR, SC = "export.seg.dcm", "export.sr.dcm", "export.sc.dcm"
PDF = "export.pdf.dcm"
FIGURE = map_png(torch.rand(40, 48, generator=torch.Generator().manual_seed(0)))


@pytest.fixture
def result_of(tmp_path, explanation, provenance, monkeypatch):
    """The result of a DICOM file, with a made-up figure unless it is to be drawn."""

    def made(found, *, drawn=False, **options):
        if not drawn:
            monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: FIGURE)
        return dicom_result(tmp_path, explanation, provenance, found, **options)

    return made


def test_a_segment_for_each_region_has_exactly_its_pixels(result_of):
    made = result_of(slice_of())
    found, _ = exported(made)
    explanation = made[0].explanation
    masks = [explanation.mask, *(other.mask for other in explanation.tests.alternatives)]
    seg = hd.seg.Segmentation.from_dataset(found[SEG])
    pixels = seg.get_pixels_by_source_instance([seg.get_source_image_uids()[0][2]])[0]
    for number, mask in enumerate(masks):
        assert np.array_equal(pixels[..., number], mask.numpy())
    assert seg.segmentation_type.value == "BINARY"
    labels = [item.SegmentLabel.partition(":")[0] for item in found[SEG].SegmentSequence]
    assert labels[0] == "evidence"
    assert "further evidence 1" in labels


def test_objects_belong_to_the_study_and_say_what_they_are(result_of):
    found, _ = exported(made := result_of(slice_of()))
    for one in found.values():
        assert one.StudyInstanceUID == STUDY
        assert (one.PatientName, one.PatientID) == (NAME, ID)
        assert one.SeriesDescription == "Classifier evidence, not a diagnosis"
        assert one.SeriesInstanceUID != SERIES
    seg = found[SEG]
    assert seg.FrameOfReferenceUID == FRAME_OF_REFERENCE
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == SERIES  # without it OHIF has none
    referenced = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    assert referenced.ReferencedSOPInstanceUID == "1.2.3.4.9.1"
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert "b" * 64 in algorithm.AlgorithmParameters
    assert made[0].result_id in algorithm.AlgorithmParameters


def test_the_same_result_gives_the_same_objects_and_another_others(result_of):
    result, images = made = result_of(slice_of())
    _, first = exported(made)
    time.sleep(1.1)  # the clock of DICOM has seconds
    assert exported(made)[1] == first
    other = replace(result, result_id="0" * 64)
    changed, _ = exported((other, images))
    for name, one in changed.items():
        assert one.SOPInstanceUID != pydicom.dcmread(BytesIO(first[name])).SOPInstanceUID


def test_without_leave_nothing_names_the_patient(result_of):
    made = result_of(slice_of(), keep_identity=False)
    found, files = exported(made, keep_identity=False)
    for content in files.values():
        assert not [word for word in SECRETS if word.encode() in content]
    assert {str(one.PatientName) for one in found.values()} == {""}
    named, _ = exported(made)  # as --image and --keep-identity ask for
    assert {one.PatientID for one in named.values()} == {ID}


@pytest.mark.parametrize("frame", [None, 2])
def test_an_image_without_its_name_is_called_by_its_numbers(result_of, frame):
    found = slice_of() if frame is None else several_frames()
    result, _ = result_of(found, keep_identity=False, part=Part(frame=frame))
    wanted = "MR, series 4, image 1" + ("" if frame is None else ", frame 2")
    assert image_named(result.document) == wanted
    assert source_line(result.document).startswith(f"{wanted} \u00b7 ")


def test_the_file_has_to_be_there_and_the_same(result_of, tmp_path):
    result, images = result_of(slice_of(), keep_identity=False)
    with pytest.raises(OutputError, match="give it, or its folder, with --image"):
        dicom_files(result, {}, keep_identity=False)
    (tmp_path / "scan").write_bytes((tmp_path / "scan").read_bytes()[:-2] + b"ab")
    with pytest.raises(OutputError, match="is not the image that"):
        dicom_files(result, images, keep_identity=False)


def texts(found):
    for one in found.get("ContentSequence", ()):
        if "TextValue" in one:
            yield one.TextValue
        yield from texts(one)


def numbers(found):
    for one in found.get("ContentSequence", ()):
        if "MeasuredValueSequence" in one:
            value = one.MeasuredValueSequence[0]
            unit = value.MeasurementUnitsCodeSequence[0].CodeValue
            yield one.ConceptNameCodeSequence[0].CodeMeaning, float(value.NumericValue), unit
        yield from numbers(one)


def test_the_report_has_verdict_figures_and_every_warning(result_of):
    made = result_of(slice_of())
    found, _ = exported(made)
    report, explanation = found[SR], made[0].explanation
    said = " ".join(texts(report))
    assert "Verdict: sufficiency test passed" in said
    assert all(f"Warning: {text}" in said for text in explanation.claim.warnings)
    assert "not a diagnosis" in said
    figures = [*numbers(report)]
    area = int(explanation.mask.count_nonzero()) * 0.5 * 0.8
    assert ("Area", pytest.approx(area), "mm2") in figures
    before = explanation.before[explanation.target]
    wanted = ("Probability of the label on the whole image", pytest.approx(before, rel=1e-5), "1")
    assert wanted in figures
    tracked = {item.TrackingUID for item in found[SEG].SegmentSequence}
    uids = set(re.findall(r"2\.25\.\d+", str(report)))
    assert tracked <= uids


def test_what_has_no_spacing_has_no_area_in_millimetres(result_of):
    found, _ = exported(result_of(slice_of("DX", PhotometricInterpretation="MONOCHROME1",
                                           PresentationLUTShape="INVERSE")))  # fmt: skip
    assert [name for name, _, unit in numbers(found[SR]) if unit == "mm2"] == []
    assert int(found[SEG].pixel_array.sum()) > 0


def test_the_figure_is_captured_below_a_megabyte(result_of):
    made = result_of(slice_of(), drawn=True)
    found, files = exported(made)
    assert len(files[SC]) < 2**20
    assert found[SC].file_meta.TransferSyntaxUID.is_compressed
    figure = read_image(made[0].folder / "figure.png").pixels
    shown = torch.from_numpy(found[SC].pixel_array).permute(2, 0, 1) / 255
    assert torch.equal(shown[:, : figure.shape[1]].float(), figure)
    assert not found[SC].PatientOrientation  # or a viewer writes L and P on the edges of a page
    below = strip(made[0].explanation, width=figure.shape[2])
    np.testing.assert_array_equal(found[SC].pixel_array[figure.shape[1] :], below)


def test_every_warning_stands_below_the_figure_in_full(explanation):
    """Thirty of them, one of 900 characters: each line has ink of its own, none is cut short."""
    many = tuple(f"warning {n} says that {'much ' * n}" for n in range(29))
    many += (f"the last is {'long ' * 178}",)
    found = replace(explanation, claim=replace(explanation.claim, notices=warnings_of(*many)))
    lines = strip_lines(found, width=1600)
    assert "30 warnings" in lines[0]
    told = " ".join(lines[1:])
    for number, text in enumerate(many, start=1):
        assert f"{number}. {' '.join(text.split())}" in told
    drawn = strip(found, width=1600)
    assert drawn.shape == (round(28 * (len(lines) + 1)), 1600, 3)
    ink = (drawn.min(axis=2) < 128).any(axis=1)
    rows = np.diff(ink.astype(int), prepend=0) == 1
    assert rows.sum() >= len(lines)
    assert not (drawn[:, 1590:] < 255).any()


def test_a_film_whose_frames_have_no_place_is_referred_to_by_their_number(result_of):
    frames = [np.full((20, 30), n, np.uint8) + np.eye(20, 30, dtype=np.uint8) for n in range(3)]
    made = result_of(multiframe(frames, "US"), part=Part(frame=2))
    found, _ = exported(made)
    (frame,) = {f.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber
                for f in found[SEG].PerFrameFunctionalGroupsSequence}  # fmt: skip
    assert frame == 2
    mask = made[0].explanation.mask
    assert np.array_equal(np.atleast_3d(found[SEG].pixel_array.T)[..., 0].T, mask.numpy())


@pytest.mark.parametrize("kept", [True, False])
def test_segments_lie_on_the_frame_that_was_explained(result_of, kept):
    made = result_of(several_frames(), part=Part(frame=2), keep_identity=kept)
    found, _ = exported(made, keep_identity=kept)
    frame = found[SEG].PerFrameFunctionalGroupsSequence[0]
    assert frame.PlanePositionSequence[0].ImagePositionPatient == [-10, -20, 10]
    derived = frame.DerivationImageSequence[0].SourceImageSequence[0]
    assert derived.ReferencedFrameNumber == 2
    mask = made[0].explanation.mask
    assert np.array_equal(np.atleast_3d(found[SEG].pixel_array.T)[..., 0].T, mask.numpy())


def test_without_a_figure_there_is_no_capture(result_of):
    _, files = exported(result_of(slice_of(), with_image=False))
    assert set(files) == {SEG, SR, PDF}


def test_the_document_is_in_its_object_byte_for_byte(result_of):
    made = result_of(slice_of())
    found, _ = exported(made)
    length = found[PDF].EncapsulatedDocumentLength
    assert found[PDF].EncapsulatedDocument[:length] == DOCUMENT
    assert PDF not in dicom_files(*made, keep_identity=True)


@pytest.mark.parametrize("kept", [True, False])
@pytest.mark.parametrize("modality", ["CT", "DX"])
def test_dciodvfy_finds_no_error(result_of, tmp_path, modality, kept):
    program = needed("dciodvfy")
    made = result_of(slice_of(modality), keep_identity=kept)
    for name, content in exported(made, keep_identity=kept)[1].items():
        (tmp_path / name).write_bytes(content)
        _, said = called(program, tmp_path / name)
        assert [line for line in said.splitlines() if line.startswith("Error")] == [], name


@pytest.mark.parametrize("plane", PLANES)
def test_dcmqi_makes_the_same_mask_of_it_in_its_place(result_of, tmp_path, plane):
    program = needed("segimage2itkimage")
    nibabel = pytest.importorskip("nibabel")
    made = result_of(slice_of(plane=plane))
    (tmp_path / SEG).write_bytes(exported(made)[1][SEG])
    (tmp_path / "nii").mkdir()
    words = ("--outputType", "nifti", "--prefix", "p", "--outputDirectory", tmp_path / "nii")
    status, said = called(program, "--inputDICOM", tmp_path / SEG, *words)
    assert status == 0, said
    volume = nibabel.load(next((tmp_path / "nii").glob("p-1.nii*")))
    mask = made[0].explanation.mask.numpy()
    assert np.count_nonzero(volume.get_fdata()) == mask.sum()
    row, column = np.reshape(PLANES[plane], (2, 3))
    rows, columns = np.nonzero(mask)
    position = np.array([-10.0, -20.0, 5.0])
    wanted = position + np.outer(columns * SPACING[1], row) + np.outer(rows * SPACING[0], column)
    inside = np.argwhere(volume.get_fdata() > 0)
    placed = nibabel.affines.apply_affine(volume.affine, inside) * (-1, -1, 1)  # RAS to LPS
    assert np.abs(np.sort(placed, axis=0) - np.sort(wanted, axis=0)).max() < 1e-3


def test_dcmqi_reads_the_report(result_of, tmp_path):
    program = needed("tid1500reader")
    found, files = exported(result_of(slice_of()))
    (tmp_path / SR).write_bytes(files[SR])
    words = ("--inputDICOM", tmp_path / SR, "--outputMetadata", tmp_path / "sr.json")
    status, said = called(program, *words)
    assert status == 0, said
    groups = json.loads((tmp_path / "sr.json").read_text())["Measurements"]
    assert len(groups) == len(found[SEG].SegmentSequence)
    area = [m for m in groups[0]["measurementItems"] if m["quantity"]["CodeMeaning"] == "Area"]
    assert area
