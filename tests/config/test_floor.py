"""Rules that are too weak to call anything verified are named; no preset has any."""

from dataclasses import replace

import pytest

from med_cam.config.floor import not_called_verified, weak_rules
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config

WEAK = {
    "share": 0.2, "minimum_effect": 0.0, "stability_rate": 0.4, "specificity_rate": 0.04,
    "certified": 0.79, "confidence": 0.01, "leakage_margin": 0.31,
}  # fmt: skip


@pytest.mark.parametrize("name", WEAK)
def test_a_rule_weaker_than_the_floor_is_named_with_its_value(name):
    rules = replace(Config().verification, **{name: WEAK[name]})
    (weak,) = weak_rules(replace(Config(), verification=rules))
    assert weak.startswith(f"verification.{name} is {WEAK[name]:g}, ")
    assert weak in not_called_verified(replace(Config(), verification=rules))


def test_no_preset_is_below_the_floor():
    assert [weak_rules(config) for config in PRESETS.values()] == [()] * len(PRESETS)
