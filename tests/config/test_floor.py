"""Rules that are too weak to call anything verified are named; no preset has any."""

from dataclasses import fields, replace

import pytest

from med_cam.config.floor import AT_LEAST, AT_MOST, not_called_verified, weak_rules
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Certification, Config, Verification

WEAK = {
    "share": 0.2, "minimum_effect": 0.0, "stability_rate": 0.4, "specificity_rate": 0.04,
    "consistency": 0.0, "consistency_rate": 0.09, "consistency_trials": 11,
    "certified": 0.79, "confidence": 0.01, "leakage_margin": 0.31,
}  # fmt: skip

DECLARED = "the claim is relative to it and names it"
BESIDE = "it makes or tests something beside the claim, with figures of its own"
SEARCH = "it decides which masks are tried; each is certified on new samples and pays for it"
HARMLESS = {  # settings without a floor, and why they cannot weaken what is called verified
    "verification.baselines": DECLARED,
    "verification.feather": DECLARED,
    "verification.unseen": BESIDE,
    "verification.beside": BESIDE,
    "verification.unseen_samples": BESIDE,
    "verification.samples": "the threshold is less exact with fewer, not lower, and it is set on "
    "others than the claim's, of which the certificate has its own number",
    "verification.leakage_trials": "its range begins with 20",
    "verification.shifts": "its range begins with one pixel in all eight directions",
    "certification.rounds": SEARCH,
    "certification.grown": SEARCH,
    "certification.units": SEARCH,
    "certification.margin": SEARCH,
    "certification.budget": SEARCH,
    "certification.reduction_samples": SEARCH,
    "certification.pool": SEARCH,
    "certification.patch": "minimal is said of its parts, whose number is said too",
    "certification.most_patches": "minimal is said of its parts, whose number is said too",
    "certification.deletion_samples": BESIDE,
    "certification.reinsertion_trials": BESIDE,
    "certification.reinsertion_wanted": BESIDE,
    "certification.reinsertion_patch": BESIDE,
    "certification.alternatives": BESIDE,
    "certification.necessary_superset": BESIDE,
    "certification.seeds": BESIDE,
    "certification.contrast": BESIDE,
    "certification.ladder_passes": BESIDE,
    "certification.controls": BESIDE,
    "certification.random_regions": BESIDE,
}


@pytest.mark.parametrize("name", WEAK)
def test_a_rule_weaker_than_the_floor_is_named_with_its_value(name):
    rules = replace(Config().verification, **{name: WEAK[name]})
    (weak,) = weak_rules(replace(Config(), verification=rules))
    assert weak.startswith(f"verification.{name} is {WEAK[name]:g}, ")
    assert weak in not_called_verified(replace(Config(), verification=rules))


def test_every_rule_of_the_judge_has_a_floor_or_a_reason_why_it_needs_none():
    sections = {"verification": Verification, "certification": Certification}
    every = {f"{name}.{f.name}" for name, kind in sections.items() for f in fields(kind)}
    floored = {f"verification.{name}" for name in (*AT_LEAST, *AT_MOST)}
    assert floored.isdisjoint(HARMLESS)
    assert every == floored | set(HARMLESS)
    assert set(WEAK) == {*AT_LEAST, *AT_MOST}  # each is tried above


def test_no_preset_is_below_the_floor():
    assert [weak_rules(config) for config in PRESETS.values()] == [()] * len(PRESETS)
