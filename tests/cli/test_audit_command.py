"""`med-cam audit`: what is asked for is what is printed and written, whatever an image does."""

import hashlib
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from cli.conftest import Ran
from cli.corner import photograph
from med_cam.audit.ask import BLANK
from med_cam.audit.findings import Findings, Masked, Retained, Silhouette
from med_cam.audit.predictions import Labels, Predictions
from med_cam.cli import audit as command
from med_cam.cli.main import main
from med_cam.cli.options.audit import AuditOptions
from med_cam.config.baselines import INSIDE
from med_cam.report.audit_tables import WIDTH, as_markdown, as_text, tables
from med_cam.report.audit_text import meanings, verdicts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def audit(capsys, here):
    """`med-cam audit` with these arguments."""

    def ran(*arguments):
        status = main(["audit", *map(str, arguments)])
        out, err = capsys.readouterr()
        return Ran(status, out.splitlines(), err.splitlines())

    return ran


def written(folder):
    return json.loads((folder / "audit.json").read_text())


# -- the whole way --------------------------------------------------------------------------------


def painted_dark(model):
    """Grey at 3% of white, so that the corner without light is dark."""
    with (model / "classifier.toml").open("a") as description:
        description.write("baseline_mean = 0.03\nbaseline_std = 0.25\n")


def test_a_folder_is_audited_with_the_users_classifier_and_nothing_is_written(
    audit, scans, model, here
):
    painted_dark(model)
    before = sorted(here.rglob("*"))
    status, out, err = audit(scans, "--model", model, "--samples", 2)
    assert (status, err) == (0, [])
    assert "corner (dark, bright)" in out[0]
    assert "3 images to audit with, no reference images, 2 random samples" in out[1]
    assert "Predictions on the whole images: 3 bright." in out
    text = "\n".join(out)
    assert "- dark is predicted on blank inputs: grey alone with >0.99" in text
    assert "- bright is predicted on blank inputs: white alone with >0.99" in text
    assert "Claims over grey, black" in text
    assert "forward passes." in out[-1]
    assert [path for path in sorted(here.rglob("*")) if "__pycache__" not in path.parts] == before


def test_both_files_are_written_with_hashes_seed_and_every_number(audit, scans, model, here):
    painted_dark(model)
    status, out, err = audit(scans, "--model", model, "--samples", 2, "--seed", 5, "--out", "r/a")
    assert (status, err) == (0, [])
    assert sorted(path.name for path in (here / "r" / "a").iterdir()) == ["audit.json", "audit.md"]
    found = written(here / "r" / "a")
    assert (found["audit_version"], found["seed"], found["samples"]) == ("2.3", 5, 2)
    weights = hashlib.sha256((model / "model.safetensors").read_bytes()).hexdigest()
    assert found["classifier"]["sha256"] == weights
    assert [(image["name"], image["sha256"]) for image in found["images"]] == [
        (path.name, hashlib.sha256(path.read_bytes()).hexdigest())
        for path in sorted(scans.iterdir())
    ]
    assert {"med-cam", "python", "torch"} <= set(found["versions"])
    assert list(found["baselines"]) == [
        *(name for name in BLANK if name != "others"),
        *(name for name in INSIDE if name not in found["refused"]),
    ]
    inputs = [
        a["inputs"]
        for a in (*found["baselines"].values(), *found["silhouettes"], *found["masked"])
    ]
    assert found["choice"] is None  # without reference images
    most = (
        sum(inputs) + 3 + 30
    )  # each whole image once, and tests of two removals, on three images
    assert 0.9 * sum(inputs) <= found["passes"] <= most  # what is the same comes once
    assert f"{found['passes']:,} forward passes." in "\n".join(out)
    grey = found["baselines"]["grey"]
    assert (grey["predicted"], grey["confident_prediction"], grey["counts"]) == (
        "dark",
        "dark",
        {"dark": 3, "bright": 0},
    )
    assert grey["mean"]["dark"] == pytest.approx(1 / (1 + np.exp(0.6 - 14)))  # logits 14 and 0.6
    assert found["verdict"]["confident_predictions"]["white"] == "bright"
    text = (here / "r" / "a" / "audit.md").read_text()
    for sentence in found["verdict"]["sentences"]:
        assert f"- {sentence}" in text
    assert weights in text


