"""Claims are re-checked on the very samples of the saved ones, each as the n-th that it was."""

from dataclasses import replace

import pytest
from recording import (
    FAST,
    FIRST,
    SECOND,
    THIRD,
    Toy,
    Watch,
    classifier_of,
    image_of,
    noise,
    samples_needed,
    shared,
    the_case,
)

from med_cam.case.seeds import reseeded, restricted_to
from med_cam.certification.certificate import certificate_of, response_of, superset_claim
from med_cam.certification.evidence import warned
from med_cam.certification.mask_tests import shape_leakage_of
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from med_cam.results.claim import RestrictedClaim
from med_cam.verify.status import restriction

ALL = replace(
    FAST,
    certification=replace(FAST.certification, alternatives=2, necessary_superset=True),
    seed=3,
)
WANTED = FAST.verification.certified


@pytest.fixture(scope="module")
def toy():
    return Toy((FIRST, SECOND, THIRD))


@pytest.fixture(scope="module")
def explained(toy):
    """An explanation of three squares, and all masked inputs that it asked for."""
    toy.seen.clear()
    found = explain(classifier_of(toy), image_of(toy), config=ALL)
    assert len(found.tests.alternatives) == 2
    assert found.tests.remainder_sufficient is False
    assert found.tests.necessary_superset is not None
    return found, masked_inputs(toy)


def masked_inputs(toy):
    return {image.numpy().tobytes() for batch in toy.seen for image in batch}


def again(toy, found, folder, options=None):
    """What comes out, and everything that was asked meanwhile."""
    model, image = classifier_of(toy), image_of(toy)
    write(found, image, folder, provenance(image, model, ALL, preset="", software={}))
    toy.seen.clear()
    result = rechecked(model, read_saved(folder, 1), None, options or Options())
    return result, list(toy.seen)


def figures(result):
    return {verdict.name: (verdict.was, verdict.figure) for verdict in result.verdicts}


def test_nothing_is_asked_that_the_explanation_did_not_ask(toy, explained, tmp_path):
    found, before = explained
    result, _ = again(toy, found, tmp_path / "result")
    assert result.holds
    assert result.claim.certificate == found.claim.certificate
    assert masked_inputs(toy) <= before
    assert {f"alternative {n} sufficient" for n in (1, 2)} <= set(figures(result))
    assert {"necessary superset sufficient", "necessary superset necessary"} <= set(
        figures(result)
    )


def as_later_ones(case, found, watch):
    """Every claim made again as if others had been refused before; and the noise of each."""
    drawn = {}

    def claim(name, mask, case, tried, certified=certificate_of):
        made = certified(case, mask, response_of(case), tried, tried)
        drawn[name] = noise(watch.take(), case.scene.x)
        assert made.certificate.samples == samples_needed(tried, WANTED)
        return made

    others = tuple(
        replace(other, claim=claim(f"alternative {n}", other.mask, reseeded(case, n), n + 1))
        for n, other in enumerate(found.tests.alternatives, start=1)
    )
    superset = found.tests.necessary_superset
    around = claim("necessary superset", superset.mask, case, 4, superset_claim)
    larger = replace(superset, claim=around)
    fewer = restricted_to(case, ("gaussian",))
    made = claim("restricted claim", found.mask, fewer, 2)
    restricted = RestrictedClaim(found.mask, found.area, made, ("grey",), fewer.config.seed)
    own = claim("", found.mask, case, 3)
    leaks = shape_leakage_of(case, own)
    tests = replace(
        found.tests, alternatives=others, necessary_superset=larger, shape_leakage=leaks
    )
    told = warned(case, found.mask, own, response_of(case), tests)
    said, weak, why = found.status.partition("; not called verified")
    status = f"{said}; {restriction(restricted)}{weak}{why}"
    later = replace(found, claim=told, tests=tests, restricted=restricted, status=status)
    return later, drawn


