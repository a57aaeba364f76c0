"""How many images go through a classifier together: as many as a CPU takes well, all answered."""

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.case.counting import BATCH, counted, predictor, swift_batch
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Outputs

MODEL = Classifier(nn.Identity(), ("bright", "dark"), (8, 8))


class Brightness:
    """Two classes by the mean of an image; notes how many images come at a time."""

    def __init__(self):
        self.batches = []

    def __call__(self, x, hidden=None, /):
        self.batches.append(len(x))
        mean = x.mean(dim=(1, 2, 3))
        return Outputs(torch.stack([mean, -mean], dim=1), ())


@settings(max_examples=40, deadline=None)
@given(
    count=st.integers(1, 70),
    side=st.sampled_from([8, 100, 224, 300, 500]),
    batch=st.sampled_from([1, 3, 64]),
)
def test_every_image_is_answered_once_and_in_order_however_few_go_together(count, side, batch):
    plain, generator = Brightness(), torch.Generator().manual_seed(count)
    each = torch.rand(count, 1, 1, 1, generator=generator)
    p = predictor(plain, MODEL, batch)(each.expand(-1, 1, side, side))
    means = each.flatten()
    assert torch.allclose(p, torch.stack([means, -means], dim=1).softmax(dim=1), atol=1e-5)
    assert sum(plain.batches) == count
    assert max(plain.batches) <= batch


@pytest.mark.parametrize(("side", "most"), [(16, BATCH), (112, 16), (224, 4), (448, 1), (1000, 1)])
def test_on_a_cpu_as_many_go_together_as_have_the_pixels_of_four_of_224(side, most):
    plain = Brightness()
    predictor(plain, MODEL, BATCH)(torch.zeros(65, 1, side, side))
    assert max(plain.batches) <= most
    assert len(plain.batches) == -(-65 // most)
    assert sum(plain.batches) == 65


@pytest.mark.parametrize(("side", "most"), [(16, 64), (224, 64), (448, 16), (1024, 3), (4000, 1)])
def test_elsewhere_as_many_as_have_the_pixels_of_sixty_four_of_224(side, most):
    assert swift_batch(torch.zeros(1, 3, side, side, device="meta")) == most


def test_images_are_dealt_out_evenly():
    plain = Brightness()
    predictor(plain, MODEL, 7)(torch.zeros(8, 1, 8, 8))
    assert plain.batches == [4, 4]  # 7 and 1 would cost more


def test_every_image_of_a_batch_is_counted():
    plain = Brightness()
    forward, cost = counted(plain)
    predictor(forward, MODEL, BATCH)(torch.zeros(11, 1, 224, 224))
    assert (cost().forward, len(plain.batches)) == (11, 3)
