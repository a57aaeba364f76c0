"""The whole method on classifiers whose decision rests on a known region.

`benchmarks/planted.py` prints the same over 20 positions each.
"""

import pytest
import torch

from med_cam.config.settings import Certification, Config
from med_cam.pipeline.explain import explain
from planted import CASES, POSITIONS

UNLIMITED = Config(certification=Certification(budget=0))


def fit(case, count, seed):
    """Coverage of the needed region and times its area, at random positions."""
    g = torch.Generator().manual_seed(seed)
    for i in torch.randperm(len(POSITIONS), generator=g)[:count].tolist():
        plant = case.plant(POSITIONS[i], g)
        found = explain(case.classifier, plant.image, config=UNLIMITED)
        needed = plant.needed.sum().item()
        covered = (found.mask & plant.needed).sum().item() / needed
        yield found.label, found.verified, covered, found.mask.sum().item() / needed


def hold(case, count, seed):
    for label, verified, covered, times in fit(case, count, seed):
        assert label == case.classifier.labels[1]
        assert verified
        assert covered >= 0.95
        assert times <= 3.5  # shifted masks need 1.6; one of 18 lies above 2.5


@pytest.mark.parametrize("name", CASES)
def test_evidence_is_what_is_needed_and_little_else(name):
    hold(CASES[name], 1, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_evidence_is_what_is_needed_and_little_else_at_twenty_positions(name):
    hold(CASES[name], 20, seed=2)
