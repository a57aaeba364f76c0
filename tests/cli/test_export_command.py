"""`med-cam export` over saved results, and the same options of `med-cam explain`."""

import json

import pytest
from shapely.geometry import shape

from med_cam.cli.main import main

FILES = ["export.coco.json", "export.geojson"]


@pytest.fixture
def export(capsys):
    """`med-cam export` with these arguments: exit status, lines of stdout, lines of stderr."""

    def command(*arguments):
        status = main(["export", *map(str, arguments)])
        out, err = capsys.readouterr()
        return status, out.splitlines(), err.splitlines()

    return command


def exported(folder):
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("export."))


def test_a_folder_of_results_is_exported_and_verified(run, verify, export, scans, model, quick):
    """With nothing replaced: what is explained, exported and re-checked are the same results."""
    given = (scans / "scan-0.png", "--model", model, "--config", quick, "--out", "r")
    given += ("--compare", "grad_cam")
    assert run(*given, "--geojson").status == 0
    result = scans.parent / "r" / "scan-0"
    assert exported(result) == ["export.geojson"]
    first = (result / "export.geojson").read_bytes()
    assert run(*given, "--coco").status == 0  # the result is kept, and exported all the same
    assert exported(result) == FILES
    assert export("r", "--geojson", "--coco") == (
        0,
        ["r/scan-0  export.geojson, export.coco.json"],
        [],
    )
    assert exported(result) == FILES
    assert (result / "export.geojson").read_bytes() == first
    document = json.loads((result / "explanation.json").read_text())
    (feature,) = json.loads(first)["features"]
    assert shape(feature["geometry"]).area == round(document["area"] * 30 * 40)
    (other,) = document["compared"]
    assert (other["method"], other["mask"]) == ("grad_cam", "compared-1.png")
    assert other["area"] == pytest.approx(document["area"])
    assert verify("r", "--model", model).status == 0


def test_each_result_is_exported_whatever_becomes_of_others(run, export, scans, model, instant):
    run(scans, "--model", model, "--out", "r")
    (scans.parent / "r" / "scan-1" / "mask.png").write_bytes(b"")
    status, out, err = export("r/scan-0", "r/scan-1", "r/scan-2", "--coco")
    assert (status, out) == (2, [f"r/scan-{i}  export.coco.json" for i in (0, 2)])
    assert "mask.png was changed" in err[0]


def test_the_figure_comes_in_a_style_and_for_a_phone(run, scans, model, instant, monkeypatch):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *given: given[-1].encode())
    made = {}
    for style in ("outline", "evidence"):
        folder = scans.parent / style / "scan-0"
        given = (scans / "scan-0.png", "--model", model, "--out", style, "--style", style)
        assert run(*given, *["--phone"] * (style == "outline")).status == 0
        made[style] = (folder / "figure.png").read_bytes()
        assert exported(folder) == ["export.phone.png"] * (style == "outline")
    assert made == {"outline": b"outline", "evidence": b"evidence"}
    assert run(scans / "scan-0.png", "--model", model, "--style", "bold").status == 2


def test_nothing_asked_for_is_a_mistake(export, run, scans, model, instant):
    run(scans, "--model", model, "--out", "r")
    status, _, err = export("r")
    assert status == 2
    assert "--geojson" in err[0]


def test_a_method_that_nobody_knows_is_told_before_anything_is_searched(
    run, scans, model, instant
):
    status, _, err = run(scans, "--model", model, "--out", "r", "--compare", "lime")
    assert (status, instant.calls) == (2, [])
    assert "lime" in err[0]


def test_a_missing_package_is_told_before_anything_is_searched(
    run, scans, model, instant, monkeypatch
):
    monkeypatch.setattr("med_cam.report.export.find_spec", lambda _: None)
    status, _, err = run(scans, "--model", model, "--out", "r", "--geojson")
    assert (status, instant.calls) == (2, [])
    assert "pip install" in err[0]


def test_no_source_is_exported_without_a_name(run, export, scans, model, instant):
    run(scans / "scan-0.png", "--model", model, "--out", "r", "--no-source", "--coco", "--geojson")
    (folder,) = [path for path in (scans.parent / "r").iterdir() if path.is_dir()]
    assert exported(folder) == FILES
    assert not any("scan-0" in (folder / name).read_text() for name in FILES)
