"""`explain --removal auto`: removals chosen once for the classifier, said, saved, read again."""

import json
import shutil

import pytest
import torch
from safetensors.torch import save_file

import med_cam
from cli.corner import photograph
from med_cam.cli.main import main
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.settings import removal_names, wants_choice
from med_cam.config.baselines import BASELINES
from med_cam.config.settings import Verification
from med_cam.errors import ConfigError

USUAL = Verification().baselines
pytestmark = pytest.mark.usefixtures("no_figures")


@pytest.fixture
def references(here):
    """Four pictures with light in the corner, and four without."""
    for i in range(8):
        photograph(here / "references" / f"{i}.png", corner=230 if i % 2 else 20, seed=i)
    return here / "references"


@pytest.fixture
def scan(here):
    return photograph(here / "scans" / "scan-0.png")


def document(out):
    return json.loads((out / "scan-0" / "explanation.json").read_text())


def test_a_classifier_of_the_users_gets_its_removals_chosen_and_said_and_saved(
    run, verify, scan, references, model, quick, here
):
    status, out, err = run(
        scan, "--model", model, "--config", quick, "--references", references, "--out", "r"
    )
    assert (status, err) == (0, [])
    (said,) = [line for line in out if line.startswith("Removal: ")]
    found = document(here / "r")
    choice = found["removal_choice"]
    assert choice["source"] == "measured"
    assert 0 < choice["passes"] <= 10 * choice["references"] == 80
    assert found["config"]["verification"]["baselines"] == choice["removal"]
    assert found["claim"]["searched"] == choice["removal"]
    assert f"{choice['passes']} passes" in said
    assert choice["reason"] in said
    for figures in choice["figures"]:
        row = [figures["name"], str(figures["references"])]
        assert any(line.split()[:2] == row for line in out), figures["name"]
    total = found["passes"]["forward"] + choice["passes"]
    assert any(f"{total:,} forward passes" in line for line in out)
    # from Python it is the same choice
    classifier = med_cam.load_classifier(model, device="cpu")
    images = [med_cam.read_image(path) for path in sorted(references.iterdir())]
    prepared = med_cam.prepare_references(classifier, images)
    assert list(med_cam.recommended_removal(classifier, prepared).removal) == choice["removal"]
    # verify re-checks on the set that was chosen
    status, out, err = verify("r", "--model", model, "--references", references)
    assert (status, err) == (0, [])
    # a second run into that folder reads it, and costs nothing for it
    again = ("--references", references, "--out", "r", "--existing", "redo", "--seed", 1)
    status, out, err = run(scan, "--model", model, "--config", quick, *again)
    assert (status, err) == (0, [])
    assert document(here / "r")["removal_choice"] == {**choice, "source": "audit"}
    passes = document(here / "r")["passes"]["forward"]
    assert any(f"{passes:,} forward passes, " in line for line in out)


def test_without_references_the_default_stands_and_what_to_give_is_said(
    run, scan, model, quick, here
):
    status, out, err = run(scan, "--model", model, "--config", quick, "--out", "r")
    assert (status, err) == (0, [])
    (said,) = [line for line in out if line.startswith("Removal: ")]
    assert said.startswith("Removal: grey and gaussian, by default: it has no removal inside")
    assert "there are no reference images" in said
    assert "at least 8" in said
    assert "--references FOLDER" in said
    assert document(here / "r")["claim"]["searched"] == list(USUAL)
    assert not (here / "r" / "audit.json").exists()


def test_an_audit_beside_the_classifier_is_read_and_one_of_another_is_told(
    run, scan, references, model, quick, here
):
    given = (scan, "--config", quick, "--references", references)
    run(*given, "--model", model, "--out", "r")
    audit = here / "r" / "audit.json"
    shutil.copy(audit, model / "audit.json")
    status, out, err = run(*given, "--model", model, "--out", "s")
    assert (status, err) == (0, [])
    assert document(here / "s")["removal_choice"]["source"] == "audit"
    assert "read from an audit" in "\n".join(out)
    other = here / "other"
    shutil.copytree(model, other)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 0.4)}, other / "model.safetensors")
    status, out, err = run(*given, "--model", other, "--out", "t")
    assert status == 0
    (said,) = err
    assert "is of another classifier (other weights)" in said
    assert said.endswith("the removals are chosen anew.")
    assert document(here / "t")["removal_choice"]["source"] == "measured"
    status, out, err = run(*given, "--model", other, "--audit", audit, "--out", "u")
    assert status == 0
    assert "chosen anew" in err[0]


def test_options_that_contradict_each_other_and_a_missing_audit_are_mistakes(
    run, verify, scan, model, quick
):
    given = (scan, "--model", model, "--config", quick)
    for more, said in (
        (("--audit", "nowhere.json"), "there is no audit nowhere.json"),
        (("--audit", "x", "--removal", "grey"), "--audit belongs to --removal auto"),
        (("--removal", "auto,grey"), "auto is for med-cam explain alone, and stands by itself"),
    ):
        status, _, err = run(*given, *more)
        assert status == 2
        assert said in err[-1], more
    with pytest.raises(ConfigError, match="name the removals here"):
        removal_names("auto")


def test_who_names_removals_gets_them_and_the_bundled_classifier_keeps_its_own(tmp_path):
    named, other = tmp_path / "named.toml", tmp_path / "other.toml"
    named.write_text('[verification]\nbaselines = ["grey", "gaussian"]\n')
    other.write_text("[verification]\nsamples = 4\n")
    old = tmp_path / "old.toml"
    old.write_text('[verification]\nbackgrounds = ["grey"]\n')

    def wanted(bundled=False, **options):
        return wants_choice(ExplainOptions(**options), bundled=bundled)

    assert wanted()
    assert wanted(config=other)
    assert wanted(removal="auto", bundled=True)
    assert wanted(removal="auto", config=named)
    assert wanted(audit=tmp_path / "audit.json", bundled=True)
    assert not wanted(bundled=True)
    assert not wanted(removal="grey")
    assert not wanted(config=named)
    assert not wanted(config=old)
    assert not wanted(preset="paper-histology")


def test_an_audit_recommends_with_reference_images_and_explain_goes_by_it(
    run, capsys, scan, references, model, quick, here
):

    arguments = ["audit", scan, "--model", model, "--references", references, "--samples", 1]
    assert main([*map(str, arguments), "--out", str(model)]) == 0
    said = capsys.readouterr().out
    assert "Removals, on reference images" in said
    audit = json.loads((model / "audit.json").read_text())
    names = {f["name"] for f in audit["choice"]["figures"]}
    assert names | set(audit["choice"]["refused"]) == set(BASELINES)
    status, _, err = run(
        scan, "--model", model, "--config", quick, "--references", references, "--out", "r"
    )
    assert (status, err) == (0, [])
    assert document(here / "r")["removal_choice"]["removal"] == audit["choice"]["removal"]
    assert not (here / "r" / "audit.json").exists()
