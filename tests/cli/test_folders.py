"""Images in folders: what is taken, where results go, and what they never replace."""

import json

from cli.corner import photograph


def saved(folder):
    return json.loads((folder / "explanation.json").read_text())


def test_results_mirror_the_folders(run, here, model, instant):
    for index, name in enumerate(("p1", "p2")):
        photograph(here / "patients" / name / "0001.png", seed=index)
    status, out, err = run("patients", "--model", model, "--out", "r")
    assert (status, err) == (0, [])
    for index, name in enumerate(("p1", "p2")):
        assert saved(here / "r" / name / "0001")["image"]["name"] == f"{name}/0001.png"
        assert any(line.startswith(f"{name}/0001  ") for line in out), index
    lines = (here / "r" / "manifest.sha256").read_text().splitlines()
    names = [line[66:] for line in lines if "run-" not in line]
    assert names == ["p1/0001/manifest.sha256", "p2/0001/manifest.sha256"]
    assert run("patients", "--model", model, "--out", "r").status == 0  # again


def test_a_result_is_not_replaced_by_one_of_another_image(run, here, model, instant):
    first = photograph(here / "p1" / "0001.png", seed=0)
    photograph(here / "p2" / "0001.png", seed=1)
    assert run("p1", "--model", model, "--out", "r").status == 0
    kept = (here / "r" / "0001" / "explanation.json").read_bytes()
    status, _, err = run("p2", "--model", model, "--out", "r")
    assert status == 2
    assert "holds the result of another image, which would be lost" in err[0]
    assert (here / "r" / "0001" / "explanation.json").read_bytes() == kept
    (here / "p3").mkdir()
    (here / "p3" / "0001.png").write_bytes(first.read_bytes())  # the same image, elsewhere
    assert run("p3", "--model", model, "--out", "r").status == 0


def test_what_is_left_out_of_a_folder_is_said(run, here, model, instant):
    photograph(here / "mixed" / "a.png")
    photograph(here / "mixed" / "sub" / "b.png")
    (here / "mixed" / "c.dcm").write_bytes(b"x")
    _, out, _ = run("mixed", "--model", model)
    assert "Note: mixed: 1 taken; left out: 1 .dcm, 1 image in folders below." in out
