"""`med-cam prepare`, and `med-cam explain --proposal`, on a classifier that looks at a corner."""

import hashlib
import json

import pytest

from cli.conftest import corner
from cli.corner import QUICK, photograph
from med_cam.cli import prepare as command
from med_cam.cli.main import main
from med_cam.search.proposal_file import load_proposal

FILE = "proposal.safetensors"
PREPARE = ("prepare", "--removal", "grey,gaussian", "--config", "quick.toml", "--model", "corner")
EXPLAIN = ("explain", "scan-0.png", *PREPARE[1:], "--out", "r")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the classifier, images to prepare from, a proposal and an image to explain."""
    folder = tmp_path_factory.mktemp("prepared")
    corner(folder / "corner")
    for index in range(33):
        photograph(folder / "many" / f"{index}.png", size=(24, 24), seed=index)
    photograph(folder / "scan-0.png", seed=99)
    quick = QUICK.replace("steps = 3", "steps = 3\nproposed_steps = 1\nmasks = 1")
    (folder / "quick.toml").write_text(quick)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main([*PREPARE, "--epochs", "1", "many"]) == 0
    return folder


@pytest.fixture
def there(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def said(capsys):
    found = capsys.readouterr()
    return found.out, " ".join(found.err.split())


def test_the_file_says_what_it_was_made_of_and_for(there):
    prepared = load_proposal(there / FILE).prepared
    assert (prepared.images, prepared.left_out, prepared.epochs) == (33, 0, 1)
    assert prepared.removal == ("grey", "gaussian")
    assert prepared.sha256 == hashlib.sha256((there / FILE).read_bytes()).hexdigest()


def test_passes_and_how_to_use_it_are_said(there, capsys):
    assert main([*PREPARE, "--epochs", "1", "--out", "again.safetensors", "many"]) == 0
    out, err = said(capsys)
    assert err == ""
    prepared = load_proposal(there / FILE).prepared
    assert "33 images to prepare from, with grey and Gaussian noise as baselines" in out
    assert out.count(f"{prepared.passes.forward:,} forward passes") == 2  # before and after
    assert prepared.sha256 in out
    assert "med-cam explain --proposal again.safetensors" in out
    assert (there / "again.safetensors").read_bytes() == (there / FILE).read_bytes()


def test_an_explanation_from_a_proposal_says_so_and_is_tested_as_any_other(there, capsys):
    assert main([*EXPLAIN, "--proposal", FILE]) == 0
    document = json.loads((there / "r/scan-0/explanation.json").read_text())
    prepared = load_proposal(there / FILE).prepared
    assert document["proposal"]["sha256"] == prepared.sha256
    assert document["proposal"]["classifier"] == prepared.classifier
    (search,) = [stage for stage in document["timeline"] if stage["name"] == "search"]
    assert search["backward"] == 3  # one step of two masked inputs, and one for the clues
    assert main(["verify", "r/scan-0", "--model", "corner"]) == 0
    assert main([*EXPLAIN, "--proposal", FILE]) == 0  # kept
    assert "1 image kept" in said(capsys)[0]
    assert main(EXPLAIN) == 2  # without it, it would be another result
    assert "another proposal, or one and none" in said(capsys)[1]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--proposal", FILE, "--removal", "black"), "was prepared for the removals grey, gauss"),
        (("--proposal", FILE, "--contrast", "dark"), "--contrast leaves two of them; leave one"),
        (("--proposal", FILE, "--preset", "paper-histology"), "search.form is 'sigmoid' here"),
        (("--proposal", "scan-0.png"), "scan-0.png is no proposal of this version of med-cam"),
        (("--proposal", "none.x"), "the proposal none.x cannot be read (No such file"),
    ],
)
def test_a_proposal_that_does_not_fit_is_refused_before_an_image_is_explained(
    there, capsys, arguments, sentence
):
    assert main([*EXPLAIN[:-1], "refused", *arguments]) == 2
    err = said(capsys)[1]
    assert sentence in err
    assert err.startswith("med-cam: ")
    assert not (there / "refused").exists()


def test_bad_images_are_left_out_with_a_reason_and_counted(there, capsys, tmp_path):
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "p.safetensors"
    assert main([*PREPARE, "--epochs", "1", "--out", str(out), "many", str(tmp_path)]) == 2
    text, err = said(capsys)
    assert "bad.png" in err
    assert "Prepared from 33 images, 1 left out" in text
    assert load_proposal(out).prepared.left_out == 1


def test_too_few_images_are_refused_with_their_number(there, capsys):
    assert main([*PREPARE, "--out", "few.x", "scan-0.png", "many/1.png"]) == 2
    assert "at least 32 images, and there are 2; give more" in said(capsys)[1]
    assert not (there / "few.x").exists()


def test_a_folder_is_no_file_to_write(there, capsys):
    assert main([*PREPARE, "--out", "many", "many"]) == 2
    assert "--out many is a folder; name the file" in said(capsys)[1]


def test_ctrl_c_leaves_an_earlier_file_as_it_was(there, capsys, monkeypatch):
    before = (there / FILE).read_bytes()

    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "taught", stopped)
    assert main([*PREPARE, "many"]) == 130
    assert "interrupted; no proposal was written" in said(capsys)[1]
    assert (there / FILE).read_bytes() == before
