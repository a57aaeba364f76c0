"""A file of a result that is missing, added or changed is named, and `sha256sum` agrees."""

import hashlib
import json
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image as Picture

from med_cam.errors import OutputError
from med_cam.report import write as module
from med_cam.report.manifest import (
    checked_id,
    forget_run_manifest,
    listed,
    read_manifest,
    refuse_changed_run,
    write_run_manifest,
)
from med_cam.report.write import write

OLD = Path(__file__).parents[1] / "recheck" / "saved-1.1" / "fragile"


@pytest.fixture
def drawn(monkeypatch):
    """The IDs that figures were given; the figure has tests of its own."""
    ids = []

    def figure_png(image, explanation, result_id, *_):
        ids.append(result_id)
        return b"figure"

    monkeypatch.setattr(module, "figure_png", figure_png)
    return ids


@pytest.fixture
def folder(tmp_path, drawn, explanation, image, provenance):
    """A result with everything."""
    write(explanation, image, tmp_path / "run" / "scan", provenance)
    return tmp_path / "run" / "scan"


def refused(folder, *words, check=checked_id):
    with pytest.raises(OutputError) as raised:
        check(folder)
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def summed(folder):
    """What the tool of the system says of a manifest."""
    command = ["sha256sum", "--check", "--strict", "manifest.sha256"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_it_lists_every_other_file_sorted_as_the_tool_reads_it(folder):
    names = sorted(path.name for path in folder.iterdir() if path.name != "manifest.sha256")
    lines = (folder / "manifest.sha256").read_text().splitlines()
    assert [line[66:] for line in lines] == names
    for line, name in zip(lines, names, strict=True):
        assert line[:66] == hashlib.sha256((folder / name).read_bytes()).hexdigest() + "  "
    assert summed(folder).stdout.splitlines() == [f"{name}: OK" for name in names]


def test_the_figure_is_given_the_id_of_all_other_files(folder, drawn):
    lines = (folder / "manifest.sha256").read_text().splitlines(keepends=True)
    others = "".join(line for line in lines if not line.endswith("  figure.png\n"))
    assert drawn == [hashlib.sha256(others.encode()).hexdigest()]
    assert checked_id(folder) == drawn[0]


def test_the_documented_command_prints_the_id(folder, drawn):
    page = (Path(__file__).parents[2] / "docs/explanation-json.md").read_text("utf-8")
    (command,) = [line.strip() for line in page.splitlines() if line.startswith("    grep -v")]
    found = subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=True)
    assert found.stdout.split()[0].decode() == drawn[0]


@pytest.mark.parametrize("name", ["mask.png", "explanation.json", "source.png", "agreement.png"])
def test_another_id_for_every_other_file(folder, drawn, name):
    hashes = read_manifest(folder / "manifest.sha256")
    (folder / name).write_bytes(b"other")
    hashes[name] = hashlib.sha256(b"other").hexdigest()
    (folder / "manifest.sha256").write_bytes(listed(hashes))
    assert checked_id(folder) != drawn[0]


def test_every_changed_file_is_named(folder):
    for path in sorted(folder.iterdir()):
        if path.name == "manifest.sha256":
            continue
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        refused(folder, f"{path.name} was changed", "explain the image again")
        path.write_bytes(content)
    checked_id(folder)


def test_every_missing_file_is_named(folder, tmp_path):
    for path in sorted(folder.iterdir()):
        kept = tmp_path / "kept"
        path.rename(kept)
        refused(folder, f"lacks {path.name}")
        kept.rename(path)


def test_pictures_of_another_patient_are_noticed(folder):
    for name in ("figure.png", "evidence.png"):
        content = (folder / name).read_bytes()
        Picture.new("L", (30, 20)).save(folder / name)
        refused(folder, f"{name} was changed")
        (folder / name).write_bytes(content)


@pytest.mark.parametrize("name", ["alternative-3.png", "notes.txt", "manifest.sha256.asc"])
def test_an_added_file_is_named(folder, name):
    (folder / name).touch()
    refused(folder, f"holds {name}", "was added")


