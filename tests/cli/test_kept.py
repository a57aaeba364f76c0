"""A run goes on where it was stopped: what is finished is kept, what is otherwise is refused."""

import csv
import json
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cli.corner import photograph
from med_cam.cli.estimate import SoFar, estimate
from med_cam.cli.overview import next_time
from med_cam.report.manifest import checked_id

NAMES = ["scan-0", "scan-1", "scan-2"]


@pytest.fixture
def explained(run, scans, model, instant, here):
    """Three finished results in `r`; what is explained is counted from now on."""
    assert run("scans", "--model", model, "--out", "r").status == 0
    instant.calls.clear()
    return here / "r"


def ids(out):
    return {path.name: checked_id(path) for path in out.iterdir() if path.is_dir()}


def table(out):
    with (out / "table.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_the_same_command_again_keeps_everything(run, model, instant, explained):
    before = ids(explained)
    status, out, err = run("scans", "--model", model, "--out", "r")
    assert (status, err, instant.calls) == (0, [], [])
    assert out[1].startswith("3 images kept, 0 to do.")
    assert "Nothing to do: 3 images kept." in out
    assert ids(explained) == before


def test_what_is_missing_is_done_and_counted(run, model, instant, explained, here):
    before = ids(explained)
    photograph(here / "scans" / "scan-9.png", seed=9)
    _, out, _ = run("scans", "--model", model, "--out", "r")
    assert len(instant.calls) == 1
    assert out[1].startswith("3 images kept, 1 to do.")
    assert {name: ids(explained)[name] for name in before} == before
    assert any("1 image explained" in line and "3 images kept" in line for line in out)
    record = json.loads(
        max(explained.glob("run-*.json"), key=lambda p: p.stat().st_mtime).read_text()
    )
    outcomes = {image["folder"]: (image["outcome"], image["result"]) for image in record["images"]}
    assert outcomes["scan-0"] == ("kept", before["scan-0"])
    assert outcomes["scan-9"][0] == "explained"
    assert [line["folder"] for line in table(explained)] == [*NAMES, "scan-9"]


def other_weights(model):
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 0.25)}, model / "model.safetensors")


def other_colours(model):
    text = (model / "classifier.toml").read_text()
    (model / "classifier.toml").write_text(text.replace("std = 1.0", "std = 0.5"))


@pytest.mark.parametrize(
    ("words", "change", "said"),
    [
        (["--seed", 3], None, "seed: 0 then, 3 now"),
        (["--removal", "grey"], None, "verification.baselines: grey, gaussian then, grey now"),
        (["--target", "dark"], None, "label: bright then, dark now"),
        (["--contrast", "dark"], None, "classifier: another contrast"),
        (["--references", "scans"], None, "other reference images"),
        (["--white", 4095], None, "white: None then, 4095 now"),
        ([], other_weights, "classifier: another weights"),
        ([], other_colours, "classifier: another std"),
    ],
)
def test_what_was_made_otherwise_is_refused_in_one_sentence(
    run, model, instant, explained, words, change, said
):
    before = ids(explained)
    if change:
        change(model)
    status, _, err = run("scans", "--model", model, "--out", "r", *words)
    assert (status, len(err), instant.calls) == (2, 1, [])
    assert said in err[0]
    assert "holds 3 results that were made otherwise" in err[0]
    assert ids(explained) == before


def test_it_is_redone_if_asked_and_kept_from_then_on(run, model, instant, explained):
    words = ["scans", "--model", model, "--out", "r", "--seed", 3, "--references", "scans"]
    assert run(*words, "--existing", "redo").status == 0
    assert len(instant.calls) == 3
    assert run(*words).status == 0
    assert len(instant.calls) == 3


@pytest.mark.parametrize("package", ["med-cam", "torch", "pillow"])
def test_another_version_of_the_software_is_another_result(
    run, model, instant, explained, monkeypatch, package
):
    from med_cam.report.installed import versions

    monkeypatch.setattr(
        "med_cam.cli.explain.versions", lambda known: versions(known) | {package: "0.0.1"}
    )
    status, _, err = run("scans", "--model", model, "--out", "r")
    assert (status, instant.calls) == (2, [])
    assert f"{package} " in err[0]


def test_another_python_alone_is_not(run, model, instant, explained, monkeypatch):
    from med_cam.report.installed import versions

    monkeypatch.setattr(
        "med_cam.cli.explain.versions", lambda known: versions(known) | {"python": "3.99"}
    )
    assert run("scans", "--model", model, "--out", "r").status == 0
    assert instant.calls == []


def test_the_label_named_or_predicted_is_the_same_result(run, model, instant, explained):
    run("scans", "--model", model, "--out", "r", "--target", "bright")
    assert instant.calls == []


@pytest.mark.parametrize("existing", ["keep", "redo", "replace"])
def test_the_result_of_another_image_is_never_replaced(
    run, model, instant, explained, here, existing
):
    before = ids(explained)
    photograph(here / "scans" / "scan-1.png", seed=77)
    status, _, err = run("scans", "--model", model, "--out", "r", "--existing", existing)
    assert (status, len(err)) == (2, 1)
    assert "holds the result of another image" in err[0]
    assert ids(explained)["scan-1"] == before["scan-1"]


