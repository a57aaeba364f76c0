"""Saved results tested again from Python, those of a module in memory above all."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

import med_cam
from forging import rewrite_manifests
from med_cam.cli.main import main
from med_cam.config.settings import Verification
from notebook.nine import CONFIG, SAID, folder_of, levels, net

LABELS = ["dark", "bright"]


def in_memory():
    return med_cam.from_module(net(), LABELS, **SAID)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The result of a module in memory; the module is gone."""
    place = tmp_path_factory.mktemp("saved") / "r"
    med_cam.explain(in_memory(), levels(), config=CONFIG).save(place)
    return place


def test_the_module_is_given_again_and_every_claim_holds(saved):
    with torch.no_grad():
        found = med_cam.verify_saved(str(saved), in_memory())
    assert found.holds
    assert repr(found).startswith("r  ")
    assert "all hold again" in repr(found)
    claimed = json.loads((saved / "explanation.json").read_text())["claim"]["certificate"]
    assert found.found.claim.certificate.bound == claimed["bound"]


def test_another_state_is_refused(saved):
    other = net()
    with torch.no_grad():
        other[3].bias[1] += 1e-6
    with pytest.raises(med_cam.ClassifierError, match=r"made with state = SHA-256 .* has state"):
        med_cam.verify_saved(saved, med_cam.from_module(other, LABELS, **SAID))


@pytest.mark.parametrize(
    ("changed", "key"),
    [({"mean": 0.1}, "mean"), ({"resize": "crop"}, "resize"), ({"head": "sigmoid"}, "head")],
)
def test_the_same_weights_read_otherwise_are_another_classifier(saved, changed, key):
    other = med_cam.from_module(net(), LABELS, **(SAID | changed))
    with pytest.raises(med_cam.ClassifierError, match=f"made with {key} = "):
        med_cam.verify_saved(saved, other)


def test_a_figure_that_was_changed_does_not_come_out_again(saved, tmp_path):
    place = tmp_path / "r"
    shutil.copytree(saved, place)
    path = place / "explanation.json"
    document = json.loads(path.read_text())
    document["claim"]["certificate"]["bound"] -= 0.01
    path.write_text(json.dumps(document))
    with pytest.raises(med_cam.OutputError, match=r"explanation\.json"):
        med_cam.verify_saved(place, in_memory())
    rewrite_manifests(place)
    found = med_cam.verify_saved(place, in_memory())
    assert not found.holds
    assert "NOT REPRODUCED: claim.certificate.bound" in repr(found)


def test_the_command_says_where_it_can_be_re_checked(saved, tmp_path, capsys):
    assert main(["verify", str(saved), "--model", str(folder_of(tmp_path))]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "a module in memory (Sequential)" in line
    assert "med_cam.verify_saved(folder, model)" in line


def test_a_classifier_folder_is_taken_too(tmp_path):
    folder = folder_of(tmp_path)
    med_cam.explain(folder, folder / "scan.png", config=CONFIG).save(tmp_path / "r")
    assert med_cam.verify_saved(tmp_path / "r", folder).holds
    with pytest.raises(med_cam.ClassifierError, match="made with weights"):
        med_cam.verify_saved(tmp_path / "r", in_memory())


def test_reference_images_have_to_be_the_same(tmp_path):
    classifier, rng = in_memory(), np.random.default_rng(1)
    shots = [rng.integers(0, 60, (24, 24), dtype=np.uint8) for _ in range(9)]
    images = [med_cam.image_from_array(shot) for shot in shots]
    references = med_cam.prepare_references(classifier, images)
    found = med_cam.explain(classifier, levels(), config=CONFIG, references=references)
    found.save(tmp_path / "r")
    assert med_cam.verify_saved(tmp_path / "r", classifier, references=references).holds
    with pytest.raises(med_cam.OutputError, match="the same ones as references="):
        med_cam.verify_saved(tmp_path / "r", classifier)
    fewer = med_cam.prepare_references(classifier, images[:8])
    with pytest.raises(med_cam.OutputError, match="other reference images"):
        med_cam.verify_saved(tmp_path / "r", classifier, references=fewer)


def to_zero(pixels, _mask, _generator):
    return torch.zeros_like(pixels)


def to_white(pixels, _mask, _generator):
    return torch.ones_like(pixels)


def test_a_function_that_fills_is_given_again(tmp_path):
    rules = Verification(
        samples=1, unseen_samples=1, baselines=("fixed:my:fill",), unseen=("grey",)
    )
    config = replace(CONFIG, verification=rules)
    found = med_cam.explain(in_memory(), levels(), config=config, fills={"my:fill": to_zero})
    found.save(tmp_path / "r")
    assert med_cam.verify_saved(tmp_path / "r", in_memory(), fills={"my:fill": to_zero}).holds
    with pytest.raises(med_cam.OutputError, match="my:fill"):
        med_cam.verify_saved(tmp_path / "r", in_memory())
    other = med_cam.verify_saved(tmp_path / "r", in_memory(), fills={"my:fill": to_white})
    assert not other.holds


def test_one_result_is_asked_for(saved, tmp_path):
    with pytest.raises(med_cam.OutputError, match="holds no result"):
        med_cam.verify_saved(tmp_path, in_memory())
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "explanation.json").write_text("{}")
    with pytest.raises(med_cam.OutputError, match="holds 2 results; give the folder of one"):
        med_cam.verify_saved(tmp_path, in_memory())
