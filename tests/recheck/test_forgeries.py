"""What a forger does who rewrites everything that fits together, the manifest with it."""

import hashlib
import json
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from forging import rewrite_manifests
from med_cam.cli.classifier import Source
from med_cam.cli.inputs import Ready
from med_cam.cli.verify import recheck
from med_cam.errors import MedCamError
from med_cam.images.components import components
from med_cam.images.mask_file import mask_from_png, mask_png
from med_cam.recheck.options import Options
from recheck.kinds import KINDS, SHORT

FAILED, PLAIN = KINDS["restricted claim"], KINDS["plain"]


@pytest.fixture(scope="module")
def written(result_of):
    """An honest result that is verified, and one that is not."""
    return result_of("plain"), result_of("restricted claim")


@pytest.fixture
def folder(written, tmp_path):
    return Path(shutil.copytree(written[0], tmp_path / "scan"))


def found_in(folder, kind=PLAIN):
    """The re-check as the command does it; a refusal in its words."""
    rewrite_manifests(folder)
    ready = Ready(Source(Path("x"), bundled=False), kind.classifier, None)
    try:
        return recheck(ready, (lambda _: None, lambda _: {}), Options(), folder, {})
    except MedCamError as error:
        return str(error)


def noticed(folder, kind=PLAIN):
    found = found_in(folder, kind)
    return isinstance(found, str) or not found.found.holds


def edit(folder, change):
    path = folder / "explanation.json"
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def rewrite(folder, change):
    """Of the file as text."""
    path = folder / "explanation.json"
    text = path.read_text()
    assert change(text) != text
    path.write_text(change(text))


COMPARED = KINDS["beside"]


@pytest.fixture(scope="module")
def with_another_method(tmp_path_factory):
    """An honest result with what Grad-CAM shows."""
    return COMPARED.written(tmp_path_factory.mktemp("compared") / "scan")


def test_figures_of_another_method_are_computed_again_from_its_mask(with_another_method, tmp_path):
    folder = Path(shutil.copytree(with_another_method, tmp_path / "scan"))
    assert not noticed(folder, COMPARED)

    def told(document):
        (other,) = document["compared"]
        other["iou"] = other["iou"] / 2
        other["looks"][1]["retained"] = (other["looks"][1]["retained"] + 1) % 8

    edit(folder, told)
    found = found_in(folder, COMPARED).found
    places = {difference.path for difference in found.differences}
    assert {"compared[0].iou", "compared[0].looks[1].retained"} <= places


def test_a_mask_of_another_method_that_is_left_unspoken(with_another_method, tmp_path):
    folder = Path(shutil.copytree(with_another_method, tmp_path / "scan"))
    edit(folder, lambda document: document.update(compared=[]))
    assert noticed(folder, COMPARED)


def test_nothing_is_noticed_where_nothing_was_changed(folder, written, tmp_path):
    assert not noticed(folder)
    assert not noticed(Path(shutil.copytree(written[1], tmp_path / "failed")), FAILED)


def test_the_evidence_of_another_image(folder):
    with PIL.Image.open(folder / "evidence.png") as picture:
        levels = np.asarray(picture).copy()
    levels[0, 0] ^= 7
    buffer = BytesIO()
    PIL.Image.fromarray(levels).save(buffer, format="PNG")
    (folder / "evidence.png").write_bytes(buffer.getvalue())
    found = found_in(folder).found
    assert [d.path for d in found.differences] == ["evidence.png"]


def test_the_evidence_compressed_otherwise_is_the_same(folder):
    with PIL.Image.open(folder / "evidence.png") as picture:
        picture.load()
    picture.save(folder / "evidence.png", compress_level=0)
    assert not noticed(folder)


def test_another_mask_with_all_that_is_said_of_its_pixels(folder):
    mask = mask_from_png((folder / "mask.png").read_bytes()).roll(3, 1)
    (folder / "mask.png").write_bytes(mask_png(mask))
    (folder / "evidence.png").unlink()
    digest = hashlib.sha256((folder / "mask.png").read_bytes()).hexdigest()

    def said(document):
        document["sha256"]["mask"] = digest
        document["area"] = mask.float().mean().item()
        document["components"] = components(mask)

    edit(folder, said)
    assert noticed(folder)


