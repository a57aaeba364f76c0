"""What is saved of a run: when, by which command, on what, and what became of every image."""

import hashlib
import json
import platform
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cli.corner import photograph, results
from forging import rewrite_manifests
from med_cam.cli.command_line import command_line
from med_cam.cli.main import main
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.studies import ReproduceOptions
from med_cam.errors import OutputError
from med_cam.report.files import UnwritableError
from med_cam.report.manifest import refuse_changed_run


def record_of(out):
    (path,) = out.glob("run-*.json")
    return json.loads(path.read_text())


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def id_by_hand(folder):
    """As the documents say: `grep -v '  figure\\.png$' manifest.sha256 | sha256sum`."""
    lines = (folder / "manifest.sha256").read_bytes().splitlines(keepends=True)
    return hashlib.sha256(b"".join(x for x in lines if b"  figure.png" not in x)).hexdigest()


def test_a_result_says_when_how_and_on_what_it_was_made(run, instant, scans, model, here):
    begun = datetime.now(UTC) - timedelta(seconds=1)
    run(scans / "scan-0.png", "--model", model, "--out", "out", "--seed", 3)
    found = json.loads((here / "out/scan-0/explanation.json").read_text())
    created = datetime.strptime(found["created"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert begun <= created <= datetime.now(UTC)
    assert found["command"] == [
        "med-cam", "explain", "--model", str(model), "--seed", "3", "--out", "out"
    ]  # fmt: skip
    assert found["platform"]["machine"] == platform.machine()
    assert platform.python_version() in found["platform"]["python"]
    assert platform.node() not in json.dumps(found["platform"])


def test_the_environment_is_what_pip_says(run, instant, scans, model, here):
    run(scans / "scan-0.png", "--model", model, "--out", "out")
    path = here / "out/scan-0/environment.txt"
    found = json.loads((here / "out/scan-0/explanation.json").read_text())
    assert found["sha256"]["environment"] == sha256(path)
    pip = subprocess.run(
        [sys.executable, "-m", "pip", "list", "--format=freeze", "--disable-pip-version-check"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip

    def known(text):
        lines = (line.partition("==") for line in text.splitlines() if "==" in line)
        return {re.sub(r"[-_.]+", "-", name).lower(): version for name, _, version in lines}

    assert known(path.read_text()) == known(pip.stdout)
    assert "/" not in path.read_text()


def test_every_image_of_a_run_is_accounted_for(run, instant, scans, model, here):
    instant.fails["scan-1.png"] = OutputError(f"{scans}/scan-1.png is refused here")
    gone = here / "gone.png"
    run(gone, scans, "--model", model, "--out", "out")
    record = record_of(here / "out")
    assert record["command"][-2:] == [str(gone), str(scans)]
    images = record["images"]
    assert [i["outcome"] for i in images] == ["failed", "explained", "failed", "explained"]
    assert [i["sha256"] for i in images] == [
        None, *(sha256(scans / f"scan-{n}.png") for n in range(3))
    ]  # fmt: skip
    assert [i["file"] for i in images] == [
        str(gone), *(str(scans / f"scan-{n}.png") for n in range(3))
    ]  # fmt: skip
    assert "does not exist" in images[0]["reason"]
    assert images[2]["reason"] == f"OutputError: {scans}/scan-1.png is refused here."
    for image in (images[1], images[3]):
        assert image["result"] == id_by_hand(here / "out" / image["folder"])
        assert image["reason"] is None


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UnwritableError("the disk is full")])
def test_what_was_not_begun_is_named(run, instant, scans, model, here, error):
    instant.fails["scan-1.png"] = error
    run(scans, "--model", model, "--out", "out")
    images = record_of(here / "out")["images"]
    stopped = "failed" if isinstance(error, UnwritableError) else "left out"
    assert [i["outcome"] for i in images] == ["explained", stopped, "left out"]
    assert images[2]["file"] == str(scans / "scan-2.png")
    assert images[2]["reason"] == "the run ended before it was begun"


def test_a_run_that_explained_nothing_writes_nothing(run, instant, scans, model, here):
    instant.fails |= {f"scan-{n}.png": OutputError("no") for n in range(3)}
    assert run(scans, "--model", model, "--out", "out").status == 2
    assert not (here / "out").exists() or results(here / "out") == []


def test_every_run_into_a_folder_has_its_file_and_all_are_under_the_manifest(
    run, instant, scans, model, here
):
    for number in range(2):
        run(scans / f"scan-{number}.png", "--model", model, "--out", "out")
    files = sorted((here / "out").glob("run-*.json"))
    assert len(files) == 2
    assert results(here / "out") == ["scan-0", "scan-1"]
    refuse_changed_run(here / "out")
    kept = files[0].read_bytes()
    files[0].write_bytes(kept.replace(b"explained", b"failed"))
    with pytest.raises(OutputError, match=r"run-.*\.json was changed"):
        refuse_changed_run(here / "out")
    files[0].unlink()
    with pytest.raises(OutputError, match=r"lacks run-"):
        refuse_changed_run(here / "out")


def test_another_environment_in_a_result_is_noticed(run, scans, model, quick, here, capsys):
    run(scans / "scan-0.png", "--model", model, "--config", quick, "--out", "out")
    path = here / "out/scan-0/environment.txt"
    path.write_text("torch==1.0\n")
    rewrite_manifests(path.parent)
    capsys.readouterr()
    assert main(["verify", "out", "--model", str(model)]) == 3
    assert "sha256.environment" in capsys.readouterr().out


def test_a_command_line_does_the_same_again():
    """What it says, read again by the command itself, are the same options."""
    seen = []
    options = ExplainOptions(
        images=[Path("-odd.png"), Path("a b")], target="--x", alternatives=2, no_source=True,
        necessary_superset=True, removal="grey,black", config=Path("c.toml"), debug=True,
    )  # fmt: skip
    program, *arguments = command_line(options, "explain")
    assert program == "med-cam"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("med_cam.cli.explain.run", lambda given, _: seen.append(given) or 0)
        assert main(arguments) == 0
    assert seen == [options]


def test_no_path_is_left_where_none_may_be():
    options = ReproduceOptions("bach", Path("/a"), Path("/a"), "/a", config=Path("s"))
    assert command_line(options, "reproduce", paths=False) == (
        "med-cam", "reproduce", "--root", "...", "--out", "...", "--model", "...",
        "--config", "...", "bach",
    )  # fmt: skip


def test_pictures_of_a_run_file_name_make_no_run(run, instant, model, here):
    photograph(here / "run-1.json.png")
    run("run-1.json.png", "--model", model, "--out", "out")
    refuse_changed_run(here / "out")
    assert (here / "out/run-1.json/explanation.json").exists()
