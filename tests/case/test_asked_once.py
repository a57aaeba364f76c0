"""No masked input is put to a classifier twice, and each gets the answer that it had."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.case.asked_once import asked_once
from med_cam.case.counting import BATCH, predictor
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Outputs
from med_cam.removal.hidden import Hidden

MODEL = Classifier(nn.Identity(), ("bright", "dark"), (4, 4))
REMOVALS = "layer_masking", "dropped_tokens"


class Noted:
    """Two classes by all that an input consists of; notes each input that it is asked of."""

    def __init__(self):
        self.seen = []

    def __call__(self, x, hidden=None, /):
        masks = [None] * len(x)
        told = x.mean(dim=(1, 2, 3))
        if hidden is not None:
            every = hidden.mask.expand(len(x), -1, -1, -1)
            masks = [tuple(mask.flatten().tolist()) for mask in every]
            told = told + 3 * (every * torch.arange(16.0).view(4, 4)).mean(dim=(1, 2, 3))
            told = told + 0.5 * REMOVALS.index(hidden.removal) + hidden.intruder
        removal = hidden and (hidden.removal, hidden.intruder)
        self.seen += [
            (tuple(image.flatten().tolist()), mask, removal)
            for image, mask in zip(x, masks, strict=True)
        ]
        return Outputs(torch.stack([told, -told], dim=1), ())


IMAGES = torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(1)).round(decimals=3)
MASKS = (torch.rand(3, 1, 4, 4, generator=torch.Generator().manual_seed(2)) > 0.5).float()

numbers = st.integers(0, 2)
some_hidden = st.tuples(st.sampled_from(REMOVALS), numbers, st.sampled_from([0.0, 1.0]))
calls = st.tuples(
    st.lists(numbers, min_size=1, max_size=5),  # the images of a call
    st.none() | some_hidden,
    st.booleans(),  # whether each has a mask of its own
)


def question(images, hidden, each):
    x = IMAGES[images]
    if hidden is None:
        return x, None
    removal, first, intruder = hidden
    masks = [(first + i) % 3 for i in range(len(images))] if each else [first]
    return x, Hidden(removal, MASKS[masks], intruder)


@settings(max_examples=200, deadline=None)
@given(st.lists(calls, min_size=1, max_size=6))
def test_every_input_is_answered_as_ever_and_asked_once(asked):
    plain, noted = predictor(Noted(), MODEL, BATCH), Noted()
    once = asked_once(predictor(noted, MODEL, BATCH))
    for call in asked:
        x, hidden = question(*call)
        assert torch.allclose(once(x, hidden), plain(x, hidden))
    assert len(noted.seen) == len(set(noted.seen))
    everything = Noted()
    for call in asked:
        everything(*question(*call))
    assert set(noted.seen) == set(everything.seen)


def test_one_image_that_stands_for_many_is_asked_once_under_each_mask():
    noted = Noted()
    once = asked_once(predictor(noted, MODEL, BATCH))
    masks = MASKS[[0, 1, 0, 2, 1]]
    p = once(IMAGES[:1].expand(5, -1, -1, -1), Hidden("layer_masking", masks))
    assert len(noted.seen) == 3
    assert p[0].equal(p[2])
    assert p[1].equal(p[4])
    assert not p[0].equal(p[1])
    once(IMAGES[:1], Hidden("layer_masking", masks[3:4]))
    assert len(noted.seen) == 3


def test_what_is_remembered_is_of_one_case_alone():
    noted = Noted()
    for _ in range(2):
        asked_once(predictor(noted, MODEL, BATCH))(IMAGES)
    assert len(noted.seen) == 6


def test_the_least_difference_between_two_images_is_one():
    noted = Noted()
    once = asked_once(predictor(noted, MODEL, BATCH))
    near = IMAGES[:1].clone()
    near[..., -1, -1] = torch.nextafter(near[..., -1, -1], torch.tensor(2.0))
    once(torch.cat([IMAGES[:1], near, IMAGES[:1]]))
    assert len(noted.seen) == 2


@pytest.mark.parametrize("hidden", [None, Hidden("layer_masking", MASKS[:0])])
def test_of_no_image_there_is_no_answer(hidden):
    def none(x, _=None, /):
        return torch.zeros(len(x), 2)

    assert asked_once(none)(IMAGES[:0], hidden).shape == (0, 2)