def test_a_failed_result_said_to_be_verified_with_every_check_rewritten(written, tmp_path):
    folder = Path(shutil.copytree(written[1], tmp_path / "failed"))

    def said(document):
        claim = document["claim"]
        document |= {"verified": True, "status": "9.0% of the image is sufficient over grey"}
        claim["holds"] = True
        for check in claim["checks"]:
            check |= {"value": check["threshold"], "passed": True, "spare": 0}
        for result in claim["baselines"]:
            result |= {"retained": result["samples"], "retained_top1": result["samples"]}
        certificate = claim["certificate"]
        certificate |= {
            "holds": True, "retained": certificate["samples"], "bound": 0.95,
            "fixed_retained": certificate["fixed"], "worst_retained": 1.0,
        }  # fmt: skip

    edit(folder, said)
    assert noticed(folder, FAILED)


@pytest.mark.parametrize("name", ["minimality", "necessity", "reinsertion", "silhouette"])
def test_a_test_that_the_settings_ask_for_and_that_is_null(folder, name):
    edit(folder, lambda document: document["tests"].update({name: None}))
    assert noticed(folder)


def test_minimality_that_is_null_is_named(result_of, tmp_path):
    folder = Path(shutil.copytree(result_of("regions"), tmp_path / "scan"))
    edit(folder, lambda document: document["tests"].update(minimality=None))
    named = [d.path for d in found_in(folder, KINDS["regions"]).found.differences]
    assert named == ["tests.minimality", "tests.minimality.regions"]  # the file is left alone


@pytest.mark.parametrize(
    ("place", "name"), [((), "diagnosis"), (("image",), "patient"), (("sha256",), "report")]
)
def test_a_field_that_nobody_writes(folder, place, name):
    def add(document):
        for key in place:
            document = document[key]
        document[name] = "malignant"

    edit(folder, add)
    assert ".".join((*place, name)) in found_in(folder)


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e999", "-1e999", "true", '"1"', "1e400"])
@pytest.mark.parametrize("field", ["area", "seed", "kl", "components"])
def test_a_number_that_is_none(folder, field, number):
    document = json.loads((folder / "explanation.json").read_text())
    text = json.dumps(document | {field: "@"}).replace('"@"', number)
    (folder / "explanation.json").write_text(text)
    assert noticed(folder)


@pytest.mark.parametrize("number", ["NaN", "1e999", "true", '"0.5"', "[0.5]"])
def test_a_setting_that_is_no_number(folder, number):
    rewrite(folder, lambda text: text.replace('"share": 0.5', f'"share": {number}'))
    assert noticed(folder)


def test_a_key_twice(folder):
    rewrite(folder, lambda text: text.replace('"verified":', '"verified": true, "verified":', 1))
    assert "twice" in found_in(folder)


@pytest.mark.parametrize("other", ["l\u0456t", "lit\u200b", "LIT", "l\u0131t"])
def test_a_label_that_looks_alike(folder, other):
    rewrite(folder, lambda text: text.replace('"lit"', json.dumps(other)))
    assert noticed(folder)


def test_very_long_strings_are_not_said_in_full(folder):
    edit(folder, lambda document: document.update(status="x" * 10**6))
    found = found_in(folder).found
    assert not found.holds
    assert all(len(str(d)) < 500 for d in found.differences)


def test_todays_fields_in_an_older_version(folder):
    edit(folder, lambda document: document.update(schema_version="1.1"))
    assert "which had no" in found_in(folder)


def test_a_newer_version(folder):
    edit(folder, lambda document: document.update(schema_version="2.9", diagnosis="malignant"))
    assert noticed(folder)


def test_rules_weakened_just_above_the_floor_are_said_whatever_preset_is_named(tmp_path):
    rules = replace(SHORT.verification, share=0.26, stability_rate=0.51)
    folder = replace(PLAIN, config=replace(SHORT, verification=rules)).written(tmp_path / "scan")
    for preset in ("default", None):
        edit(folder, lambda document, preset=preset: document.update(preset=preset))
        found = found_in(folder).found
        assert "verification.share 0.26" in found.note
        assert "verification.stability_rate 0.51" in found.note


@pytest.mark.parametrize("other", [{"head": "sigmoid"}, {"thresholds": [0.1] * 3}])
def test_another_head_or_other_thresholds(folder, other):
    edit(folder, lambda document: document["classifier"].update(other))
    assert noticed(folder)


def test_a_further_mask_that_was_looked_for_and_is_not_there_is_said(tmp_path):
    kind = KINDS["further masks"]
    folder = kind.written(tmp_path / "scan")
    (folder / "necessary-superset.png").unlink()
    edit(folder, lambda document: document["tests"].update(necessary_superset=None))
    found = found_in(folder, kind).found
    assert found.holds  # without the search nobody can tell
    assert "necessary superset, which was looked for" in {v.name for v in found.verdicts}
