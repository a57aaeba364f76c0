"""Every setting at the worst values people type: each is refused in one sentence that names it.

Nothing is explained here. The same walk goes through Python, a settings file, classifier.toml and
`Classifier`, so that a field added to one of them is met by itself.
"""

import math
from dataclasses import fields, replace

import jaxtyping
import pytest
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.description import READERS, description_from
from med_cam.classifiers.ranges import FIELDS
from med_cam.config.presets import PRESETS
from med_cam.config.settings import (
    Certification,
    Config,
    Objective,
    Refinement,
    Search,
    Verification,
    Weights,
)
from med_cam.config.toml import config_from_toml
from med_cam.errors import MedCamError

WORST = {"nan": math.nan, "inf": math.inf, "-1": -1, str(10**30): 10**30, '"x"': "x"}
SECTIONS = {
    "objective.weights": Weights,
    "objective": Objective,
    "search": Search,
    "refinement": Refinement,
    "verification": Verification,
    "certification": Certification,
    "": Config,
}
PLACES = [(name, f.name) for name, section in SECTIONS.items() for f in fields(section)]
TEXTS = ("architecture", "weights", "name", "license", "notes")  # of these "x" is one
MODULE = nn.Sequential(nn.Flatten(), nn.Linear(192, 2))


@pytest.fixture(autouse=True)
def as_without_tests():
    """Annotations are not checked at run time: the checks are ours."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


CLASSIFIER = Classifier(MODULE, ("a", "b"), (8, 8))


def sentence(call, *, naming):
    """What a call is refused with: one line that names the setting."""
    with pytest.raises(MedCamError, match=rf"\b{naming}\b") as caught:
        call()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("section", "key"), PLACES)
def test_a_setting_refuses_the_worst_values_in_python_alone_and_in_a_list(section, key):
    word = "baseline" if key in ("baselines", "unseen", "beside") else key
    for value in WORST.values():
        for given in (value, (value,), [value]):
            sentence(lambda: SECTIONS[section](**{key: given}), naming=f"({key}|{word})")  # noqa: B023


@pytest.mark.parametrize(("section", "key"), PLACES)
def test_a_setting_refuses_the_worst_values_in_a_file(section, key, tmp_path):
    word = "baseline" if key in ("baselines", "unseen", "beside") else key
    path = tmp_path / "run.toml"
    for text in WORST:
        for given in (text, f"[{text}]"):
            path.write_text(f"[{section}]\n{key} = {given}" if section else f"{key} = {given}")
            sentence(lambda: config_from_toml(path, PRESETS["default"]), naming=f"({key}|{word})")


def in_range(key, value):
    """The few of the worst values that are none there: a text, and a mean below black."""
    return (key in TEXTS and value == "x") or (key in ("mean", "baseline_mean") and value == -1)


@pytest.mark.parametrize("key", READERS)
def test_a_key_of_a_classifier_refuses_the_worst_values(key):
    for value in WORST.values():
        if in_range(key, value):
            description_from({key: value})
        else:
            sentence(lambda: description_from({key: value}), naming=key)  # noqa: B023


@pytest.mark.parametrize("key", [key for key in FIELDS if key != "name"])
def test_a_classifier_in_python_refuses_the_worst_values(key):
    named = f"({key.rstrip('s')}s?|hook)"
    for value in WORST.values():
        for given in (value, (value,)):
            changed = {key: given}
            sentence(lambda: replace(CLASSIFIER, **changed), naming=named)  # noqa: B023