@pytest.fixture(scope="module")
def later(toy, explained, tmp_path_factory):
    with the_case(toy, ALL) as case:
        watch = Watch(case)
        found, drawn = as_later_ones(watch.case, explained[0], watch)
        result, seen = again(toy, found, tmp_path_factory.mktemp("later") / "result")
        return found, drawn, result, noise(seen, case.scene.x)


CLAIMS = ("", "alternative 1", "alternative 2", "necessary superset", "restricted claim")


def test_a_claim_is_rechecked_as_that_of_the_nth_mask_that_was_tried(later):
    found, _, result, _ = later
    assert result.claim.certificate == found.claim.certificate
    assert result.claim.certificate.tried == 3
    assert result.differences == ()
    assert result.holds


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claim_is_rechecked_on_its_own_samples(later, name):
    _, drawn, _, seen = later
    assert len(drawn[name]) > 1000
    assert shared(drawn[name], seen) == len(drawn[name])


@pytest.mark.parametrize("name", CLAIMS)
def test_each_claim_comes_out_with_the_figures_that_were_saved(later, name):
    result = later[2]
    tried = {
        "": 3,
        "alternative 1": 2,
        "alternative 2": 3,
        "necessary superset": 4,
        "restricted claim": 2,
    }
    samples = samples_needed(tried[name], WANTED)
    was, now = figures(result)[f"{name} sufficient".strip()]
    assert was == now
    assert was.startswith(f"{samples} of {samples}")


def test_another_seed_has_other_samples_and_is_the_first_of_its_own(later, toy, tmp_path):
    found, drawn, _, _ = later
    with the_case(toy) as case:
        result, seen = again(toy, found, tmp_path / "result", Options(seed=11))
        x = case.scene.x
    assert result.claim.certificate.tried == 1
    assert result.claim.certificate.samples == samples_needed(1, WANTED)
    assert shared(noise(seen, x), drawn["alternative 1"]) == 0
    assert "alternative 1 sufficient" not in figures(result)


def changed_masks(found, first, second):
    one, two = found.tests.alternatives
    others = (replace(one, mask=first), replace(two, mask=second))
    return replace(found, tests=replace(found.tests, alternatives=others))


def refuted(result):
    return {verdict.name for verdict in result.verdicts if verdict.refuted}


def test_alternatives_that_overlap_are_refuted(toy, explained, tmp_path):
    found, _ = explained
    one, two = (other.mask for other in found.tests.alternatives)
    overlapping = changed_masks(found, one | found.mask, two)
    result, _ = again(toy, overlapping, tmp_path / "first")
    assert "alternative 1 is disjoint" in refuted(result)
    result, _ = again(toy, changed_masks(found, one, one | two), tmp_path / "second")
    assert refuted(result) == {"alternative 2 is disjoint"}


def test_the_remainder_is_rechecked(toy, explained, tmp_path):
    found, _ = explained
    fewer = replace(found.tests, alternatives=found.tests.alternatives[:1])
    result, _ = again(toy, replace(found, tests=fewer), tmp_path / "result")
    assert refuted(result) == {"the remainder is not sufficient"}
    result, _ = again(
        toy, replace(found, tests=replace(fewer, remainder_sufficient=True)), tmp_path / "true"
    )
    assert refuted(result) == set()
    sufficient = replace(found.tests, remainder_sufficient=True)
    result, _ = again(toy, replace(found, tests=sufficient), tmp_path / "all")
    assert refuted(result) == {"the remainder is sufficient"}


def test_masks_that_are_not_sufficient_are_refuted_wherever_they_are_claimed(
    toy, explained, tmp_path
):
    found, _ = explained
    superset = replace(found.tests.necessary_superset, mask=found.mask.roll((12, 5), (0, 1)))
    result, _ = again(
        toy,
        replace(found, tests=replace(found.tests, necessary_superset=superset)),
        tmp_path / "result",
    )
    assert {"necessary superset sufficient", "necessary superset necessary"} <= refuted(result)
    result, _ = again(toy, replace(found, mask=found.mask.roll((12, 5), (0, 1))), tmp_path / "two")
    assert {"sufficient", "prediction retained"} <= refuted(result)