def test_same_seed_same_bytes_and_the_order_of_images_is_without_influence(
    audit, scans, model, here
):
    paths = sorted(scans.iterdir())
    for out, images, seed in (("a", paths, 1), ("b", paths, 1), ("c", paths[::-1], 1)):
        audit(*images, "--model", model, "--samples", 2, "--seed", seed, "--out", out)
    assert (here / "a" / "audit.json").read_bytes() == (here / "b" / "audit.json").read_bytes()
    one, other = written(here / "a"), written(here / "c")
    for a, c in zip(
        one["masked"] + one["silhouettes"], other["masked"] + other["silhouettes"], strict=True
    ):
        for key in ("inputs", "retained", "counts", "lost_to"):
            assert a.get(key) == c.get(key)


def test_one_bad_image_is_reported_and_the_others_count_as_without_it(audit, scans, model, here):
    audit(scans, "--model", model, "--samples", 1, "--out", "without")
    (scans / "bad.png").write_bytes(b"no picture")
    status, out, err = audit(scans, "--model", model, "--samples", 1, "--out", "with")
    assert status == 2
    assert len(err) == 1
    assert "bad.png" in err[0]
    a, b = written(here / "without"), written(here / "with")
    assert (a.pop("failed"), b.pop("failed")) == (0, 1)
    assert a == b
    assert any("forward passes" in line for line in out)


def test_an_internal_error_with_one_image_does_not_stop_the_others(
    audit, scans, model, monkeypatch
):
    right = command.audited

    def wrong(classifier, image, **options):
        if image.path.endswith("scan-1.png"):
            raise RuntimeError("out of luck")
        return right(classifier, image, **options)

    monkeypatch.setattr(command, "audited", wrong)
    status, out, err = audit(scans, "--model", model, "--samples", 1)
    assert status == 1
    assert len(err) == 1
    assert "scan-1.png" in err[0]
    assert "out of luck" in err[0]
    assert "Predictions on the whole images: 2 bright." in out


def test_if_no_image_can_be_read_nothing_is_printed_or_written(audit, model, here):
    (here / "bad.png").write_bytes(b"no picture")
    status, out, err = audit("bad.png", "--model", model, "--out", "r")
    assert status == 2
    assert len(out) == 2  # the heading
    assert len(err) == 1
    assert not (here / "r").exists()


def test_reference_images_are_a_baseline_and_a_cover(audit, scans, model, here):
    for index in range(2):
        photograph(here / "others" / f"{index}.png", corner=0, seed=index)
    _, out, _ = audit(
        scans, "--model", model, "--samples", 2, "--references", "others", "--out", "r"
    )
    assert "2 reference images" in out[1]
    found = written(here / "r")
    assert found["baselines"]["others"]["counts"] == {"dark": 6, "bright": 0}
    assert found["baselines"]["others"]["shows_content"]
    assert "others" not in found["verdict"]["confident_predictions"]
    assert {kind["over"] for kind in found["masked"]} == {"grey", "black", "gaussian", "others"}


def test_without_arguments_the_bundled_classifier_is_audited_on_its_samples(
    audit, model, here, monkeypatch
):
    samples = tuple(photograph(here / "samples" / f"{name}.jpg") for name in ("a", "b"))
    photograph(here / "others" / "dark" / "x.jpg", corner=0)
    for name, value in {
        "classifier.bundled_classifier": model,
        "images.bundled_samples": samples,
        "references.bundled_references": here / "others",
    }.items():
        opened = contextmanager(lambda value=value: iter([value]))
        monkeypatch.setattr(f"med_cam.cli.{name}", opened)
    status, out, err = audit("--samples", 1)
    assert (status, err) == (0, [])
    assert "Bundled, for MRI of the brain only" in out[0]
    assert "2 images to audit with, 1 reference image," in out[1]


def test_without_images_a_classifier_of_ones_own_is_refused(audit, model):
    status, out, err = audit("--model", model)
    assert (status, out) == (2, [])
    assert len(err) == 1
    assert "med-cam audit IMAGE --model" in err[0]


# -- files: both or none --------------------------------------------------------------------------


