"""The rule that chooses removals, on figures made up by hand."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from med_cam.audit.choice import (
    FAIR,
    STANDS,
    USUAL,
    WELL,
    beyond_chance,
    chosen,
    explained,
    failing,
    order,
    place,
    settled,
)
from med_cam.config.baselines import BASELINES, INSIDE
from med_cam.results.removal import RemovalFigures

GOOD = RemovalFigures("grey", 16, 0.0, 0.0, 1.0, 0.7, 0.1, "a", 0.6, 0.8, 0.9, 0.25, 32)
LOST = {"retained_25": 0.2, "retained_50": 0.4, "retained_75": 0.5}
HALF = {"retained_25": 0.2, "retained_50": 0.6, "retained_75": 0.7}  # of the answers, and more
CHANCE = {"retained_25": 0.2, "retained_50": 0.3, "retained_75": 0.3}


def of(name, **other):
    return replace(GOOD, name=name, **other)


def names_of(*figures):
    return chosen(figures).removal


# -- one by one -----------------------------------------------------------------------------------


def test_a_classifier_that_stands_the_usual_set_keeps_it():
    assert names_of(of("layer_masking"), *map(of, USUAL), of("others")) == USUAL


def test_where_answers_do_not_survive_the_usual_set_the_removal_inside_comes_first():
    usual = [of(name, **LOST) for name in USUAL]
    assert names_of(*usual, of("layer_masking", **HALF), of("others")) == ("layer_masking",)
    assert names_of(*usual, of("dropped_tokens"), of("others")) == ("dropped_tokens",)


def test_what_keeps_answers_well_goes_before_what_comes_earlier_and_does_not():
    usual = [of(name, **LOST) for name in USUAL]
    assert names_of(*usual, of("layer_masking", **LOST), of("mean", **HALF)) == ("mean",)


def test_where_none_keeps_answers_well_the_one_that_keeps_most_is_taken():
    usual = [of(name, **LOST) for name in USUAL]
    more = LOST | {"retained_75": 0.7}
    found = chosen([*usual, of("layer_masking", **LOST), of("mean", **more), of("black", **more)])
    assert (found.removal, found.fails) == (("mean",), ())
    assert "none keeps answers well; of those that pass mean explains most" in found.reason
    nearly = LOST | {"retained_75": 0.6}
    assert names_of(*usual, of("layer_masking", **LOST), of("mean", **nearly)) == (
        "layer_masking",
    )


def test_where_none_keeps_answers_well_an_effect_on_some_images_counts_for_so_many():
    """As before a network that is sure of everything, blank input among it.

    Over other images hardly an answer survives. Its blur keeps nearly all, and gives some images
    their label by itself: these cannot be explained, the others can.
    """
    usual = [of(name, blank_confident=1.0) for name in (*USUAL, "layer_masking", "mean")]
    few = of("others", blank_confident=1.0, retained_50=0.1, retained_75=0.8)
    most = {"blank_confident": 1.0, "blank_own": 0.4, "retained_50": 0.9, "retained_75": 0.8}
    assert names_of(*usual, few, of("blur", **most, effect=0.7)) == ("blur",)
    less = most | {"retained_50": 0.6, "effect": 0.5}
    assert names_of(*usual, few, of("blur", **less)) == ("others",)  # nearly as much
    assert names_of(*usual, of("blur", **most, effect=0.5)) == ("blur",)
    found = chosen([*usual, of("blur", **most, effect=0.49)])
    assert (found.removal, found.fails) == (("blur",), ("effect",))
    assert "nothing passes" in found.reason


def test_where_none_keeps_answers_well_blank_input_may_not_get_a_label_all_the_same():
    usual = [of(name, **LOST) for name in USUAL]
    blank = of("layer_masking", **LOST | {"retained_75": 0.8}, blank_confident=0.21)
    assert names_of(*usual, blank, of("mean", **LOST)) == USUAL
    assert names_of(*usual, replace(blank, blank_confident=0.2)) == ("layer_masking",)


def test_without_a_removal_inside_an_honest_usual_set_is_kept_though_answers_do_not_survive():
    found = chosen([*(of(name, **HALF) for name in USUAL), of("others"), of("black")])
    assert (found.removal, found.fails) == (USUAL, ())
    assert "retained 65% (at least 70%)" in found.reason


def test_one_bad_removal_spoils_a_set():
    """What is claimed is claimed over each of them."""
    figures = [of("grey"), of("gaussian", blank_confident=1.0), of("shuffled"), of("black")]
    assert names_of(*figures) == ("shuffled",)


def test_each_condition_refuses_a_removal():
    bad = ({"blank_confident": 0.21}, {"effect": 0.74}, {"pull": 0.51})
    usual = [of(name, blank_confident=1.0) for name in USUAL]
    for miss in bad:
        assert names_of(*usual, of("layer_masking", **miss), of("mean")) == ("mean",), miss


def test_what_reaches_a_condition_exactly_passes():
    at = {"blank_confident": 0.2, "effect": 0.75, "pull": 0.5}
    at |= {"retained_50": 0.7, "retained_75": 0.7}
    assert names_of(*(of(name, **at) for name in USUAL), of("layer_masking")) == USUAL


def test_what_shows_content_may_be_predicted_for_it_but_not_as_the_image_itself():
    usual = [of(name, blank_confident=1.0) for name in USUAL]
    assert names_of(*usual, of("others", blank_confident=1.0, pull=1.0)) == ("others",)
    assert names_of(*usual, of("blur", blank_own=0.3), of("mean", blank_own=0.3)) == ("mean",)


def test_a_part_of_the_usual_set_is_not_taken_alone_where_the_whole_set_passes():
    assert names_of(of("grey", **HALF), of("gaussian", **LOST)) == USUAL
    assert names_of(of("grey", **HALF), of("gaussian", blank_confident=1.0)) == ("grey",)


def test_more_answers_have_to_survive_than_by_chance():
    usual = [of(name, blank_confident=1.0) for name in USUAL]
    assert names_of(*usual, of("layer_masking", **CHANCE), of("mean")) == ("mean",)
    assert names_of(*usual, of("others", **CHANCE), of("mean", **LOST)) == ("mean",)
    half = {"chance": 0.5, "retained_50": 0.7, "retained_75": 0.78}  # of two labels
    assert names_of(*usual, of("layer_masking", **half), of("mean")) == ("mean",)
    more = half | {"retained_75": 0.8}
    assert names_of(*usual, of("layer_masking", **more), of("mean")) == ("layer_masking",)


@pytest.mark.parametrize(
    ("kept", "chance", "beyond"),
    [(1.0, 0.5, 1.0), (0.5, 0.5, 0.0), (0.4, 0.5, 0.0), (0.75, 0.5, 0.5), (0.4, 0.25, 0.2)],
)
def test_what_survives_beyond_chance(kept, chance, beyond):
    figures = of("mean", retained_50=kept, retained_75=kept, chance=chance)
    assert beyond_chance(figures) == pytest.approx(beyond)
    assert math.copysign(1, beyond_chance(figures)) == 1  # no "-0%" in a sentence


def test_an_answer_that_was_not_tried_is_none_that_survives():
    usual = [of(name, retained_50=math.nan) for name in USUAL]
    assert names_of(*usual, of("layer_masking")) == ("layer_masking",)
    assert names_of(*usual, of("layer_masking", retained_75=math.nan), of("mean")) == ("mean",)


def test_where_all_is_missed_as_far_as_can_be_the_order_decides():
    """Blank input always gets a label, and over other images no answer survives."""
    usual = [of(name, blank_confident=1.0) for name in USUAL]
    none = of("others", retained_50=0.0, retained_75=0.0)
    assert names_of(*usual, none) == USUAL
    assert names_of(*usual, none, of("layer_masking", blank_confident=1.0)) == ("layer_masking",)


def test_where_nothing_passes_the_least_failing_one_stands_and_what_fails_is_said():
    usual = [of(name, blank_confident=1.0) for name in USUAL]
    found = chosen([*usual, of("layer_masking", effect=0.3), of("mean", effect=0.45, pull=0.55)])
    assert (found.removal, found.fails) == (("mean",), ("effect", "pull"))
    assert "effect 45% (at least 50%)" in found.reason
    assert "pull 55% (at most 50%)" in found.reason


def test_every_name_has_its_place_and_a_feathered_one_stands_before_itself():
    ordered = list(order(BASELINES))
    assert {name for names in ordered for name in names} == set(BASELINES)
    assert all(names[0] in INSIDE for names in ordered[: len(INSIDE)])
    assert ordered[len(INSIDE)] == USUAL
    assert ordered[len(INSIDE) + 1 : len(INSIDE) + 3] == [("feathered_others",), ("others",)]
    assert place("made_up") > place("white")


# -- whatever the figures -------------------------------------------------------------------------

share = st.sampled_from([0.0, 0.2, 0.3, 0.5, 0.6, 0.8, 1.0])
FIGURES = st.builds(
    RemovalFigures, st.just("grey"), st.just(16), share, share, share, st.just(0.5), share,
    st.just("a"), share, share, share, share, st.just(32),
)  # fmt: skip
SOME = ("grey", "gaussian", "layer_masking", "dropped_tokens", "others", "blur", "mean")
MEASURED = st.tuples(*[FIGURES] * len(SOME)).map(
    lambda found: [replace(f, name=name) for f, name in zip(found, SOME, strict=True)]
)


@given(MEASURED, st.integers(2, len(SOME)))
@settings(max_examples=400, deadline=None)
def test_what_is_settled_stays_so_whatever_else_is_measured(figures, count):
    part, left = figures[:count], [f.name for f in figures[count:]]
    if settled(part, left):
        assert chosen(part).removal == chosen(figures).removal


@given(MEASURED, st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_the_order_in_which_figures_come_decides_nothing(figures, shuffle):
    other = figures[:]
    shuffle.shuffle(other)
    assert chosen(other) == chosen(figures)


@given(MEASURED)
@settings(max_examples=200, deadline=None)
def test_a_set_that_fails_is_taken_only_where_all_do(figures):
    known, found = {f.name: f for f in figures}, chosen(figures)
    alone = [(name,) for name in USUAL] if not failing(known, USUAL, FAIR) else []
    sets = [s for s in order(known) if s not in alone]
    well, fair = ([s for s in sets if not failing(known, s, asked)] for asked in (WELL, FAIR))
    assert bool(found.fails) == (not fair)
    if not failing(known, USUAL, STANDS):
        assert found.removal == USUAL
    elif well:
        assert found.removal == well[0]
    elif fair:
        worth = {s: min(explained(known[name]) for name in s) for s in fair}
        assert found.removal == next(s for s in fair if worth[s] >= max(worth.values()) - 0.1)