def test_all_is_done_again_if_asked(run, model, instant, explained):
    run("scans", "--model", model, "--out", "r", "--existing", "replace")
    assert len(instant.calls) == 3


def test_an_unknown_word_for_it_is_refused(run, model, scans):
    status, _, err = run("scans", "--model", model, "--existing", "overwrite")
    assert status == 2
    assert "'keep' or 'redo' or 'replace'" in err[0]


@pytest.mark.parametrize("broken", ["mask.png", "manifest.sha256", "explanation.json"])
@pytest.mark.parametrize("how", ["gone", "cut"])
def test_what_is_not_whole_is_not_taken_for_finished(run, model, instant, explained, broken, how):
    path = explained / "scan-1" / broken
    content = path.read_bytes()
    path.unlink() if how == "gone" else path.write_bytes(content[: len(content) // 2])
    status, out, err = run("scans", "--model", model, "--out", "r")
    if broken == "explanation.json":  # no result at all: not ours to replace
        assert (status, len(err), len(instant.calls)) == (2, 1, 0)
        return
    assert (status, err, len(instant.calls)) == (0, [], 1)
    assert any("scan-1 is not whole" in line for line in out)
    assert set(ids(explained)) == set(NAMES)


def test_without_the_image_results_are_kept_by_its_hash(run, model, instant, scans, here):
    for _ in range(2):
        assert run("scans", "--model", model, "--out", "r", "--no-source").status == 0
    assert len(instant.calls) == 3
    for name in ("table.csv", "index.html", "explain.log"):
        assert "scan-" not in (here / "r" / name).read_text()


# -- the tables -----------------------------------------------------------------------------------


def test_the_table_has_every_result_with_its_figures(run, model, explained, here):
    for line in table(explained):
        saved = json.loads((explained / line["folder"] / "explanation.json").read_text())
        assert float(line["area"]) == saved["area"]
        assert float(line["p_image"]) == saved["probabilities"]["bright"] == 0.95
        assert float(line["p_evidence"]) == 0.9
        assert (line["label"], line["verified"]) == ("bright", "true")
        assert line["sha256"] == saved["sha256"]["image"]
        assert line["result"] == checked_id(explained / line["folder"])
    page = (explained / "index.html").read_text()
    assert all(f'href="{name}/figure.png"' in page for name in NAMES)


def test_results_of_other_runs_stay_in_the_table(run, model, instant, explained, here):
    photograph(here / "more" / "late.png", seed=8)
    run("more", "--model", model, "--out", "r", "--seed", 4)
    assert [line["folder"] for line in table(explained)] == ["late", *NAMES]


def test_the_tables_are_there_after_the_first_image(run, model, instant, scans, here, monkeypatch):
    seen = []

    def explain(_, image, **__):
        seen.append((here / "r" / "table.csv").exists() and len(table(here / "r")))
        raise KeyboardInterrupt if len(seen) == 3 else LookupError

    run(scans / "scan-0.png", "--model", model, "--out", "r")
    monkeypatch.setattr("med_cam.cli.explain_image.explain", explain)
    run("scans", "--model", model, "--out", "r")
    assert seen[0] == 1


def test_an_interrupted_run_leaves_the_lines_of_what_is_done(
    run, model, instant, scans, here, monkeypatch
):
    monkeypatch.setattr("med_cam.cli.overview.next_time", lambda _: next_time(1e6))
    instant.fails["scan-2.png"] = KeyboardInterrupt()
    assert run("scans", "--model", model, "--out", "r").status == 130
    assert [line["folder"] for line in table(here / "r")] == NAMES[:2]
    assert "2 of 3 images" in (here / "r" / "index.html").read_text()


def test_a_name_that_a_spreadsheet_would_compute_stays_text(run, model, instant, here):
    photograph(here / "s" / "=1+1.png")
    run("s", "--model", model, "--out", "r")
    assert table(here / "r")[0]["image"] == "'=1+1.png"


# -- the estimate ---------------------------------------------------------------------------------


def test_what_is_left_is_what_an_image_took_times_the_images_left():
    text = estimate(SoFar(images=2, passes=3000, seconds=20.0), of=12)
    assert text == (
        "2 of 12 images done, about 1,500 passes and 10 s each; to go: about 15,000 passes, 100 s"
    )


def test_a_long_run_says_so_after_the_first_image(run, model, instant, scans, here, monkeypatch):
    monkeypatch.setattr("med_cam.cli.estimate.LONG", 0.0)
    _, out, _ = run("scans", "--model", model, "--out", "r")
    assert any(line.startswith("1 of 3 images done, about 1,020 passes") for line in out)
    lines = (here / "r" / "explain.log").read_text().splitlines()
    assert lines[0].endswith("begun: 0 kept, 3 to do")
    assert "1 of 3 images done" in lines[1]
    assert "3 of 3 images done" in lines[2]
    assert "ended: 3 of 3" in lines[3]


def test_every_column_of_the_table_is_described(explained):
    text = (Path(__file__).parents[2] / "docs" / "folders.md").read_text()
    described = text.partition("## The columns of table.csv")[2]
    listed = [
        name for line in described.splitlines() for name in re.findall(r"`(\w+)`", line[:26])
    ]
    assert listed == list(table(explained)[0])