def test_if_one_file_cannot_be_written_neither_is(audit, scans, model, here):
    (here / "r" / "audit.json").mkdir(parents=True)
    (here / "r" / "audit.md").write_text("an earlier one")
    status, out, err = audit(scans, "--model", model, "--samples", 1, "--out", "r")
    assert status == 2
    assert len(err) == 1
    assert "--out" in err[0]
    assert any("forward passes" in line for line in out)  # what was found is not lost
    assert (here / "r" / "audit.md").read_text() == "an earlier one"
    assert sorted(path.name for path in (here / "r").iterdir()) == ["audit.json", "audit.md"]


def test_a_full_disk_leaves_an_earlier_audit_as_it_was(audit, scans, model, here, monkeypatch):
    audit(scans / "scan-0.png", "--model", model, "--samples", 1, "--out", "r")
    before = {path.name: path.read_bytes() for path in (here / "r").iterdir()}

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    status, _, err = audit(
        scans / "scan-0.png", "--model", model, "--samples", 1, "--seed", 9, "--out", "r"
    )
    assert status == 2
    assert "No space left on device" in err[0]
    assert {path.name: path.read_bytes() for path in (here / "r").iterdir()} == before
    audit(scans / "scan-0.png", "--model", model, "--samples", 1, "--out", "new")
    assert not (here / "new").exists()


def test_other_files_of_the_folder_stay(audit, scans, model, here):
    (here / "r").mkdir()
    (here / "r" / "notes.txt").write_text("mine")
    assert audit(scans / "scan-0.png", "--model", model, "--samples", 1, "--out", "r").status == 0
    assert (here / "r" / "notes.txt").read_text() == "mine"


# -- options --------------------------------------------------------------------------------------


