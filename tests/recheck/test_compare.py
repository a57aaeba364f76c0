"""A saved claim beside how it comes out now: both figures in full, written out by hand."""

import pytest

from med_cam.recheck.compare import (
    Verdict,
    nothing_to_retain,
    of_claim,
    of_necessity,
    of_tests,
    promised,
)
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import Check
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import MaskTests, Necessity
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.rate import Rate

FLAT = Spread(0.0, 0.0, 0.0, 0.0, 0.0)


def certificate(retained, samples, bound, wanted=0.9):
    return Certificate(
        samples, retained, 0, 0, 0.95, 1, 1, 0.04, bound, wanted, "grey", 1.0, FLAT, FLAT
    )


def claim(found, *passed):
    values = {"sufficiency": 0.5, "shape_leakage": 0.2, "shift_stability": 0.875}
    trials = {"sufficiency": 8, "shape_leakage": 20, "shift_stability": 24}
    checks = tuple(
        Check(name, values[name], 0.7, trials[name], at_least=True, passed=name in passed)
        for name in values
    )
    return Claim(("grey",), checks, (), 0.9, 0.2, 0.55, "", (), certificate=found)


SAVED_CLAIM = {
    "certificate": {"holds": True, "retained": 63, "samples": 64, "bound": 0.92345},
    "checks": [  # in another order than now
        {"name": "shift_stability", "passed": True, "value": 1.0, "trials": 16},
        {"name": "sufficiency", "passed": False, "value": 1 / 3, "trials": 3},
        {"name": "shape_leakage", "passed": True, "value": 0.05, "trials": 40},
    ],
}


def test_each_check_of_a_claim_is_beside_the_saved_one_of_the_same_name():
    now = claim(certificate(60, 61, 0.8999), "sufficiency", "shift_stability")
    assert list(of_claim("alternative 2 ", SAVED_CLAIM, now)) == [
        Verdict(
            "alternative 2 sufficient",
            claimed=True,
            now=False,
            was="63 of 64, at least 92.3%",
            figure="60 of 61, at least 89.9%",
        ),
        Verdict("alternative 2 prediction retained", False, True, "1 of 3", "4 of 8"),
        Verdict("alternative 2 no leak through the outline", True, False, "2 of 40", "4 of 20"),
        Verdict("alternative 2 stable under shifts", True, True, "16 of 16", "21 of 24"),
    ]


def test_a_claim_that_was_not_certified_does_not_refute_a_certificate():
    saved = {**SAVED_CLAIM, "certificate": {**SAVED_CLAIM["certificate"], "holds": False}}
    first = next(of_claim("", saved, claim(certificate(9, 10, 0.5))))
    assert (first.name, first.claimed, first.now, first.refuted) == (
        "sufficient", False, False, False,
    )  # fmt: skip


def test_a_claim_without_a_certificate_has_its_checks_alone():
    found = list(of_claim("", SAVED_CLAIM, claim(None)))
    assert [verdict.name for verdict in found] == [
        "prediction retained", "no leak through the outline", "stable under shifts",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("claimed", "now", "refuted"),
    [(True, True, False), (True, False, True), (False, True, False), (False, False, False)],
)
def test_only_what_was_claimed_and_does_not_hold_is_refuted(claimed, now, refuted):
    assert Verdict("x", claimed, now, "", "").refuted == refuted


def minimality(*witnesses, sufficient=True, patch=16):
    patches = tuple(Patch(0, i, witness, 0) for i, witness in enumerate(witnesses))
    return Minimality(patch, patches, (0,), (1,), 2, sufficient, 3, 1, 0.5, 0.25)


def necessity(changed=5, samples=7):
    return Necessity(samples, changed, 4, "dark", 0.1, 0.2, 0.9, 0.3, 0.95)


STAYS, SILENT = Rate(50, 48, 0.9, 0.95), Rate(12, 0, 0.2, 0.95)


def mask_tests(found, *, reinsertion=STAYS, silhouette=SILENT, random_regions=None):
    return MaskTests(
        found, necessity(), reinsertion, 0.9, shape_leakage=Rate(20, 0, 0.1, 0.95),
        silhouette=silhouette, random_regions=random_regions,
    )  # fmt: skip


