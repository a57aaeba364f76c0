"""Whether any region of its size would do is asked where no reference images tell."""

from dataclasses import replace
from itertools import islice

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.verify.baseline_response import baseline_response
from med_cam.verify.claim import verify
from med_cam.verify.decision import Decision, Target
from med_cam.verify.random_masks import random_masks
from med_cam.verify.specificity import pixels, specificity, sufficient

SIDE = 24
TARGET = Target(1, ("none", "seen"), "softmax", 0.0, 0.95)
DECISION = Decision(TARGET, 0.05, 0.5)
RULES = Verification()


def scene(references=0, alike=0, rows=SIDE):
    x = torch.ones(1, 1, SIDE, SIDE)
    valid = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    valid[..., :rows, :] = True
    others = torch.zeros(references, 1, SIDE, SIDE)
    same = torch.ones(alike, 1, SIDE, SIDE) if alike else None
    return Scene(x, valid, -x[..., :1, :1], x[..., :1, :1], others, same)


def box(height, width=SIDE):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., :height, :width] = True
    return mask


def answers(seen):
    p = 0.05 + 0.9 * seen.float()
    return torch.stack([1 - p, p], dim=1)


def some(x):
    """Of anything, as much as two rows."""
    return answers((x > 0.5).flatten(1).sum(dim=1) >= 2 * SIDE)


def its_place(x):
    """Of one place: six by six pixels in the middle."""
    return answers((x[:, 0, 9:15, 9:15] > 0.5).float().mean(dim=(1, 2)) > 0.9)


def checked(predict, mask, found=None, rules=RULES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    view = View(predict, found or scene())
    grey = torch.zeros(2, 1, SIDE, SIDE)
    return specificity(view, mask, grey, DECISION, rules, generator)


def around_the_place():
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., 8:16, 8:16] = True
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_what_any_region_of_that_size_gives_is_no_evidence_and_a_place_is(seed):
    (anything,) = checked(some, box(2), seed=seed)
    (place,) = checked(its_place, around_the_place(), seed=seed)
    assert (anything.value, anything.passed) == (0.0, False)
    assert place.value >= 0.9
    assert place.passed
    assert (place.trials, place.at_least, place.threshold) == (20, True, 0.1)


def test_a_mask_that_was_reduced_to_the_last_pixel_is_compared_with_more_than_its_own_size():
    """Random masks of just its size often hold a little less of what is counted."""

    def inner(x):  # pixels beside the edge of what is shown do not count
        shown = x > 0.5
        return answers((shown[..., 1:] & shown[..., :-1]).flatten(1).sum(dim=1) >= 8 * 7)

    mask = around_the_place()
    assert bool(inner(mask.float())[0, 1] > 0.5)
    random = torch.cat([*islice(random_masks(mask, scene().valid, torch.Generator()), 20)])
    assert (inner(random.float())[:, 1] > 0.5).float().mean() < 0.5
    (check,) = checked(inner, mask)
    assert (check.value, check.passed) == (0.0, False)


@pytest.mark.parametrize(
    ("given", "asked"), [({}, True), ({"references": 1}, False), ({"alike": 1}, False)]
)
def test_it_is_asked_only_where_no_reference_images_are_given(given, asked):
    assert bool(checked(some, box(2), scene(**given))) == asked
    view, rules = View(some, scene(**given)), RULES
    generator = torch.Generator().manual_seed(0)
    response = baseline_response(view, TARGET, rules, generator)
    names = [c.name for c in verify(view, box(2), response, rules, generator).checks]
    assert ("specificity" in names) == asked


def test_it_is_not_asked_of_more_than_half_of_the_image_nor_where_it_is_switched_off():
    assert checked(some, box(SIDE // 2 + 1)) == ()
    assert checked(some, box(SIDE)) == ()
    assert checked(some, box(6), scene(rows=10)) == ()  # padding is not of the image
    assert checked(some, box(SIDE // 2))
    assert checked(some, box(2), rules=replace(RULES, specificity_rate=0.0)) == ()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, SIDE - 1), st.integers(1, SIDE))
def test_they_have_twice_the_area_and_at_most_half_of_the_image(height, rows):
    mask, inside = box(min(height, rows)), scene(rows=rows)
    own, image = min(height, rows) * SIDE, rows * SIDE
    assert pixels(mask, inside) == (2 * own if 4 * own <= image else image // 2)


def test_random_masks_lie_in_the_image_and_not_on_its_padding():
    shown = []

    def seen(x):
        shown.append(x)
        return some(x)

    checked(seen, box(2), scene(rows=10))
    (masked,) = shown
    assert (masked[:, :, 10:] == 0).all()
    assert masked.sum(dim=(1, 2, 3)).tolist() == [4 * SIDE] * 20


def claim(*failed, blank=0.1):
    names = ("sufficiency", "shape_leakage", "specificity")
    checks = tuple(Check(n, 0.5, 0.5, 20, True, n not in failed) for n in names)
    grey = BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, "none", blank, 0.0)
    return Claim(("grey",), checks, (grey,), 0.95, blank, 0.5, "", ())


@pytest.mark.parametrize(
    ("found", "enough"),
    [
        (claim(), True),
        (claim("specificity"), True),
        (claim("sufficiency"), False),
        (claim("specificity", "shape_leakage"), False),
        (claim("specificity", blank=0.9), False),
    ],
)
def test_a_claim_is_sufficient_that_fails_by_this_check_alone(found, enough):
    assert sufficient(found) == enough
    assert found.holds == (found == claim())


def test_without_it_every_other_figure_is_the_same():
    """Its random masks are drawn after all else."""

    def made(rate):
        rules, generator = replace(RULES, specificity_rate=rate), torch.Generator().manual_seed(3)
        view = View(some, scene())
        response = baseline_response(view, TARGET, rules, generator)
        found = verify(view, box(4), response, rules, generator)
        return replace(found, checks=tuple(c for c in found.checks if c.name != "specificity"))

    assert made(0.1) == made(0.0)
