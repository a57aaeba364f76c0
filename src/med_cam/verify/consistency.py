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
areas, noise or seams by which a network could know a masked input; some have its grain as well.
There the evidence is laid in with the mask's own edge, which shows nothing but the evidence and
is the shortest seam there is, and with the halo. Nothing in them speaks against the evidence: it
has to move nearly all of them.

Each way leaves a trace, or shows too much (`laid_in`). A network can move pictures in each for
another reason, none of which is the evidence: by the seam that it knows, and by what the halo
shows. So reference images do not replace the blurred image. With them or without, the evidence
alone has to do something in nearly all blurred images: with its own edge, and in surroundings
that take on its tone.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.results.check import CONSISTENCY, Check
from med_cam.verify.decision import Target, share
from med_cam.verify.laid_in import SOFT, edges, in_its_tone

APART = 1.0  # in log-odds: a picture nearer to the image than that cannot be moved toward it
BLURS = (0.16, 0.08, 0.25, 0.12, 0.05)  # standard deviations, in parts of the shorter side
FADED = (0.5, 0.65, 0.8)  # how far colours are moved to their mean, where no blur is of use
WAYS = 2  # in which the evidence is laid into each picture, see `edges`
TELLING = 6  # reference images, at least, of which none moves: that is no accident
STILL = 0.01  # of the way: less is no movement
OF_ITSELF = 0.85  # of the pictures made of the image itself have to move, both ways together
SEVERAL = 2  # of them that do not move at all: rare where a classifier is honest
GRAINED = 2  # blurs with the grain of the image: with it, more images get their label blurred too
GRAIN = 3.0  # times what pixels differ by from what lies around them, in the middle: no outlines


@dataclass(frozen=True, slots=True)
class Pictures:
    """Pictures to lay the evidence into, each predicted less as the label than the image is.

    Attributes:
        shown: as the classifier sees them; may be none.
        log_odds: of the label, on each alone.
        own: whether they are made of the image itself.
        beside: the image itself, blurred, where the others are reference images; None where it is
            of no use.
    """

    shown: Float[Tensor, "n c h w"]
    log_odds: Float[Tensor, " n"]
    own: bool
    beside: "Pictures | None" = None


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
    itself = of_use(view, target, blurred_images(scene), own=True)
    beside = itself if len(itself.shown) >= SEVERAL else None  # one alone may be an accident
    return Pictures(shown, odds, own=False, beside=beside)


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
    check = in_all_ways(view, mask, among, target, rules)
    itself = among if among.own else among.beside
    if not check.passed or itself is None:
        return (check,)
    seen = seen_in_itself(view, mask, itself, target)
    return (check,) if seen.passed else (seen,)


def in_all_ways(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures,
    target: Target,
    rules: Verification,
) -> Check:
    """How many pictures move, in both ways of laying the evidence in."""
    moved = movement(view, mask, among, target) >= rules.consistency
    rate = share(moved.flatten()) if among.own else min(map(share, moved))
    wanted = max(rules.consistency_rate, OF_ITSELF) if among.own else rules.consistency_rate
    trials = moved.numel() if among.own else len(among.shown)
    return Check(CONSISTENCY, rate, wanted, trials, at_least=True, passed=rate >= wanted)


def seen_in_itself(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Check:
    """How many blurred images move at all, in any direction, where the evidence alone is shown.

    The face that a network has on pictures does not see what its other face looks at: a picture
    that it takes for one stays exactly where it is. Whatever an honest network sees of the
    evidence does something. Shown is the evidence with its own edge, and in surroundings of its
    tone: no way of laying it in looks like a picture to every network.
    """
    moved = torch.cat([by_edge(view, mask, among, target), by_tone(view, mask, among, target)])
    rate = share(moved.abs() >= STILL)
    return Check(CONSISTENCY, rate, OF_ITSELF, len(moved), at_least=True, passed=rate >= OF_ITSELF)


def by_edge(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Float[Tensor, " n"]:
    """How far each picture goes by the evidence with the mask's own edge."""
    return gone(view.over(mask.to(among.shown), among.shown), among, target)


def by_tone(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Float[Tensor, " n"]:
    """The same in surroundings of its tone."""
    around = in_its_tone(view.scene.x, mask, among.shown)
    return gone(view.over(mask.to(around), around), among, target)


def moves_none(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    among: Pictures | None,
    target: Target,
    rules: Verification,
) -> bool:
    """Whether the evidence does nothing in pictures.

    What is sufficient over a baseline and does nothing in any picture is no evidence: the
    classifier behaves otherwise on masked inputs than on pictures. Of reference images all have to
    stay, with the evidence shown in full and with what lies around it; of few nothing is said.
    What lies around it may be what pictures get the label for; so it is told, too, by several
    blurred images that stay where the evidence alone is shown, or, where there are no reference
    images, in any way.
    """
    if among is None or not len(among.shown):
        return False
    if among.own:
        return int((movement(view, mask, among, target).abs() < STILL).sum()) >= SEVERAL
    itself, far = among.beside, movement(view, mask, among, target)[-1]
    none = not bool((far >= rules.consistency).any()) and far.mean().item() < STILL
    if none and len(far) >= TELLING:
        return True
    return itself is not None and not seen_in_itself(view, mask, itself, target).passed


def movement(
    view: View[Tensor], mask: Bool[Tensor, "1 1 h w"], among: Pictures, target: Target
) -> Float[Tensor, "ways n"]:
    """How far the evidence moves each picture, in parts of the way to the image's log-odds."""
    soft, halo = edges(mask).split(1)  # 1 1 h w each
    ways = (mask.to(halo) if among.own else soft, halo)
    odds = [view.over(edge, among.shown) for edge in ways]
    return torch.stack([gone(p, among, target) for p in odds])


def gone(p: Float[Tensor, "n k"], among: Pictures, target: Target) -> Float[Tensor, " n"]:
    """How far each picture has gone, in parts of its way to the image."""
    way = whole(among.log_odds, target) - among.log_odds
    return (log_odds(p, target) - among.log_odds) / way


def spaced(images: Float[Tensor, "n *s"], most: int) -> Float[Tensor, "m *s"]:
    """At most so many of them, evenly spread: they may lie in order of their labels."""
    if len(images) <= most:
        return images
    return images[torch.arange(most) * len(images) // most]


def blurred_images(scene: Scene) -> Float[Tensor, "n c h w"]:
    """The image by each blur, the first with its own grain; padding stays as it is."""
    x, side = scene.x, min(scene.x.shape[2:])
    shown = torch.cat([blurred(x, share * side) for share in BLURS])
    shown[:GRAINED] += grain(scene)
    return torch.where(scene.valid, shown, x)


def grain(scene: Scene) -> Float[Tensor, "1 c h w"]:
    """What pixels differ by from what lies around them, as far as it is usual in the image.

    A picture has it everywhere, and a network could know by it what was blurred. Outlines, of
    which the label may be made, differ by more than is usual: hardly anything of them is left.
    """
    x = scene.x
    fine = x - blurred(x, min(x.shape[2:]) / SOFT)
    size = fine[scene.valid.expand_as(fine)].abs()
    size = size[size > 0]  # large areas of one colour say nothing of the rest
    usual = size.median().item() if len(size) else 0.0
    return fine.clamp(-GRAIN * usual, GRAIN * usual)


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
