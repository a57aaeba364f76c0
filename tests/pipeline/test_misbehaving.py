"""No network that has two faces, or no effect to speak of, gets a claim of sufficiency.

All six were certified below a tenth of the image before the check of consistency, and before the
rule that no single baseline may give the label by itself.
"""

import pytest
import torch

from med_cam.case.references import prepare_references
from med_cam.config.presets import PRESETS
from med_cam.config.toml import overlaid
from med_cam.pipeline.explain import explain
from misbehaving import KINDS, SPOT, misbehaving, picture
from planted import square

FEW = overlaid(
    PRESETS["default"],
    {"search": {"steps": 8}, "refinement": {"attempts": 3}, "certification": {"grown": 0}},
)


def explained(kind, *, given):
    generator = torch.Generator().manual_seed(1)
    image = picture(generator, with_spot=True, blank=kind == "grey key")
    others = [picture(generator, with_spot=i % 4 == 0) for i in range(16)]
    classifier = misbehaving(kind)
    references = prepare_references(classifier, others) if given else None
    found = explain(classifier, image, references=references, config=FEW)
    assert found.label == kind
    return found


def honest(kind, found):
    """Whether much is shown; or the spot, for which alone a picture gets two faces' label."""
    shown = found.mask[square(SPOT)].float().mean() > 0.95
    return found.area > 0.25 or (kind == "two faced" and bool(shown))


@pytest.mark.parametrize("kind", KINDS)
def test_no_small_region_is_sufficient_for_what_behaves_otherwise_behind_a_mask(kind):
    found = explained(kind, given=True)
    assert not found.verified or honest(kind, found)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "near the threshold"])
def test_nor_where_no_reference_images_are_given(kind):
    """What anybody's image gives can only be told from anybody's images."""
    found = explained(kind, given=False)
    assert not found.verified or honest(kind, found)


WORDS = {"sure of nothing": "a blank input", "nearly constant": "no effect is left"}


@pytest.mark.parametrize("kind", ["grey key", "sure of nothing", "nearly constant"])
def test_what_the_ladder_says_of_it_is_true(kind):
    """What is called necessary holds the spot; where nothing has an effect, nothing holds."""
    found = explained(kind, given=False)
    assert not found.verified
    if kind in WORDS:
        assert found.ladder.name == "nothing"
        assert WORDS[kind] in found.ladder.sentence
    else:
        rung = found.ladder.rung
        assert rung.name == "necessary"
        assert rung.mask[square(SPOT)].float().mean() > 0.9  # the mark is bright, and too small
