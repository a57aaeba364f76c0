"""Verified implies that the evidence spoke for the label in pictures too, whatever else holds."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.baseline_response import BaselineResponse, baseline_response
from med_cam.verify.claim import verify
from med_cam.verify.consistency import Pictures
from med_cam.verify.decision import Target
from med_cam.verify.laid_in import edges

SIDE, RULES = 24, Verification(samples=4, unseen=())
BOX = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
BOX[..., 6:18, 6:18] = True


SCRIPTS = st.lists(st.booleans(), min_size=10, max_size=10) | st.permutations([False] + [True] * 9)


def lit(x):
    """How bright the middle is."""
    z = 8 * (x[..., 9:15, 9:15].mean(dim=(1, 2, 3)) - 0.6)
    return torch.stack([-z, z], dim=1).softmax(dim=1)


def seed(number):
    return torch.Generator().manual_seed(number)


@pytest.fixture(scope="module")
def ready() -> tuple[Scene, Target, BaselineResponse]:
    """An image with a bright middle, without reference images, and what blank inputs get."""
    x = 0.2 * torch.rand(1, 1, SIDE, SIDE, generator=seed(0))
    x[..., 9:15, 9:15] = 1.0
    one = torch.ones(1, 1, 1, 1)
    scene = Scene(x, x > -1, -one, one, x[:0])
    target = Target(1, ("dark", "lit"), "softmax", 0.0, lit(x)[0, 1].item())
    return scene, target, baseline_response(View(lit, scene), target, RULES, seed(1))


def scripted(scene: Scene, among: Pictures, moved: list[bool]) -> Callable:
    """Lit by the middle; where the evidence lies in a blurred image, moved as the script says."""
    ways = (BOX.float(), edges(BOX)[-1:])
    inputs = [w * scene.x + (1 - w) * one for w in ways for one in among.shown.split(1)]
    script = dict(zip((shown.numpy().tobytes() for shown in inputs), moved, strict=True))
    alone = lit(among.shown).repeat(2, 1)  # as on the pictures themselves
    still = dict(zip(script, alone, strict=True))

    def one(x):
        key = x.numpy().tobytes()
        return lit(x) if script.get(key, True) else still[key][None]

    return lambda x: torch.cat([one(part) for part in x.split(1)])


@settings(max_examples=25, deadline=None)
@given(moved=SCRIPTS)
def test_nothing_is_verified_whose_evidence_moves_too_few_blurred_images(ready, moved):
    scene, _, response = ready
    assert len(response.pictures.shown) == 5
    view = View(scripted(scene, response.pictures, moved), scene)
    claim = verify(view, BOX, response, RULES, seed(2))
    checks = {check.name: check for check in claim.checks}
    assert all(check.passed for name, check in checks.items() if name != "consistency")
    assert checks["consistency"].value == sum(moved) / 10
    assert claim.holds == (sum(moved) >= 9)
