"""An image whose middle is lit, pictures beside it, and a network that says how lit it is."""

import torch

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.consistency import consistency, pictures
from med_cam.verify.decision import Target

SIDE = 24
RULES = Verification()


def box(top, left, size=8):
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    mask[..., top : top + size, left : left + size] = True
    return mask


def picture(seed, *, lit=False):
    x = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(seed)) * 0.2
    if lit:
        x[..., 9:15, 9:15] = 1.0
    return x


def scene(others, *, alike=None):
    one = torch.ones(1, 1, 1, 1)
    x = picture(0, lit=True)
    return Scene(x, x > -1, -one, one, others, alike)


def others(count=10):
    return torch.cat([picture(seed) for seed in range(1, count + 1)])


def softmax(z):
    return torch.stack([-z, z], dim=1).softmax(dim=1)


def lit(x):
    """Honest: how bright the middle is."""
    return softmax(8 * (x[..., 9:15, 9:15].mean(dim=(1, 2, 3)) - 0.6))


def target(predict, x):
    return Target(1, ("dark", "lit"), "softmax", 0.0, predict(x)[0, 1].item())


def checked(predict, mask, s=None, rules=RULES):
    s = scene(others()) if s is None else s
    view, wanted = View(predict, s), target(predict, s.x)
    return consistency(view, mask, pictures(view, wanted, rules), wanted, rules)
