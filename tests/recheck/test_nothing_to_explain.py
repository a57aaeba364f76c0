"""A classifier that predicts the same for everything: nothing to explain, then and now."""

from dataclasses import replace

import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write

CONFIG = Config()
CONFIG = replace(
    CONFIG,
    search=replace(CONFIG.search, steps=2, widths=(8,), grid=8),
    verification=replace(CONFIG.verification, minimum_effect=0.0),
)


class Constant(nn.Module):
    def forward(self, x):
        z = 0 * x.mean(dim=(1, 2, 3))
        return torch.stack([z, z + 2], dim=1)


def test_no_effect_at_all_is_too_small_even_where_none_is_asked_for(tmp_path):
    model = Classifier(Constant(), ("a", "b"), (32, 32), channels=1, mean=(0.5,), std=(0.5,))
    image = Image(torch.rand(1, 32, 32, generator=torch.Generator().manual_seed(0)))
    found = explain(model, image, config=CONFIG)
    assert found.tests is None
    assert not found.verified
    write(found, image, tmp_path / "r", provenance(image, model, CONFIG, preset="", software={}))
    again = rechecked(model, read_saved(tmp_path / "r", 1), None, Options())
    assert again.holds
    said = [(verdict.claimed, verdict.now) for verdict in again.verdicts]
    assert said == [(True, True), (True, True), (False, False)]  # quiet, and no other label
