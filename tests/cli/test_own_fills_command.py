"""`--removal folder:PATH` and `FILE.py:FUNCTION`: explained, re-checked, refused in a sentence."""

import json

import pytest

from cli.corner import photograph

pytestmark = pytest.mark.usefixtures("no_figures")
PYTHON = """
import torch

def speckled(pixels, mask, generator):
    return torch.rand(pixels.shape, generator=generator) * LEVEL

def wrong(pixels, mask, generator):
    return pixels * 3 + 2
"""


@pytest.fixture
def scan(here):
    return photograph(here / "scans" / "scan-0.png")


@pytest.fixture
def explained(run, scan, model, quick, here):
    """`explain` with these removals, into `r`."""

    def command(*removal):
        return run(scan, "--model", model, "--config", quick, "--out", "r", "--removal", *removal)

    return command


@pytest.fixture
def folder(here):
    for i in range(8):
        photograph(here / "dark" / f"{i}.png", corner=20, seed=i)
    return here / "dark"


def document(here):
    return json.loads((here / "r" / "scan-0" / "explanation.json").read_text())


def test_a_folder_is_explained_with_and_re_checked(explained, verify, model, folder, here):
    status, out, err = explained("folder:dark")
    assert (status, err) == (0, [])
    assert any("images of dark as baselines" in line for line in out)
    (fill,) = document(here)["fills"]
    assert (fill["kind"], fill["images"], fill["name"]) == ("folder", 8, "folder:dark")
    assert verify("r", "--model", model).status == 0
    photograph(folder / "3.png", corner=90, seed=99)
    status, _, err = verify("r", "--model", model)
    assert status == 2
    assert "the fill 'folder:dark' is not the one of the explanation" in " ".join(err)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    status, _, err = verify("r", "--model", model)
    assert status == 2
    assert "there is no folder dark" in " ".join(err)


def test_a_python_file_runs_only_with_trust_in_both_commands(
    explained, verify, model, here, monkeypatch
):
    file = here / "fill.py"
    file.write_text(PYTHON.replace("LEVEL", "0.2"))
    status, _, err = explained("fill.py:speckled")
    assert status == 2
    assert "give --trust fill.py if you want that" in " ".join(err)
    assert explained("fill.py:speckled", "--trust", "fill.py").status == 0
    assert document(here)["fills"][0]["kind"] == "file"
    status, _, err = verify("r", "--model", model)
    assert status == 2  # a result from anyone names a file, and is no reason to run it
    assert "give --trust fill.py" in " ".join(err)
    assert verify("r", "--model", model, "--trust", "fill.py").status == 0
    file.write_text(PYTHON.replace("LEVEL", "0.3"))
    status, _, err = verify("r", "--model", model, "--trust", "fill.py")
    assert status == 2
    assert "the fill 'fill.py:speckled' is not the one" in " ".join(err)


def test_a_new_certificate_can_be_over_a_folder(explained, verify, model, folder):
    assert explained("grey,gaussian").status == 0
    status, out, err = verify("r", "--model", model, "--removal", "folder:dark")
    assert (status in (0, 3), err) == (True, [])
    assert any("retention rate at least" in line for line in out)


@pytest.mark.parametrize(
    ("removal", "said"),
    [
        ("folder:nowhere", "there is no folder nowhere"),
        ("fill.py:missing", "has no function 'missing'"),
        ("fill.py:wrong", "must give pixels in [0, 1]"),
        ("grey:scale", "is neither folder:PATH nor FILE.py:FUNCTION"),
        ("fixed:folder:dark", "is drawn at random; leave fixed: out"),
    ],
)
def test_bad_fills_are_one_sentence(explained, folder, here, removal, said):
    (here / "fill.py").write_text(PYTHON)
    status, _, err = explained(removal, "--trust", "fill.py")
    assert status == 2
    assert said in " ".join(err)
    assert len(err) == 1
