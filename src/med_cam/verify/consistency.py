"""Does the evidence speak for the label in pictures too, or only in a painted-over one?

A network can behave otherwise where an image is painted over than on pictures: a scaffold that
knows when it is audited does (Slack et al. 2020, arXiv 1911.02508), and one that took a flat
surround for a sign of its label. What is sufficient over grey says nothing of pictures then. So
the evidence is also laid, with a soft edge, into pictures that do not get the label: it need not
turn them, since their own content speaks against it, but it has to move them toward the label.

The pictures are reference images; without any of use, the image itself, faded.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.settings import Verification
from med_cam.masking import View
from med_cam.removal.feather import feathered
from med_cam.results import Check
from med_cam.verify.decision import Target, share

APART = 1.0  # in log-odds: a picture nearer to the image than that cannot be moved toward it
FADED = (0.5, 0.65, 0.8)  # strengths: how far the image's colours are moved to their mean
OF_FADED = 0.5  # of the faded images have to move: they are of one image, and few
FAR = 0.25  # of the way, where the image is faded: nothing in it speaks against the evidence
SOFT = 80  # a side over this is the radius of the soft edge, in pixels


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
    return found if len(found.shown) else of_use(view, target, faded_images(scene.x), faded=True)


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
    the whole image.

    Args:
        view: the classifier before the image.
        mask: the hard mask on trial.
        among: from `pictures`.
        target: the explained class.
        rules: the share of the way, and of the pictures.
    """
    if among is None or not len(among.shown):
        return ()
    edge = feathered(mask, max(1, round(min(mask.shape[2:]) / SOFT)))
    laid_in = view.over(edge, among.shown)
    way = whole(among.log_odds, target) - among.log_odds
    part = max(rules.consistency, FAR) if among.faded else rules.consistency
    moved = log_odds(laid_in, target) - among.log_odds >= part * way
    wanted = max(rules.consistency_rate, OF_FADED if among.faded else 0.0)
    rate = share(moved)
    trials = len(among.shown)
    return (Check("consistency", rate, wanted, trials, at_least=True, passed=rate >= wanted),)


def spaced(images: Float[Tensor, "n c h w"], most: int) -> Float[Tensor, "m c h w"]:
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
