"""A claim that fails because any region would do comes out so again, and no lie hides it."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.file_names import JSON_FILE
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from recheck.kinds import SHORT, SIDE

ONE_CUT = replace(SHORT, refinement=replace(SHORT.refinement, cut="threshold"))


class Some(nn.Module):
    """The label for an eighth of anybody's image: dark pixels that are as their neighbours."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        x = self.act(x)
        still = (x[..., 1:] - x[..., :-1]).abs() < 0.01
        kept = (still & (x[..., 1:] < -0.05) & (x[..., 1:] > -0.95)).float().mean(dim=(1, 2, 3))
        z = 60 * (kept - 1 / 8)
        return torch.stack([torch.zeros_like(z), z], dim=1)


def classifier():
    return Classifier(
        Some(), ("nothing", "some"), (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",),
        sha256="ab" * 32, name="some",
    )  # fmt: skip


def picture():
    """Darker from row to row, all of it content."""
    return Image(torch.linspace(0.45, 0.05, SIDE)[None, :, None].expand(1, SIDE, SIDE).clone())


@pytest.fixture(scope="module", params=[SHORT, ONE_CUT], ids=["reduced", "one cut"])
def result(request, tmp_path_factory):
    """A folder with a result that is sufficient wherever it lies, and its classifier."""
    folder = tmp_path_factory.mktemp("anybodys") / "result"
    image, model = picture(), classifier()
    found = explain(model, image, config=request.param)
    origin = provenance(
        image, model, request.param, preset="default", software={"torch": torch.__version__}
    )
    write(found, image, folder, origin)
    return found, folder, model


def again(folder, model):
    return rechecked(model, read_saved(folder, 1), None, Options())


def test_it_comes_out_as_it_was_saved(result):
    found, folder, model = result
    assert not found.verified
    assert [check.name for check in found.claim.checks if not check.passed] == ["specificity"]
    now = again(folder, model)
    assert now.differences == ()
    assert now.holds
    (verdict,) = [v for v in now.verdicts if v.name == "not any region of its size does it"]
    assert (verdict.claimed, verdict.now, verdict.was) == (False, False, "0 of 20")


def lie(document):
    """As if the random masks had lost the prediction."""
    check = next(c for c in document["claim"]["checks"] if c["name"] == "specificity")
    check.update(value=1.0, passed=True, spare=10)
    document["claim"]["holds"] = document["verified"] = True


def silence(document):
    """As if it had not been asked."""
    checks = document["claim"]["checks"]
    document["claim"]["checks"] = [c for c in checks if c["name"] != "specificity"]
    document["claim"]["holds"] = document["verified"] = True


def weaken(document):
    """As if next to nothing had been required."""
    document["config"]["verification"]["specificity_rate"] = 0.0


def unpruned(document):
    """As if no patch had been tested."""
    document["tests"]["minimality"] = None


@pytest.mark.parametrize("changed", [lie, silence, weaken, unpruned])
def test_no_lie_about_it_is_left_unnoticed(result, changed):
    _, folder, model = result
    saved = read_saved(folder, 1)
    document = json.loads((folder / JSON_FILE).read_text())
    changed(document)
    now = rechecked(model, replace(saved, document=document), None, Options())
    assert now.differences
    assert not now.holds