SAVED_TESTS = {
    "minimality": {"holds": True, "needed": 3, "patches": [{}, {}, {}, {}]},
    "necessity": {"holds": True, "changed": 6, "samples": 6},
    "reinsertion_wanted": 0.8,
    "reinsertion": {"bound": 0.8, "hits": 55, "trials": 59},
    "silhouette": {"hits": 0, "trials": 16},
    "random_regions": None,
}


def test_the_tests_of_a_mask_are_beside_the_saved_ones_with_both_figures():
    now = mask_tests(minimality("sample", "", "shift"))
    assert list(of_tests(SAVED_TESTS, now)) == [
        Verdict("minimal at 16 px patches", True, False, "3 of 4", "2 of 3"),
        Verdict("necessary", True, False, "6 of 6", "5 of 7"),
        Verdict("partial re-insertion", True, True, "55 of 59", "48 of 50"),
        Verdict("silhouette alone does not give the label", True, True, "0 of 16", "0 of 12"),
    ]


def test_what_was_not_claimed_of_a_mask_is_known_not_to_be():
    saved = {
        "minimality": {"holds": False, "needed": 0, "patches": [{}]},
        "necessity": {"holds": False, "changed": 1, "samples": 6},
        "reinsertion_wanted": 0.81,
        "reinsertion": {"bound": 0.8, "hits": 55, "trials": 59},
        "silhouette": {"hits": 2, "trials": 16},
        "random_regions": None,
    }
    lost = Rate(50, 40, 0.89, 0.95)
    now = mask_tests(minimality("sample"), reinsertion=lost, silhouette=Rate(12, 1, 0.4, 0.95))
    found = list(of_tests(saved, now))
    assert [(v.claimed, v.now) for v in found] == [
        (False, True), (False, False), (False, False), (False, False),
    ]  # fmt: skip
    assert [v.was for v in found] == ["0 of 1", "1 of 6", "55 of 59", "2 of 16"]
    assert [v.figure for v in found] == ["1 of 1", "5 of 7", "40 of 50", "1 of 12"]


REGIONS = "random regions of its size do not retain the prediction"


@pytest.mark.parametrize(
    ("was", "now", "wanted"),
    [
        ((0, 19), (0, 19), [Verdict(REGIONS, True, True, "0 of 19", "0 of 19")]),
        ((0, 19), (2, 39), [Verdict(REGIONS, True, False, "0 of 19", "2 of 39")]),
        ((3, 19), (0, 19), [Verdict(REGIONS, False, True, "3 of 19", "0 of 19")]),
        (None, (3, 19), []),
        ((3, 19), None, []),
    ],
)
def test_random_regions_are_compared_where_both_looked_at_them(was, now, wanted):
    saved = None if was is None else {"hits": was[0], "trials": was[1]}
    regions = None if now is None else Rate(now[1], now[0], 0.4, 0.95)
    found = of_tests(
        {**SAVED_TESTS, "random_regions": saved},
        mask_tests(minimality("sample"), random_regions=regions),
    )
    assert [verdict for verdict in found if verdict.name == REGIONS] == wanted


@pytest.mark.parametrize(("was", "now"), [(None, True), (True, None), (None, None)])
def test_patches_are_compared_only_where_both_tested_them(was, now):
    saved = SAVED_TESTS if was else {**SAVED_TESTS, "minimality": None}
    found = list(of_tests(saved, mask_tests(minimality("sample") if now else None)))
    if not was:  # said, since a reader may look for it
        assert found.pop(0) == Verdict("every patch is needed", False, False, "", "")
    assert [verdict.name for verdict in found] == [
        "necessary", "partial re-insertion", "silhouette alone does not give the label",
    ]  # fmt: skip


def test_necessity_of_another_mask_has_its_name_in_front():
    found = of_necessity("necessary superset ", SAVED_TESTS["necessity"], necessity(7, 7))
    assert found == Verdict("necessary superset necessary", True, True, "6 of 6", "7 of 7")


@pytest.mark.parametrize("verified", [True, False])
@pytest.mark.parametrize("retains", [True, False])
def test_nothing_to_explain_holds_as_long_as_nothing_is_retained(verified, retains):
    found = nothing_to_retain({"verified": verified}, retains=retains)
    assert found == Verdict("nothing to explain", not verified, not retains, "", "")


@pytest.mark.parametrize("now", [True, False])
def test_what_is_promised_is_claimed_without_a_figure(now):
    assert promised("alternative 1 is disjoint", now) == Verdict(
        "alternative 1 is disjoint", True, now, "", ""
    )
