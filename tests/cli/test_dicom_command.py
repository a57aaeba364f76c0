"""DICOM from the command to its re-check: the same picture, and nothing of the patient."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from pydicom import dcmread

from cli.corner import made_up, photograph
from forging import rewrite_manifests
from images.dicom_files import SECRETS, dicom, saved
from med_cam.cli.images import images_by_hash
from med_cam.cli.main import main
from med_cam.errors import OutputError
from med_cam.images.part import Part
from med_cam.images.read import read_image
from med_cam.report.manifest import refuse_changed_run
from med_cam.report.saved import read_saved
from med_cam.report.write import figure_png, map_png

FOLDER = "Doe^Jane"  # as a PACS calls it
WINDOW = {"WindowCenter": 120, "WindowWidth": 240}
CHEAP = ("--removal", "grey", "--patch", "0")  # what is claimed does not matter here
OBJECTS = ["export.sc.dcm", "export.seg.dcm", "export.sr.dcm"]


def lit(*, size=(30, 40), seed=0):
    """Noise with light in the corner, in 12 bits."""
    values = np.random.default_rng(seed).integers(0, 40, size, dtype=np.uint16)
    values[: size[0] // 2, : size[1] // 2] = 230
    return values


@pytest.fixture
def patient(here):
    """A folder of two files of one picture, in the second low values are bright."""
    one = dicom(lit(), "MR", bits=12, **WINDOW)
    twin = dicom(4095 - lit(), "MR", bits=12, PhotometricInterpretation="MONOCHROME1",
                 WindowCenter=4096 - 120, WindowWidth=240, number=2)  # fmt: skip
    saved(here / FOLDER / "Quixote-1", one)
    saved(here / FOLDER / "Quixote-2", twin)
    return here / FOLDER


def results(out):
    return sorted(path.parent for path in out.glob("**/explanation.json"))


def document(folder):
    return json.loads((folder / "explanation.json").read_text())


def written(out):
    """All that lies below a folder: names and bytes, and the text in pictures."""
    for path in out.rglob("*"):
        yield path.relative_to(out).as_posix().encode()
        if path.is_file():
            yield path.read_bytes()


def test_nothing_of_the_patient_is_written(run, verify, patient, model, quick, monkeypatch):
    figures = []  # one is enough to look into

    def once(*shown):
        figures.append(figures[0] if figures else figure_png(*shown))
        return figures[-1]

    monkeypatch.setattr("med_cam.report.write.figure_png", once)
    bad = patient / "Jane-bad"
    bad.write_bytes((patient / "Quixote-1").read_bytes()[:900])
    status, _, err = run(patient, "--model", model, "--config", quick, *CHEAP, "--out", "out")
    assert status == 2
    assert "Jane-bad is damaged or incomplete" in " ".join(err)
    out = patient.parent / "out"
    first, second = results(out)
    assert [s for s in SECRETS if any(s.encode() in content for content in written(out))] == []
    image = document(first)["image"]
    assert image["dicom"]["study"] == "1.2.3.4.1"
    assert image["dicom"]["window"]["centre"] == 120
    assert re.fullmatch("series-0004-image-0001-[0-9a-f]{8}", first.name)
    assert re.fullmatch("series-0004-image-0002-[0-9a-f]{8}", second.name)
    assert (image["name"], image["file"]) == (None, "source.png")
    copy = read_image(first / "source.png", white="file").pixels
    assert np.array_equal(copy, read_image(patient / "Quixote-1").pixels)
    for name in ("mask.png", "source.png"):  # of the twin bit for bit
        assert (first / name).read_bytes() == (second / name).read_bytes()
    for path in patient.iterdir():
        path.unlink()  # the folder is all that is needed
    assert verify("out", "--model", model).status == 0


def test_with_the_identity_the_file_is_kept_and_compared(
    run, verify, patient, model, quick, monkeypatch
):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    asked = (patient / "Quixote-1", "--model", model, "--config", quick, *CHEAP, "--keep-identity")
    assert run(*asked, "--out", "out").status == 0
    (folder,) = results(patient.parent / "out")
    assert (folder.name, document(folder)["image"]["name"]) == ("Quixote-1", "Quixote-1")
    assert (folder / "source.dcm").read_bytes() == (patient / "Quixote-1").read_bytes()
    assert verify("out", "--model", model).status == 0
    changed = document(folder)
    changed["image"]["dicom"]["laterality"] = "R"
    (folder / "explanation.json").write_text(json.dumps(changed))
    rewrite_manifests(folder)
    status, out, _ = verify("out", "--model", model)
    assert status == 3
    assert "image.dicom.laterality: saved 'R', now null" in " ".join(out)


def test_without_a_copy_the_file_itself_is_asked_for(run, instant, patient, model):
    words = ("--model", model, "--no-source", "--window", "100,300")
    assert run(patient, *words, "--out", "out").status == 0
    out = patient.parent / "out"
    assert not any(s.encode() in content for content in written(out) for s in SECRETS)
    images = images_by_hash([patient])
    for folder in results(out):
        assert {path.suffix for path in folder.iterdir()} == {".png", ".json", ".txt", ".sha256"}
        assert document(folder)["image"]["window"] == "100,300"
        with pytest.raises(OutputError, match="give it with --image FILE"):
            read_saved(folder, 3)
        again = read_saved(folder, 3, images).image
        assert torch.equal(again.pixels, read_image(again.path, part=Part((100, 300))).pixels)


def test_references_in_dicom_are_read_in_the_same_window(
    run, verify, here, model, quick, monkeypatch
):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    for number in range(3):
        saved(here / "refs" / f"r{number}", dicom(lit(seed=number), "CT", number=number + 1,
                                                  RescaleIntercept=0))  # fmt: skip
    photograph(here / "scan.png")
    words = ("--model", model, "--references", "refs")
    status, _, err = run("scan.png", *words, "--config", quick, "--out", "a")
    assert status == 2
    assert "names no window" in err[0]
    asked = (*words, "--config", quick, *CHEAP, "--window", "120,240", "--out", "b")
    assert run("scan.png", *asked).status == 0
    assert verify("b", *words).status == 0


def test_window_and_frame_are_refused_where_they_are_none(run, patient, model):
    status, _, err = run(patient, "--model", model, "--window", "wide")
    assert status == 2
    assert "a centre and a width" in err[0]
    status, _, err = run(patient, "--model", model, "--frame", "2")
    assert status == 2
    assert "has 1 frame, and --frame is 2" in err[0]


def test_frames_of_one_file_have_results_of_their_own(run, instant, here, model):
    found = dicom(lit(), "MR", bits=12, NumberOfFrames=2, **WINDOW)
    found.PixelData = lit().tobytes() + lit(seed=1).tobytes()
    saved(here / "many", found)
    for frame in (1, 2):
        assert run("many", "--model", model, "--frame", frame, "--out", "out").status == 0
    names = [folder.name for folder in results(here / "out")]
    assert [name[:30] for name in names] == [f"series-0004-image-0001-frame-{n}" for n in (1, 2)]


def test_an_audit_names_no_file_of_dicom(here, patient, model, capsys):
    assert main(["audit", str(patient), "--model", str(model), "--out", "audit"]) == 0
    capsys.readouterr()
    assert not any(s.encode() in content for content in written(here / "audit") for s in SECRETS)


def objects(folder):
    return sorted(path.name for path in folder.glob("export.*"))


def test_objects_of_the_study_are_written_beside_a_result(
    run, instant, patient, model, capsys, monkeypatch
):
    monkeypatch.setattr(
        "med_cam.report.write.figure_png", lambda *_: (patient.parent / "f.png").read_bytes()
    )
    photograph(patient.parent / "f.png", size=(40, 48))
    words = (patient / "Quixote-1", "--model", model, "--out", "out")
    assert run(*words, "--dicom").status == 0
    out = patient.parent / "out"
    (folder,) = results(out)
    assert objects(folder) == OBJECTS
    assert not any(s.encode() in content for content in written(out) for s in SECRETS)
    assert main(["export", "out", "--dicom"]) == 2
    assert "give it, or its folder, with --image" in capsys.readouterr().err
    assert main(["export", "out", "--dicom", "--image", str(patient), "--keep-identity"]) == 0
    assert b"Doe^Jane^Quixote" in (folder / "export.seg.dcm").read_bytes()
    refuse_changed_run(out)


def test_objects_are_for_dicom_only_and_no_search_is_begun_for_others(run, instant, here, model):
    status, _, err = run(photograph(here / "scan.png"), "--model", model, "--dicom")
    assert status == 2
    assert "is no DICOM image" in err[0]
    assert instant.calls == []


@pytest.fixture
def scored(monkeypatch):
    """Scores of explanations without a search."""
    soft = torch.rand(24, 24, generator=torch.Generator().manual_seed(3))
    found = "med_cam.cli.explain_image.explain"
    monkeypatch.setattr(found, lambda _, image, **__: replace(made_up(image), soft=soft))
    content = map_png(torch.rand(40, 48, generator=torch.Generator().manual_seed(0)))
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: content)
    return soft.numpy()


def test_scores_are_written_for_who_asks_for_them_and_not_for_kept_results(
    run, scored, patient, model
):
    words = (patient / "Quixote-1", "--model", model, "--out", "out")
    assert run(*words).status == 0
    (folder,) = results(patient.parent / "out")
    assert objects(folder) == []
    status, out, _ = run(*words, "--dicom-scores")
    assert (status, objects(folder)) == (0, OBJECTS)
    assert "1 kept result without export.pm.dcm: scores are not saved" in " ".join(out)
    assert run(*words, "--dicom-scores", "--existing", "replace").status == 0
    assert objects(folder) == sorted([*OBJECTS, "export.pm.dcm"])
    rows, columns = (np.floor((np.arange(n) + 0.5) * 24 / n).astype(int) for n in (30, 40))
    written = dcmread(folder / "export.pm.dcm").pixel_array
    np.testing.assert_array_equal(written, scored[rows][:, columns])
    again, out, _ = run(*words, "--dicom-scores")
    assert (again, objects(folder)) == (0, sorted([*OBJECTS, "export.pm.dcm"]))
    assert "scores are not saved" not in " ".join(out)


def test_an_image_that_lies_nowhere_is_refused_before_the_search(run, instant, here, model):
    saved(here / "chest", dicom(lit(), "DX", bits=12, **WINDOW))
    status, _, err = run("chest", "--model", model, "--dicom-scores")
    assert (status, instant.calls) == (2, [])
    assert "does not say where it lies in the patient" in err[0]
    assert "--dicom without --dicom-scores" in err[0]


def test_a_second_run_tells_that_the_window_is_another(run, instant, patient, model):
    words = (patient, "--model", model, "--out", "out", "--removal", "grey")
    assert run(*words).status == 0
    before = len(instant.calls)
    status, _, err = run(*words, "--window", "100,300")
    assert (status, len(instant.calls)) == (2, before)
    assert "window: None then, 100,300 now" in err[0]
