"""Nothing found, explained the other way round, where it is known what speaks for a finding."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.certification.contrast import runner_up
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Search, Verification
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.report.claims import claims

SIDE = 32
SPOT = (..., slice(4, 12), slice(18, 26))  # speaks for a lesion
CALM = (..., slice(18, 28), slice(4, 14))  # speaks against it
SHORT = Config(
    search=Search(steps=1, widths=(4,), grid=8, places=4, radii=(0.5,), maps=1),
    verification=Verification(unseen=(), consistency=0.0),
    certification=Certification(
        patch=0, deletion_samples=2, reinsertion_trials=4, reinsertion_patch=8
    ),
)


class Lesion(nn.Module):
    """Logits of nothing, a lesion and something else; `weight` is what the spot counts."""

    def __init__(self, *, weight=6.0, blank=0.0):
        super().__init__()
        self.act = nn.Identity()
        self.weight, self.blank = weight, blank

    def forward(self, x):
        x = self.act(x)
        spot, calm = (x[part].clamp(0, 1).mean(dim=(1, 2, 3)) for part in (SPOT, CALM))
        spot, calm = (spot - 0.5).relu(), (calm - 0.5).relu()  # nothing for grey and noise
        return torch.stack([self.blank + 8 * calm, self.weight * spot, 0 * calm], dim=1)


def explained(module, labels=("no lesion", "lesion", "other"), **rules):
    config = replace(SHORT, certification=replace(SHORT.certification, **rules))
    return explain(model_of(module, labels), pictured(), config=config)


def model_of(module, labels=("no lesion", "lesion", "other")):
    return Classifier(module, labels, (SIDE, SIDE), 1, (0.5,), (0.5,), hooked_layers=("act",))


def pictured():
    pixels = torch.full((1, SIDE, SIDE), 0.5)
    pixels[SPOT] = pixels[CALM] = 1.0
    return Image(pixels)


@pytest.fixture(scope="module")
def found():
    return explained(Lesion())


def test_where_nothing_is_searched_no_pixel_has_a_higher_score_than_another():
    unsearched = explain(model_of(Lesion()), pictured(), config=SHORT, target="other")
    assert unsearched.steps == ()
    assert not unsearched.soft.any()


def test_what_speaks_for_the_second_label_is_found_and_beats_random_regions(found):
    other = found.contrast.runner_up
    assert (found.label, other.label) == ("no lesion", "lesion")
    assert other.mask[SPOT].float().mean() > 0.8
    assert other.area < 0.25
    assert other.holds
    assert (other.controls.trials, other.controls.hits) == (19, 0)
    assert other.turned.hits == other.turned.trials == 3
    assert other.rise > 3


def test_the_region_that_can_be_shown_leaves_out_what_brings_the_other_label_up(found):
    quiet = found.contrast.quiet
    assert quiet.holds
    assert 0.25 < quiet.area < 0.8
    assert quiet.mask[SPOT].float().mean() < 0.5
    assert (quiet.parts.trials, quiet.parts.hits) == (59, 59)


def test_a_label_that_nothing_speaks_against_is_quiet_everywhere_and_has_no_region():
    contrast = explained(Lesion(weight=0.0)).contrast
    assert contrast.quiet.mask.all()
    assert contrast.quiet.holds
    assert not contrast.runner_up.holds
    assert contrast.runner_up.turned.hits == 0


def test_a_region_that_says_nothing_is_reached_by_random_ones():
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[:, :16] = True  # half of the image, without the spot
    model = model_of(Lesion())
    with hooks_attached(model) as forward:
        other = runner_up(observed(forward, model, pictured(), SHORT), mask)
    assert other.controls.hits > 5
    assert not other.holds


def test_a_label_that_blank_input_gets_is_explained_the_other_way_round_too():
    found = explained(Lesion(blank=2.0), ("a", "b", "c"))
    assert found.tests is None
    assert found.contrast.runner_up.mask[SPOT].float().mean() > 0.8


def contrast_stage(found):
    return next(stage for stage in found.timeline if stage.name == "contrast")


def test_discs_that_the_search_has_looked_at_are_not_looked_at_again(found):
    searched, unsearched = found, explained(Lesion(blank=2.0), ("a", "b", "c"))
    assert unsearched.steps == ()
    few, all_ = contrast_stage(searched), contrast_stage(unsearched)
    regions = 2 + 1  # two cuts of the map, and a disc of each radius: the search here has one
    assert 3 * regions + 12 + 59 + 63 <= few.forward <= 3 * regions + 36 + 59 + 63 <= 173
    assert few.forward + 40 <= all_.forward <= 50 + 15 + 36 + 59 + 63 <= 223
    assert few.backward == all_.backward == 0


def test_other_labels_have_none_and_a_setting_turns_it_off(found):
    assert explained(Lesion(), ("clear lens", "lesion", "other")).contrast is None
    off = explained(Lesion(), contrast=False)
    assert off.contrast is None
    assert torch.equal(off.mask, found.mask)
    assert found.passes.forward - off.passes.forward <= 173


def test_it_is_said_in_sentences_with_their_numbers(found):
    said = [claim.text for claim in claims(found)]
    assert sum("no other label comes up (59 of 59 random parts" in text for text in said) == 1
    assert sum("speaks most for lesion" in text and "enough" in text for text in said) == 1
