"""Does the evidence speak for the label in pictures too, or only in a painted-over one?

A network can behave otherwise where an image is painted over than on pictures: a scaffold that
knows when it is audited does (Slack et al. 2020, arXiv 1911.02508), and one that took a flat
surround for a sign of its label. What is sufficient over grey says nothing of pictures then. So
the evidence is also laid into pictures that do not get the label: it need not turn them, since
their own content speaks against it, but it has to move them toward the label. It is laid in in two
ways: with a soft edge, and with a halo of what lies around it, which fades so slowly that there is
no edge. A network that knows masked inputs by their seams takes the second for a picture.

The pictures are reference images. Without any of use they are the image itself, blurred so far
that it does not get the label. Such pictures have the image's colours and light, and no flat
areas, noise or seams by which a network could know a masked input. There the evidence is laid in
with the mask's own edge, which shows nothing but the evidence and is the shortest seam there is,
and with the halo. Nothing in them speaks against the evidence: it has to move nearly all of them.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.settings import Verification
from med_cam.masking import Scene, View
from med_cam.removal.feather import feathered
from med_cam.results.check import Check
from med_cam.verify.decision import Target, share

APART = 1.0  # in log-odds: a picture nearer to the image than that cannot be moved toward it
BLURS = (0.16, 0.08, 0.25, 0.12, 0.05)  # standard deviations, in parts of the shorter side
FADED = (0.5, 0.65, 0.8)  # how far colours are moved to their mean, where no blur is of use
SOFT = 80  # a side over this is the radius of the soft edge, in pixels
HALO = 8  # a side over this is how far the halo reaches, in pixels
NAME = "consistency"
WAYS = 2  # in which the evidence is laid into each picture, see `edges`
TELLING = 6  # reference images, at least, of which none moves: that is no accident
STILL = 0.01  # of the way: less is no movement
OF_ITSELF = 0.85  # of the pictures made of the image itself have to move, both ways together
SEVERAL = 2  # of them that do not move at all: rare where a classifier is honest


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures to lay the evidence into, each predicted less as the label than the image is.

    Attributes:
        shown: as the classifier sees them; may be none.
        log_odds: of the label, on each alone.
        own: whether they are made of the image itself.
    """

    shown: Float[Tensor, "n c h w"]
    log_odds: Float[Tensor, " n"]
    own: bool


