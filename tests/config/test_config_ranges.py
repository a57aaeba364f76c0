"""Settings: the values that each may have, and that every other is refused by name."""

import math
from dataclasses import fields

import pytest
from hypothesis import given, settings, strategies as st

from med_cam.config.rules import ranges
from med_cam.config.settings import (
    Certification,
    Config,
    Objective,
    Refinement,
    Search,
    Verification,
    Weights,
)
from med_cam.errors import ConfigError

# -- ranges ---------------------------------------------------------------------------------------

BAD = [
    (Weights, "area", 1.1e6),
    (Objective, "layer_weights", (1.0,) * 1001),
    (Search, "steps", 10_001),
    (Search, "learning_rate", 1e300),
    (Search, "learning_rate", 1e-300),
    (Search, "widths", (8,) * 9),
    (Search, "widths", (520,)),
    (Search, "grid", 129),
    (Search, "masks", 33),
    (Search, "smallest", 1e-300),
    (Search, "temperature", 1e-300),
    (Search, "temperature", 101.0),
    (Search, "jitter", 65),
    (Search, "places", 17),
    (Search, "radii", (0.5,) * 5),
    (Search, "radii", (2.1,)),
    (Search, "look_weight", 1001.0),
    (Search, "maps", 101),
    (Refinement, "samples", 1001),
    (Refinement, "leakage_trials", 1001),
    (Refinement, "shifts", (65,)),
    (Refinement, "shifts", (1,) * 17),
    (Refinement, "rounds", 33),
    (Refinement, "growth", 11.0),
    (Verification, "baselines", ("grey", "grey")),
    (Verification, "samples", 1001),
    (Verification, "unseen_samples", 1001),
    (Verification, "leakage_trials", 1001),
    (Verification, "certified", 0.9999),
    (Verification, "certified", 0.0),
    (Verification, "confidence", 0.9999999),
    (Verification, "confidence", math.nan),
    (Certification, "rounds", 33),
    (Certification, "grown", 33),
    (Certification, "patch", 1),
    (Certification, "patch", 1025),
    (Certification, "most_patches", 2**14 + 1),
    (Certification, "reduction_samples", 1001),
    (Certification, "pool", 1001),
    (Certification, "deletion_samples", 1001),
    (Certification, "reinsertion_trials", 1001),
    (Certification, "reinsertion_patch", 0),
    (Certification, "alternatives", 51),
    (Certification, "seeds", 51),
    (Objective, "distance", "euclid"),
    (Objective, "layer_weights", (1.0, math.inf)),
    (Search, "form", "hard"),
    (Search, "steps", -1),
    (Search, "learning_rate", 0.0),
    (Search, "learning_rate", math.inf),
    (Search, "widths", (16, 0)),
    (Search, "widths", (12,)),  # eight groups do not share twelve channels
    (Search, "grid", 3),
    (Search, "grid", -4),
    (Search, "masks", 0),
    (Search, "smallest", 0.0),
    (Search, "largest", 1.0),
    (Search, "smallest", 0.3),
    (Search, "smallest", 0.5),
    (Search, "temperature", 0.0),
    (Search, "temperature", math.nan),
    (Search, "straight_from", 1.01),
    (Search, "jitter", -1),
    (Search, "places", -1),
    (Search, "radii", ()),
    (Search, "radii", (0.5, 0.0)),
    (Search, "maps", 0),
    (Search, "look_weight", -0.5),
    (Refinement, "cut", "best"),
    (Refinement, "share", 1.5),
    (Refinement, "samples", 0),
    (Refinement, "leakage_trials", 0),
    (Refinement, "shifts", ()),
    (Refinement, "smallest", 1.0),
    (Refinement, "rounds", 0),
    (Refinement, "growth", 1.0),
    (Refinement, "attempts", -1),
    (Refinement, "attempts", 60),  # claims would use the samples of the next seed
    (Refinement, "large", 0.0),
    (Verification, "baselines", ()),
    (Verification, "baselines", ("grey", "")),
    (Verification, "samples", 0),
    (Verification, "unseen_samples", 0),
    (Verification, "share", -0.1),
    (Verification, "leakage_margin", 1.1),
    (Verification, "shifts", (0,)),
    (Verification, "stability_rate", math.nan),
    (Config, "seed", -1),
    (Config, "seed", 2**32),
]


@pytest.mark.parametrize(("section", "field", "value"), BAD)
def test_a_value_out_of_range_is_refused_and_named(section, field, value):
    word = "twice" if value == ("grey", "grey") else field
    with pytest.raises(ConfigError, match=rf"\b{word}\b") as caught:
        section(**{field: value})
    shown = repr(list(value) if isinstance(value, tuple) else value)
    assert (shown if len(shown) < 40 else shown[:30]) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", [f.name for f in fields(Weights)])
@given(st.one_of(st.floats(max_value=-1e-300), st.sampled_from([math.nan, math.inf])))
@settings(max_examples=10, deadline=None)
def test_no_term_has_a_weight_below_zero_or_none_at_all(field, value):
    with pytest.raises(ConfigError, match=field):
        Weights(**{field: value})


@given(st.floats(), st.floats())
@settings(max_examples=200, deadline=None)
def test_areas_are_accepted_exactly_where_they_are_in_order(smallest, largest):
    if 0.0001 <= smallest < largest <= 0.9999:
        Search(smallest=smallest, largest=largest)
    else:
        with pytest.raises(ConfigError, match=r"search\.(smallest|largest)"):
            Search(smallest=smallest, largest=largest)


def test_a_claim_has_at_least_twenty_leakage_trials_and_a_candidate_may_have_fewer():
    Config(refinement=Refinement(leakage_trials=1))
    Config(verification=Verification(leakage_trials=20))
    with pytest.raises(ConfigError, match=r"verification\.leakage_trials .* 20 to 1000, got 19"):
        Config(verification=Verification(leakage_trials=19))


def test_a_grid_that_is_halved_to_nothing_is_refused():
    Search(grid=4, widths=(8, 8, 8))
    Search(grid=4, widths=())  # free scores have no levels
    Search(grid=0, widths=(8,) * 8)  # as large as the image, which is not known here
    with pytest.raises(ConfigError, match=r"search\.widths has 4 levels"):
        Search(grid=4, widths=(8, 8, 8, 8))


def test_the_ends_of_ranges_are_allowed():
    Weights(activation=0.0, area=1e6)
    Search(steps=0, grid=4, masks=1, straight_from=0.0, jitter=0, places=0, look_weight=0.0)
    Search(straight_from=1.0, widths=(1, 7, 8), radii=(2.0,))
    Refinement(share=0.0, attempts=0, growth=1.01, large=1.0)
    Verification(share=1.0, leakage_margin=0.0, stability_rate=1.0, unseen=())
    Config(seed=2**32 - 1)


def test_every_number_has_two_ends():
    """A walk over every field: no setting accepts a number of 10**30, or a list of 10**5."""
    sections = (Weights, Objective, Search, Refinement, Verification, Certification, Config)
    for section in sections:
        for key, allowed in ranges(section):
            value = getattr(section(), key)
            absurd = [10**30, -(10**30), 1e30, math.nan, math.inf, -math.inf, (), None]
            if isinstance(value, tuple) and value:
                absurd = [(value[0],) * 10**5, value[0], None, *((v,) for v in absurd[:6])]
            fitting = [v for v in absurd if allowed.fits(v)]
            assert fitting in ([], [()]), key
