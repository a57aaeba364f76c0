"""Two machines that round otherwise: what they count otherwise is told from what was changed."""

import copy
from dataclasses import replace

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from med_cam.case.case import observed
from med_cam.certification.certificate import claim_on, response_of
from med_cam.certification.mask_tests import mask_tests
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Verification
from med_cam.recheck.cause import cause_of
from med_cam.recheck.difference import differences
from med_cam.recheck.on_edge import claim_as_saved, tests_as_saved as with_tests
from med_cam.report.document import plain
from recheck.kinds import LEFT, SIDE, pictured

RULES = Config(
    verification=Verification(certified=0.8, samples=12, unseen=("uniform", "black")),
    certification=Certification(patch=0, deletion_samples=8, reinsertion_trials=12),
)


class Rounding(nn.Module):
    """Lit with the first square; noise moves the probability by some 1e-4, rounding by less."""

    def __init__(self, rounding: float) -> None:
        super().__init__()
        self.act, self.rounding = nn.Identity(), rounding

    def forward(self, x):
        x = self.act(x)
        one = x[:, 0, *LEFT].clamp(0, 1).mean(dim=(1, 2))
        rough = (x[:, 0, 1:] - x[:, 0, :-1]).abs().mean(dim=(1, 2)).tanh()
        lit = (8 * (one - 0.6) - 0.3 * rough).sigmoid()
        lit = lit + self.rounding * torch.sin(1e5 * x.sum(dim=(1, 2, 3)))
        return torch.stack([1 - lit, lit], dim=1).log()


def found_by(rounding, share):
    """The claim and the tests of a mask of the square, on a machine that rounds so."""
    model = Classifier(
        Rounding(rounding),
        ("dark", "lit"),
        (SIDE, SIDE),
        1,
        (0.5,),
        (0.5,),
        hooked_layers=("act",),
    )
    config = replace(RULES, verification=replace(RULES.verification, share=share))
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[LEFT] = True
    with hooks_attached(model) as forward:
        case = observed(forward, model, pictured(), config, target="lit")
        response = response_of(case)
        claim = claim_on(case, mask, response, tried=1, samples=40)
        return case, claim, mask_tests(case, mask, claim, None)


@pytest.fixture(scope="module")
def machines():
    """Two, with the threshold where the mask's samples are."""
    _, claim, _ = found_by(0.0, 0.5)
    (noise,) = [b for b in claim.baselines if b.name == "gaussian"]
    share = (noise.mean - claim.p_baseline) / (claim.p_image - claim.p_baseline)
    return found_by(0.0, share), found_by(9e-5, share)


def test_the_machines_count_otherwise(machines):
    (_, there, _), (_, here, _) = machines
    assert there.certificate.retained != here.certificate.retained
    assert any("on the edge" in warning for warning in here.warnings)
    assert all(edge.within for edge in (here.checks[0].edge, there.checks[0].edge))


def test_what_the_other_machine_saved_comes_out_with_the_outcomes_on_the_edge_as_it_has_them(
    machines,
):
    (_, there, _), (case, here, _) = machines
    said = plain(there)
    assert list(differences(said, plain(here), "claim"))
    assert list(differences(said, plain(claim_as_saved(case, here, said)), "claim")) == []


def test_the_tests_beside_it_too(machines):
    (_, there, other), (case, here, tests) = machines
    said, claim = plain(other), claim_as_saved(case, here, plain(there))
    again = plain(with_tests(case, tests, said, claim))
    assert list(differences(said, again, "tests")) == []


def test_what_this_machine_saved_stays_as_it_is(machines):
    _, (case, here, tests) = machines
    assert claim_as_saved(case, here, plain(here)) == here
    assert with_tests(case, tests, plain(tests), here) == tests


@pytest.mark.parametrize(("said", "taken"), [(3, 3), (4, 4), (2, 2), (5, 3), (0, 3)])
def test_of_random_regions_too_a_count_within_the_edge_is_taken_as_it_was_saved(
    machines, said, taken
):
    _, (case, here, tests) = machines
    near = replace(tests.random_regions.edge, within=1)
    regions = replace(tests.random_regions, hits=3, edge=near)
    now, saved = replace(tests, random_regions=regions), plain(tests)
    saved["random_regions"] = plain(replace(regions, hits=said))
    found = with_tests(case, now, saved, here).random_regions
    high = binomtest(taken, found.trials, alternative="less").proportion_ci(0.95, "exact").high
    assert (found.hits, found.bound) == (taken, pytest.approx(high, abs=1e-9))


def whole(value):
    """The same document with 0 and 1 in place of 0.0 and 1.0, as other programs write JSON."""
    if isinstance(value, dict):
        return {key: whole(each) for key, each in value.items()}
    if isinstance(value, list):
        return [whole(each) for each in value]
    return int(value) if isinstance(value, float) and value in (0.0, 1.0) else value


def test_whole_numbers_may_be_written_without_a_fraction(machines):
    _, (case, here, tests) = machines
    said = whole(plain(here))
    assert any(type(entry["baseline_retained"]) is int for entry in said["baselines"])
    assert claim_as_saved(case, here, said) == here
    assert with_tests(case, tests, whole(plain(tests)), here) == tests


@pytest.mark.parametrize("field", ["bound", "worst_retained", "risk"])
def test_what_does_not_follow_from_the_counts_was_changed(machines, field):
    (_, there, _), (case, here, _) = machines
    said = copy.deepcopy(plain(there))
    said["certificate"][field] += 0.01
    found = differences(said, plain(claim_as_saved(case, here, said)), "claim")
    assert [d.path for d in found] == [f"claim.certificate.{field}"]


def test_a_count_that_differs_by_more_than_lies_on_the_edge_was_changed(machines):
    _, (case, here, _) = machines
    said = copy.deepcopy(plain(here))
    (noise,) = [b for b in said["baselines"] if b["name"] == "gaussian"]
    near = noise["edge"]["within"]
    noise["retained"] += near + 1
    found = {d.path for d in differences(said, plain(claim_as_saved(case, here, said)), "claim")}
    assert any(path.endswith("retained") for path in found)


def test_a_number_on_the_edge_that_cannot_be_was_changed(machines):
    _, (case, here, _) = machines
    said = copy.deepcopy(plain(here))
    said["baselines"][1]["edge"]["within"] = 0
    found = {d.path for d in differences(said, plain(claim_as_saved(case, here, said)), "claim")}
    assert "claim.baselines[1].edge.within" in found


def test_the_cause_is_numerical_where_nothing_else_differs():
    document = {"versions": {"torch": "2.6"}, "device": "cpu"}
    numeric = cause_of(document, {"torch": "2.13"}, "cpu", numeric=True)
    assert numeric.startswith("numerically different (saved with torch 2.6, now 2.13)")
    assert not cause_of(document, {"torch": "2.13"}, "cpu").startswith("numerically")
