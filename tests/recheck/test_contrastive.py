"""A contrastive result is re-checked beside the reference images as the two labels split them."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from lit import FEW
from med_cam.case.references import prepare_references, relabelled
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write

SIDE = 32
CONFIG = Config(search=replace(Config().search, steps=2, widths=(8,), grid=8), certification=FEW)


class Brightness(nn.Module):
    """Logits of "bright", "dark" and "red" from three means; red is between the other two."""

    def forward(self, x):
        lit, red = x.mean(dim=(1, 2, 3)), (x[:, 0] - x[:, 1]).mean(dim=(1, 2))
        return torch.stack([4 * lit, -4 * lit, 3 * red], dim=1)


def flat(red, rest):
    pixels = torch.full((3, SIDE, SIDE), float(rest))
    pixels[0] = red
    return Image(pixels)


@pytest.fixture
def model():
    labels = ("bright", "dark", "red")
    return Classifier(Brightness(), labels, (SIDE, SIDE), mean=(0.5,) * 3, std=(0.25,) * 3)


def test_reference_images_are_labelled_by_the_pair_as_they_were_when_it_was_explained(
    model, tmp_path
):
    """Three of four references are red; between bright and dark two of them are bright."""
    images = [flat(0.9, 0.35), flat(0.95, 0.4), flat(0.7, 0.1), flat(0.1, 0.1)]
    references = prepare_references(model, images)
    assert references.probabilities.argmax(dim=1).tolist() == [2, 2, 2, 1]
    pair = pairwise(model, "bright", "dark")
    paired = relabelled(references, pair)
    assert paired.probabilities.argmax(dim=1).tolist() == [
        1,
        1,
        0,
        0,
    ]  # the second of the pair is the target
    image = flat(0.9, 0.9)
    found = explain(pair, image, target="bright", config=CONFIG, references=paired)
    origin = provenance(
        image, model, CONFIG, preset="", software={}, references=paired, contrast="dark"
    )
    write(found, image, tmp_path / "result", origin)
    saved = read_saved(tmp_path / "result", 3)
    again = rechecked(model, saved, references, Options())
    assert again.claim is not None
    assert again.claim.reference_images == found.claim.reference_images == "2 reference images"
    assert [v.was for v in again.verdicts] == [v.figure for v in again.verdicts]