def pictures(view: View[Tensor], target: Target, rules: Verification) -> Pictures:
    """The pictures that the evidence of an image is laid into.

    Costs a pass for each that is tried, once for all claims of the image; none if
    `rules.consistency` is 0.
    """
    if not rules.consistency:
        return of_use(view, target, view.scene.x[:0], own=False)
    scene = view.scene
    others = scene.others if scene.alike is None else scene.alike
    found = of_use(view, target, spaced(others, rules.consistency_trials), own=False)
    if not len(found.shown):
        return made_of_the_image(view, target)
    most = max(1, rules.consistency_trials // WAYS)
    shown, odds = spaced(found.shown, most), spaced(found.log_odds, most)
    return Pictures(shown, odds, own=False)


def made_of_the_image(view: View[Tensor], target: Target) -> Pictures:
    """The image blurred; faded where it gets the label however blurred it is."""
    found = of_use(view, target, blurred_images(view.scene), own=True)
    if len(found.shown):
        return found
    return of_use(view, target, faded_images(view.scene.x), own=True)


def of_use(
    view: View[Tensor], target: Target, shown: Float[Tensor, "n c h w"], *, own: bool
) -> Pictures:
    """Those that are predicted less as the label than the image."""
    if not len(shown):
        return Pictures(shown, shown.new_zeros(0), own)
    odds = log_odds(view.classifier(shown), target)
    less = odds <= whole(odds, target) - APART
    return Pictures(shown[less], odds[less], own)


def consistency(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures | None,
    target: Target,
    rules: Verification,
) -> tuple[Check, ...]:
    """How many pictures the evidence moves toward the label; no check where there are none.

    A picture counts if its log-odds of the label go `rules.consistency` of the way to those of
    the whole image. Of reference images `rules.consistency_rate` have to, in the way of laying the
    evidence in that moves fewer; of pictures made of the image itself nearly all, in both ways
    together.

    Args:
        view: the classifier before the image.
        mask: the hard mask on trial.
        among: from `pictures`.
        target: the explained class.
        rules: the share of the way, and of the pictures.
    """
    if among is None or not len(among.shown):
        return ()
    moved = movement(view, mask, among, target) >= rules.consistency
    rate = share(moved.flatten()) if among.own else min(map(share, moved))
    wanted = max(rules.consistency_rate, OF_ITSELF) if among.own else rules.consistency_rate
    trials = moved.numel() if among.own else len(among.shown)
    return (Check(NAME, rate, wanted, trials, at_least=True, passed=rate >= wanted),)


def moves_none(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures | None,
    target: Target,
    rules: Verification,
) -> bool:
    """Whether the evidence does nothing at all in pictures.

    What is sufficient over a baseline and does nothing in any picture is no evidence: the
    classifier behaves otherwise on masked inputs than on pictures. Of reference images all have to
    stay, with the evidence shown in full and with what lies around it; of few nothing is said. Of
    pictures made of the image itself, which hold nothing that speaks against the evidence, several
    that stay where they are tell it.
    """
    if among is None or (not among.own and len(among.shown) < TELLING):
        return False
    gone = movement(view, mask, among, target)
    if among.own:
        return int((gone.abs() < STILL).sum()) >= SEVERAL
    return not bool((gone[-1] >= rules.consistency).any()) and gone[-1].mean().item() < STILL


def movement(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Float[Tensor, "ways n"]:
    """How far the evidence moves each picture, in parts of the way to the image's log-odds."""
    way = whole(among.log_odds, target) - among.log_odds  # n
    soft, halo = edges(mask).split(1)  # 1 1 h w each
    ways = (mask.to(halo) if among.own else soft, halo)
    odds = [log_odds(view.over(edge, among.shown), target) for edge in ways]
    return (torch.stack(odds) - among.log_odds) / way


def edges(mask: Bool[Tensor, "1 1 h w"]) -> Float[Tensor, "2 1 h w"]:
    """How far the image covers a picture, in two ways: with a soft edge, and with a halo.

    The soft edge lies inside the mask. The halo lies around its solid parts, which are shown in
    full; dust has none, or all of the image would be shown.
    """
    side = min(mask.shape[2:])
    radius = max(1, round(side / SOFT))
    soft = feathered(mask, radius)
    core = F.max_pool2d((soft > 0).float(), 2 * radius + 1, stride=1, padding=radius)
    solid = core * mask if bool(soft.any()) else mask.float()
    return torch.cat([soft, cone(solid, side / HALO)])


def cone(shape: Float[Tensor, "1 1 h w"], reach: float) -> Float[Tensor, "1 1 h w"]:
    """1 on the shape, and around it evenly down to 0 at a distance (of rows plus columns)."""
    for axis in (2, 3):
        slope = torch.arange(shape.shape[axis]).to(shape) / reach
        slope = slope.view(1, 1, -1, 1) if axis == 2 else slope
        onward = (shape + slope).cummax(axis).values - slope
        back = (onward.flip(axis) + slope).cummax(axis).values - slope
        shape = back.flip(axis)
    return shape.clamp(0, 1)


def spaced(images: Float[Tensor, "n *s"], most: int) -> Float[Tensor, "m *s"]:
    """At most so many of them, evenly spread: they may lie in order of their labels."""
    if len(images) <= most:
        return images
    return images[torch.arange(most) * len(images) // most]


def blurred_images(scene: Scene) -> Float[Tensor, "n c h w"]:
    """The image by each blur; padding stays as it is."""
    x, side = scene.x, min(scene.x.shape[2:])
    return torch.where(scene.valid, torch.cat([blurred(x, share * side) for share in BLURS]), x)


def blurred(x: Float[Tensor, "1 c h w"], deviation: float) -> Float[Tensor, "1 c h w"]:
    """By a Gaussian of this standard deviation, in pixels; the border goes on outside."""
    from scipy import ndimage

    spread = (0, 0, deviation, deviation)
    return torch.from_numpy(ndimage.gaussian_filter(x.cpu().numpy(), spread, mode="nearest")).to(x)


def faded_images(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "n c h w"]:
    """The image with its colours moved to their mean, by each strength."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    return torch.cat([mean + (1 - strength) * (x - mean) for strength in FADED])


def log_odds(p: Float[Tensor, "n k"], target: Target) -> Float[Tensor, " n"]:
    """Of the label against all else."""
    return p[:, target.index].double().clamp(1e-12, 1 - 1e-7).logit()


def whole(like: Tensor, target: Target) -> Tensor:
    """The log-odds of the label on the whole image."""
    return like.new_tensor(target.p_image).clamp(1e-12, 1 - 1e-7).logit()