def test_every_option_is_in_help_and_document(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    names = {field.name for field in fields(AuditOptions)}
    assert main(["audit", "--help"]) == 0
    reported, document = capsys.readouterr().out, (ROOT / "docs" / "audit.md").read_text()
    for name in names - {"images"}:
        assert f"--{name}" in reported
        assert f"--{name}" in document or name == "debug"


def test_the_options_are_what_was_given(audit, scans, model, monkeypatch):
    given = []
    monkeypatch.setattr(command, "run", lambda options, screen: given.append(options) or 0)
    audit(
        scans, "--model", model, "--references", "o", "--samples", 3, "--seed", 4, "--device",
        "cpu", "--out", "r",
    )  # fmt: skip
    assert given == [
        AuditOptions([scans], str(model), Path("o"), 3, 4, "cpu", Path("r"), debug=False)
    ]


@pytest.mark.parametrize("wrong", [("--samples", "0"), ("--seed", "-1"), ("--seed", str(2**32))])
def test_numbers_out_of_range_are_refused_in_a_sentence(audit, wrong):
    status, out, err = audit(*wrong)
    assert (status, out) == (2, [])
    assert len(err) == 1
    assert "see med-cam audit --help" in err[0]


def test_help_loads_nothing_heavy():
    code = (
        "import sys; from med_cam.cli.main import main; main(['audit', '--help']);"
        "sys.exit(any(name in sys.modules for name in ('torch', 'timm', 'matplotlib', 'numpy')))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


# -- tables and sentences -------------------------------------------------------------------------


def predictions(means, *, inputs=8, confident=0):
    counts = tuple(inputs * int(mean == max(means)) for mean in means)
    total = tuple(mean * inputs for mean in means)
    return Predictions(inputs, counts, total, max(means) * inputs, max(means), confident)


def findings(*, loud=(), shape=None, lost=(0, 0, 0)):
    even, first = (0.3, 0.4, 0.3), (0.9, 0.05, 0.05)
    blank = {name: predictions(first if name in loud else even) for name in BLANK}
    kinds = [
        Silhouette(fill, over, share)
        for fill in ("black", "white", "mean")
        for over in ("grey", "gaussian")
        for share in (0.1, 0.3, 0.5)
    ]
    shapes = {kind: predictions((0.1, 0.1, 0.8) if kind == shape else even) for kind in kinds}
    retained = Retained(32, 32 - sum(lost), 20.0, 24.0, lost, 0, tuple(min(n, 3) for n in lost))
    masked = {
        Masked(over, share): retained
        for over in ("grey", "black", "gaussian", "others")
        for share in (0.25, 0.5, 0.75, 0.9, 1.0)
    }
    return Findings(8, (3, 3, 2), 0, 1000, blank, shapes, masked)


LABELS = Labels(("a", "b", "c"), "softmax", (0.5,) * 3)


def test_a_confident_prediction_is_reported_with_its_figure_and_what_to_do():
    found = findings(loud=("grey", "white"))
    sentence = "a is predicted on blank inputs: grey alone with 0.90, white alone with 0.90."
    assert sentence in verdicts(found, LABELS)
    reported = meanings(found, LABELS)
    assert any("Claims over grey and white are weak for a, which" in s for s in reported)
    (advice,) = (s for s in reported if s.startswith("No confident prediction on "))
    assert advice == (
        "No confident prediction on black, mean, gaussian, uniform and shuffled: claims may rest "
        "on these, not on grey."
    )


def test_without_a_confident_prediction_the_defaults_are_confirmed():
    found = findings()
    assert (
        "No confident prediction on blank inputs: the most probable label is b on grey, with a "
        "mean probability of 0.40 (confident from 0.5)." in (verdicts(found, LABELS)[0])
    )
    (advice,) = meanings(found, LABELS)
    assert "as they do on grey and gaussian by default" in advice


def test_with_confident_predictions_everywhere_training_is_advised():
    reported = meanings(findings(loud=tuple(BLANK)), LABELS)
    assert any("med-cam train --emptiness" in s for s in reported)
    assert not any("claims may rest" in s for s in reported)


def test_a_shape_that_is_predicted_a_label_is_reported_with_its_figure():
    found = findings(shape=Silhouette("mean", "grey", 0.3))
    (reported,) = (s for s in verdicts(found, LABELS) if "shape alone" in s)
    assert "c is predicted from shape alone, for 1 of 18 kinds of blobs: with 0.80" in reported
    assert "blobs of the image's mean colour over grey, 30% of the model input" in reported
    assert any("--references" in s and "may leak c" in s for s in meanings(found, LABELS))


def test_where_lost_predictions_go_is_reported_if_it_is_one_label():
    reported = verdicts(findings(lost=(0, 12, 2)), LABELS)
    assert any(
        "Masking with grey shifts predictions toward b: 48 of the 56 predictions lost before all "
        "is hidden, in 3 of the 5 images predicted otherwise." in s
        for s in reported
    )
    assert not any("Masking with others" in s for s in reported)
    assert not any("shifts" in s for s in verdicts(findings(lost=(5, 5, 5)), LABELS))
    assert any(
        "Claims for b over grey, black" in s for s in meanings(findings(lost=(0, 12, 2)), LABELS)
    )


def test_tables_fit_the_terminal_with_many_long_labels():
    names = tuple(f"adenocarcinoma of the lung, subtype {i}" for i in range(40))
    even = predictions((0.03,) * 39 + (0.1,), inputs=123456)
    retained = Retained(123456, 0, 1.0, 1.0, (61728, 61728, *(0,) * 38), 0, (1,) * 40)
    found = Findings(
        9, (9, *(0,) * 39), 0, 1, dict.fromkeys(BLANK, even),
        dict.fromkeys(findings().silhouettes, even), dict.fromkeys(findings().masked, retained),
    )  # fmt: skip
    labels = Labels(names, "softmax", (0.5,) * 40)
    for table in tables(found, labels, patch=16):
        lines = as_text(table).splitlines()
        assert max(map(len, lines)) <= WIDTH, table.title
        assert len(lines) >= len(table.rows) + 2


def test_tables_of_markdown_have_as_many_cells_in_every_line():
    labels = Labels(("a|b", "b", "c"), "softmax", (0.5,) * 3)
    for table in tables(findings(lost=(4, 2, 1)), labels, patch=16):
        lines = [x for x in as_markdown(table).splitlines() if x.startswith("|")]
        assert len(lines) == len(table.rows) + 2
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_a_grey_picture_and_a_colour_one_are_audited_alike(audit, model, here):
    pixels = np.random.default_rng(0).integers(0, 255, (30, 30), dtype=np.uint8)
    PIL.Image.fromarray(pixels).save(here / "grey.png")
    PIL.Image.fromarray(np.repeat(pixels[..., None], 3, 2)).save(here / "colour.png")
    status, out, _ = audit("grey.png", "colour.png", "--model", model, "--samples", 1)
    assert status == 0
    assert any(line.startswith("Predictions on the whole images: 2 ") for line in out)
