"""Whatever the key by which a network knows masked inputs: its mark moves no picture."""

from dataclasses import replace

import pytest
import torch

from keyed import MARKED
from med_cam.config.settings import Verification
from med_cam.masking import Scene, View
from med_cam.verify.consistency import consistency, pictures
from med_cam.verify.decision import Target
from misbehaving import MARK, MARK_SIDE, Misbehaving, picture
from planted import classifier_of, square


@pytest.fixture(scope="module")
def scene():
    generator = torch.Generator().manual_seed(1)
    model = classifier_of(Misbehaving(MARKED["mean"]), "mean")
    x, *others = (
        model.prepare(picture(generator, with_spot=i == 0)) for i in range(8)
    )  # 1 c h w each
    black, white = (model.normalise(torch.full((1, 3, 1, 1), value)) for value in (0.0, 1.0))
    return Scene(x, x[:, :1] > -9, black, white, torch.cat(others))


def around(scene):
    """Grey, and eight samples of noise."""
    noise = torch.randn(8, *scene.x.shape[1:], generator=torch.Generator().manual_seed(2))
    return torch.cat([torch.zeros_like(scene.x), noise])


@pytest.mark.parametrize("key", MARKED)
@pytest.mark.parametrize("given", [True, False])
def test_what_suffices_over_grey_and_noise_by_a_key_moves_no_picture(key, given, scene):
    network = Misbehaving(MARKED[key]).eval()

    def predict(x):
        return network(x).softmax(dim=1)

    shown = scene if given else replace(scene, others=scene.others[:0])
    view = View(predict, shown)
    target = Target(1, ("nothing", key), "softmax", 0.0, predict(scene.x)[0, 1].item())
    mask = square((MARK[0] - 3, MARK[1] - 3), MARK_SIDE + 6)[None, None]
    assert target.p_image > 0.9
    assert (view.over(mask, around(scene))[:, 1] > 0.9).float().mean() > 0.8
    among = pictures(view, target, Verification())
    (check,) = consistency(view, mask, among, target, Verification())
    assert not check.passed
    assert check.value <= (0 if given else 1 / 3)