def test_a_folder_in_a_result_is_an_added_file(folder):
    (folder / "more").mkdir()
    refused(folder, "holds more")


def test_what_file_managers_leave_is_not_minded(folder, drawn):
    (folder / ".DS_Store").touch()
    assert checked_id(folder) == drawn[0]


def test_a_result_of_an_earlier_version_has_no_id(folder):
    assert checked_id(OLD) == ""


def test_a_result_of_this_schema_from_before_there_were_manifests_has_no_id(folder):
    (folder / "manifest.sha256").unlink()
    document = json.loads((folder / "explanation.json").read_text())
    del document["manifest"]
    (folder / "explanation.json").write_text(json.dumps(document))
    assert checked_id(folder) == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("  ", " "),
        lambda text: text.upper(),
        lambda text: text + text.splitlines(keepends=True)[0],
        lambda text: "".join(reversed(text.splitlines(keepends=True))),
        lambda text: text[:-1],
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n" + text,
        lambda text: "x" * 2**21,
    ],
)
def test_what_is_not_as_we_write_it_is_refused(folder, change):
    path = folder / "manifest.sha256"
    path.write_bytes(change(path.read_text()).encode())
    refused(folder, "manifest.sha256")


def test_a_manifest_that_does_not_list_the_document_is_refused(folder):
    hashes = read_manifest(folder / "manifest.sha256")
    del hashes["explanation.json"]
    (folder / "manifest.sha256").write_bytes(listed(hashes))
    refused(folder, "holds explanation.json")


def test_a_manifest_that_leads_out_of_the_folder_is_refused(folder, tmp_path):
    (tmp_path / "run" / "other.txt").write_bytes(b"x")
    hashes = read_manifest(folder / "manifest.sha256")
    hashes["../other.txt"] = hashlib.sha256(b"x").hexdigest()
    (folder / "manifest.sha256").write_bytes(listed(hashes))
    refused(folder, "lacks ../other.txt")


@pytest.mark.parametrize("name", ["back\\slash", "line\nbreak", "ret\rurn", "two  spaces", "ä b"])
def test_odd_names_are_written_as_the_tool_writes_them(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    wanted = subprocess.run(["sha256sum", name], cwd=tmp_path, capture_output=True, check=True)
    written = listed({name: hashlib.sha256(b"x").hexdigest()})
    assert written == wanted.stdout
    (tmp_path / "manifest.sha256").write_bytes(written)
    assert list(read_manifest(tmp_path / "manifest.sha256")) == [name]


def test_a_run_lists_the_manifest_of_every_result(folder, explanation, image, provenance):
    run = folder.parent
    write(explanation, image, run / "odd \\ name", provenance)
    write_run_manifest(run)
    assert summed(run).returncode == 0
    names = [path.parent.name for path in run.glob("*/manifest.sha256")]
    assert sorted(read_manifest(run / "manifest.sha256")) == sorted(
        f"{name}/manifest.sha256" for name in names
    )
    refuse_changed_run(run)


def test_a_result_taken_from_a_run_put_to_it_or_exchanged_is_named(folder, tmp_path):
    run = folder.parent
    write_run_manifest(run)
    shutil.copytree(folder, run / "second")
    refused(run, "holds second/manifest.sha256", check=refuse_changed_run)
    shutil.rmtree(run / "second")
    (folder / "manifest.sha256").write_bytes(b"")
    refused(run, "scan/manifest.sha256 was changed", check=refuse_changed_run)
    shutil.rmtree(folder)
    refused(run, "lacks scan/manifest.sha256", check=refuse_changed_run)


def test_a_run_without_results_has_no_manifest(tmp_path):
    write_run_manifest(tmp_path)
    assert not any(tmp_path.iterdir())
    refuse_changed_run(tmp_path)


def test_a_run_is_forgotten_before_it_is_wrong(folder):
    write_run_manifest(folder.parent)
    forget_run_manifest(folder.parent)
    assert [path.name for path in folder.parent.iterdir()] == ["scan"]
    forget_run_manifest(folder.parent)
