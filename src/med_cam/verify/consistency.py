"""Does the evidence speak for the label in pictures too, or only in a painted-over one?

A network can behave otherwise where an image is painted over than on pictures: a scaffold that
knows when it is audited does (Slack et al. 2020, arXiv 1911.02508), and one that took a flat
surround for a sign of its label. What is sufficient over grey says nothing of pictures then. So
the evidence is also laid into pictures that do not get the label: it need not turn them, since
their own content speaks against it, but it has to move them toward the label. It is laid in in two
ways: with a soft edge, and with a halo of what lies around it, which fades so slowly that there is
no edge. A network that knows masked inputs by their seams takes the second for a picture.

The pictures are reference images; without any of use, the image itself, faded.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.settings import Verification
from med_cam.masking import View
from med_cam.removal.feather import feathered
from med_cam.results.check import Check
from med_cam.verify.decision import Target, share

APART = 1.0  # in log-odds: a picture nearer to the image than that cannot be moved toward it
FADED = (0.5, 0.65, 0.8)  # strengths: how far the image's colours are moved to their mean
OF_FADED = 0.5  # of the faded images have to move: they are of one image, and few
FAR = 0.25  # of the way, where the image is faded: nothing in it speaks against the evidence
SOFT = 80  # a side over this is the radius of the soft edge, in pixels
HALO = 8  # a side over this is how far the halo reaches, in pixels
WAYS = 2  # in which the evidence is laid into each picture, see `edges`
TELLING = 6  # reference images, at least, of which none moves: that is no accident
STILL = 0.01  # of the way, in mean: less is no movement


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures to lay the evidence into, each predicted less as the label than the image is.

    Attributes:
        shown: as the classifier sees them; may be none.
        log_odds: of the label, on each alone.
        faded: whether they are the image itself, faded.
    """

    shown: Float[Tensor, "n c h w"]
    log_odds: Float[Tensor, " n"]
    faded: bool


def pictures(view: View[Tensor], target: Target, rules: Verification) -> Pictures:
    """The pictures that the evidence of an image is laid into.

    Costs a pass for each that is tried, once for all claims of the image; none if
    `rules.consistency` is 0.
    """
    if not rules.consistency:
        return of_use(view, target, view.scene.x[:0], faded=False)
    scene = view.scene
    others = scene.others if scene.alike is None else scene.alike
    found = of_use(view, target, spaced(others, rules.consistency_trials), faded=False)
    if not len(found.shown):
        return of_use(view, target, faded_images(scene.x), faded=True)
    most = max(1, rules.consistency_trials // WAYS)
    shown, odds = spaced(found.shown, most), spaced(found.log_odds, most)
    return Pictures(shown, odds, faded=False)


def of_use(
    view: View[Tensor], target: Target, shown: Float[Tensor, "n c h w"], *, faded: bool
) -> Pictures:
    """Those that are predicted less as the label than the image."""
    if not len(shown):
        return Pictures(shown, shown.new_zeros(0), faded)
    odds = log_odds(view.classifier(shown), target)
    less = odds <= whole(odds, target) - APART
    return Pictures(shown[less], odds[less], faded)


def consistency(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures | None,
    target: Target,
    rules: Verification,
) -> tuple[Check, ...]:
    """How many pictures the evidence moves toward the label; no check where there are none.

    A picture counts if its log-odds of the label go `rules.consistency` of the way to those of
    the whole image. The rate is that of the way of laying the evidence in that moves fewer.

    Args:
        view: the classifier before the image.
        mask: the hard mask on trial.
        among: from `pictures`.
        target: the explained class.
        rules: the share of the way, and of the pictures.
    """
    if among is None or not len(among.shown):
        return ()
    part = max(rules.consistency, FAR) if among.faded else rules.consistency
    gone = movement(view, mask, among, target)
    rate = min(share(way >= part) for way in gone)
    wanted = max(rules.consistency_rate, OF_FADED if among.faded else 0.0)
    trials = len(among.shown)
    return (Check("consistency", rate, wanted, trials, at_least=True, passed=rate >= wanted),)


def moves_none(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures | None,
    target: Target,
    rules: Verification,
) -> bool:
    """Whether the evidence, shown in full and with what lies around it, moves no picture at all.

    What is sufficient over a baseline and does nothing in any picture is no evidence: the
    classifier behaves otherwise on masked inputs than on pictures. Of few reference images
    nothing is said.
    """
    if among is None or len(among.shown) < (len(FADED) if among.faded else TELLING):
        return False
    gone = movement(view, mask, among, target)[-1]
    return not bool((gone >= rules.consistency).any()) and gone.mean().item() < STILL


def movement(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Float[Tensor, "2 n"]:
    """How far the evidence moves each picture, in parts of the way to the image's log-odds."""
    way = whole(among.log_odds, target) - among.log_odds  # n
    odds = [log_odds(view.over(edge, among.shown), target) for edge in edges(mask).split(1)]
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
