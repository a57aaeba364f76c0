"""Exports lie under the manifest, and leave all the rest and its ID as it was."""

import pytest

from med_cam.errors import ConfigError, OutputError
from med_cam.report.export import EXPORTS, export, refuse_missing, run_of, runs_listed
from med_cam.report.file_names import EXPORT_FILES
from med_cam.report.manifest import (
    checked_id,
    read_manifest,
    refuse_changed_run,
    write_run_manifest,
)
from med_cam.report.write import refuse_foreign_files, write

OF_ANY = [name for name in EXPORTS if name != "nifti"]  # which a PNG has no space for


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_every_export_has_a_file_that_a_result_may_hold():
    assert {file for file, _ in EXPORTS.values()} == EXPORT_FILES


def test_the_rest_and_the_id_stay(folder):
    before, result_id = contents(folder), checked_id(folder)
    files = export(folder, OF_ANY)
    after = contents(folder)
    assert set(files) == set(after) - set(before)
    assert {n: c for n, c in after.items() if n not in {*files, "manifest.sha256"}} == {
        n: c for n, c in before.items() if n != "manifest.sha256"
    }
    assert checked_id(folder) == result_id
    assert set(files) < set(read_manifest(folder / "manifest.sha256"))


def test_again_it_is_the_same_byte_for_byte(folder):
    export(folder, OF_ANY)
    before = contents(folder)
    export(folder, OF_ANY)
    assert contents(folder) == before


def test_a_picture_has_no_space_for_a_volume(folder):
    with pytest.raises(OutputError, match="no slice of a NIfTI volume"):
        export(folder, ["nifti"])


def test_an_export_that_was_changed_is_noticed(folder):
    export(folder, ["coco"])
    (folder / "export.coco.json").write_text("{}")
    with pytest.raises(OutputError, match=r"export\.coco\.json was changed"):
        checked_id(folder)


def test_a_result_with_exports_is_replaced(folder, explanation, image, provenance):
    export(folder, ["coco"])
    refuse_foreign_files(folder)
    write(explanation, image, folder, provenance)
    assert not (folder / "export.coco.json").exists()


def test_a_mask_that_was_changed_is_not_exported(folder):
    (folder / "mask.png").write_bytes((folder / "alternative-1.png").read_bytes())
    with pytest.raises(OutputError, match=r"mask\.png was changed"):
        export(folder, ["coco"])


def test_a_mask_of_a_forged_manifest_is_not_exported(folder):
    forged = (folder / "alternative-1.png").read_bytes()
    lines = (folder / "manifest.sha256").read_text()
    hashes = read_manifest(folder / "manifest.sha256")
    lines = lines.replace(
        f"{hashes['mask.png']}  mask.png", f"{hashes['alternative-1.png']}  mask.png"
    )
    (folder / "manifest.sha256").write_text(lines)
    (folder / "mask.png").write_bytes(forged)
    with pytest.raises(OutputError, match=r"mask\.png is not the mask"):
        export(folder, ["coco"])


def test_without_a_manifest_nothing_is_exported(folder, edit):
    (folder / "manifest.sha256").unlink()
    edit(lambda document: document.update(manifest=None))
    with pytest.raises(OutputError, match=r"has no manifest\.sha256"):
        export(folder, ["coco"])


def test_the_run_is_listed_anew_and_unlisted_meanwhile(folder):
    run = folder.parent
    write_run_manifest(run)
    with runs_listed([folder]):
        assert not (run / "manifest.sha256").exists()
        export(folder, ["coco"])
    refuse_changed_run(run)
    assert run_of(folder) == run


def test_a_run_with_a_changed_result_is_not_listed_anew(folder, explanation, image, provenance):
    write(explanation, image, folder.parent / "other", provenance)
    write_run_manifest(folder.parent)
    path = folder.parent / "other" / "manifest.sha256"
    path.write_bytes(path.read_bytes()[1:])
    with pytest.raises(OutputError, match="was changed"), runs_listed([folder]):
        pass
    assert (folder.parent / "manifest.sha256").exists()


def test_a_manifest_of_others_above_is_left_alone(folder):
    path = folder.parent / "manifest.sha256"
    path.write_text("as somebody else has it\n")
    with runs_listed([folder]):
        pass
    assert path.read_text() == "as somebody else has it\n"
    assert run_of(folder) is None


def test_a_missing_package_is_named_with_its_extra(monkeypatch):
    monkeypatch.setattr("med_cam.report.export.find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"med-cam-evidence\[slides\]"):
        refuse_missing(["geojson"])
