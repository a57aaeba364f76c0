"""Whatever the key by which a network knows masked inputs: its mark moves no picture.

What is honest moves the image itself, blurred, in all ways, and none of the others does.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from aware import AWARE, GRAINY, grainy
from honest import HONEST
from keyed import MARKED
from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.consistency import consistency, in_all_ways, moves_none, pictures
from med_cam.verify.decision import Target
from misbehaving import KINDS, MARK, MARK_SIDE, Misbehaving, picture
from planted import CASES, classifier_of, square


def scene_of(draw):
    generator = torch.Generator().manual_seed(1)
    model = classifier_of(Misbehaving(MARKED["mean"]), "mean")
    x, *others = (model.prepare(draw(generator, with_spot=i == 0)) for i in range(8))  # 1 c h w
    black, white = (model.normalise(torch.full((1, 3, 1, 1), value)) for value in (0.0, 1.0))
    return Scene(x, x[:, :1] > -9, black, white, torch.cat(others))


@pytest.fixture(scope="module")
def scene():
    return scene_of(picture)


@pytest.fixture(scope="module")
def with_grain():
    return scene_of(grainy)


def around(scene):
    """Grey, and eight samples of noise."""
    noise = torch.randn(8, *scene.x.shape[1:], generator=torch.Generator().manual_seed(2))
    return torch.cat([torch.zeros_like(scene.x), noise])


KEYS = {**MARKED, **{key: AWARE[key] for key in (*sorted(GRAINY), "cosines", "surround")}}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("given", [True, False])
def test_what_suffices_over_grey_and_noise_by_a_key_moves_no_picture(
    key, given, scene, with_grain
):
    network = Misbehaving(KEYS[key]).eval()
    scene = with_grain if key in GRAINY else scene

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
    if key in MARKED:
        assert check.value <= (0 if given else 0.2)  # the most blurred image has no contrast


MIDDLE = "a strip in the middle"
PARTS = {  # of the spot, first row and column, height and width: more edge, and no label
    MIDDLE: (16, 34, 24, 5),
    "a strip with what lies beside it": (13, 21, 30, 8),
}


@pytest.mark.parametrize(("part", "given"), [*((part, False) for part in PARTS), (MIDDLE, True)])
@pytest.mark.parametrize("kind", ["hard edges", "weak edges"])
def test_a_network_that_knows_seams_is_told_by_the_image_itself(kind, part, given, scene):
    """Its mask is the mark, and so much of the spot that there is edge enough.

    What reference images do tells nothing: it knows the soft edge, and the halo shows the spot.
    """
    network = Misbehaving(KINDS[kind]).eval()

    def predict(x):
        return network(x).softmax(dim=1)

    view = View(predict, scene if given else replace(scene, others=scene.others[:0]))
    target = Target(1, ("nothing", kind), "softmax", 0.0, predict(scene.x)[0, 1].item())
    row, column, height, width = PARTS[part]
    mask = square((MARK[0] - 3, MARK[1] - 3), MARK_SIDE + 6)[None, None]
    mask[..., row : row + height, column : column + width] = True
    assert (view.over(mask, around(scene))[:, 1] > 0.9).all()
    among = pictures(view, target, Verification())
    (check,) = consistency(view, mask, among, target, Verification())
    assert not check.passed
    if given and kind == "weak edges":
        assert in_all_ways(view, mask, among, target, Verification()).passed
    if part == MIDDLE:  # several of them do not move at all
        assert moves_none(view, mask, among, target, Verification())


@pytest.mark.parametrize("name", CASES)
def test_planted_evidence_moves_the_image_itself_however_blurred(name):
    case, generator = CASES[name], torch.Generator().manual_seed(3)
    plant = case.plant((24, 32), generator)
    x = case.classifier.prepare(plant.image)
    one = torch.ones(1, 3, 1, 1)
    view = View(
        lambda shown: case.classifier.module(shown).softmax(dim=1),
        Scene(x, x[:, :1] > -9, -2 * one, 2 * one, x[:0]),
    )
    target = Target(1, case.classifier.labels, "softmax", 0.0, view.classifier(x)[0, 1].item())
    among = pictures(view, target, Verification())
    assert among.own
    for mask in (plant.needed, plant.enough):
        (check,) = consistency(view, mask[None, None], among, target, Verification())
        assert (check.value, check.passed) == (1.0, True)


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("name", HONEST)
def test_the_evidence_of_honest_networks_moves_pictures(name, given):
    """Whatever it is made of: parts that are far apart, a rim, what differs from its surround."""
    network, draw, needed = HONEST[name]
    generator = torch.Generator().manual_seed(1)
    pixels = torch.stack([draw(generator, i == 0).pixels for i in range(8)])
    x, one = (pixels - 0.5) / 0.25, torch.ones(1, 3, 1, 1)
    model = Misbehaving(network).eval()

    def predict(shown):
        return model(shown).softmax(dim=1)

    shown = Scene(x[:1], x[:1, :1] > -9, -2 * one, 2 * one, x[1:] if given else x[:0])
    view = View(predict, shown)
    target = Target(1, ("nothing", name), "softmax", 0.0, predict(x[:1])[0, 1].item())
    mask = F.max_pool2d(needed[None, None].float(), 7, 1, 3) > 0  # and the margin of the shifts
    among = pictures(view, target, Verification())
    assert among.own != given
    (check,) = consistency(view, mask, among, target, Verification())
    assert check.passed
    assert not moves_none(view, mask, among, target, Verification())
