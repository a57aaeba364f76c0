"""The ladder: claims weaker than sufficiency, where that holds on no small mask."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Bool
from torch import Tensor

from med_cam.results.certificate import reaches
from med_cam.results.edge import Edge
from med_cam.results.ranges import Count, OneOf, Positive, Share

RUNGS = ("sufficient", "restricted", "graded", "necessary", "ranked")  # strongest first
CHANCE = 0.05  # random masks may do as well as the mask of a rung with at most this probability


@dataclass(frozen=True, slots=True)
class Control:
    """The negative control of a rung: smooth random masks of the same area.

    Attributes:
        masks: random masks, each put to the classifier on one sample of its own; for `ranked` on
            the samples of the rung's mask.
        hits: of those, how many did what the rung says of its mask; for `ranked` how many scored
            at least as high.
        chance: (1 + `hits`) / (1 + `masks`): with which probability at most a random mask would
            stand out as far among so many others.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    masks: Positive
    hits: Count
    chance: Share
    edge: Edge | None = None

    @property
    def holds(self) -> bool:
        """Whether random masks do it no more often than chance allows: `chance` up to 0.05."""
        return self.chance <= CHANCE + 1e-12


@dataclass(frozen=True, slots=True)
class Consistency:
    """The check `consistency` on the mask of a rung: laid into pictures, it moves them.

    Attributes:
        value: share of the pictures that it moves toward the label.
        threshold: the share that is required.
        trials: pictures.
        passed: whether `value` reaches it.
    """

    value: Share
    threshold: Share
    trials: Count
    passed: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """A claim that is weaker than sufficiency over all declared removals, and its mask.

    Attributes:
        name: `restricted`: the mask is sufficient on some of the declared removals, or on others
            where it is robust to none of them. `graded`: it
            is sufficient where the rest of the image is moved `strength` of the way to its
            removal, or to the image's own blur (grey and noise, where the blurred image gets the
            label by itself) where every removal is inside the network.
            `necessary`: the prediction changes where the mask is hidden and the rest
            shown. `ranked`: the target scores higher on the mask than on random masks.
        mask: true = the region, in the source image's own pixels.
        area: share of the source image's pixels in it.
        searched: removals that it is relative to.
        strength: share of the way from the image to the removal; 1 is the removal itself.
        samples: masked inputs over random removals, evenly of each.
        hits: of those, how many came out as the rung says; for `ranked` all that were scored.
        fixed: removals that are the same at every sample; one masked input settles each.
        fixed_hits: of those, how many came out as the rung says.
        risk: part of 1 - `config.verification.confidence` that the bound has; for `ranked` the
            limit of `control.chance`.
        bound: lower bound on the probability that a sample comes out so; 0 for `ranked`, which
            has `control.chance` in its place.
        wanted: the bound that was asked for.
        control: the same of random masks of this area.
        consistency: whether the mask speaks for the label in pictures too; null for `necessary`,
            and where there are no pictures to lay it into.
        edge: how near the outcomes are to others; null if that was not looked at.
    """

    name: Annotated[str, OneOf(RUNGS[1:])]
    mask: Bool[Tensor, "h w"]
    area: Share
    searched: tuple[str, ...]
    strength: Share
    samples: Count
    hits: Count
    fixed: Count
    fixed_hits: Count
    risk: Share
    bound: Share
    wanted: Share
    control: Control
    consistency: Consistency | None = None
    edge: Edge | None = None

    @property
    def holds(self) -> bool:
        """Whether its bound reaches `wanted`, its control holds, and it is consistent."""
        if not (self.control.holds and (self.consistency is None or self.consistency.passed)):
            return False
        if self.name == "ranked":
            return self.control.chance <= self.risk + 1e-12
        return reaches(self.bound, self.wanted) and self.fixed_hits == self.fixed


@dataclass(frozen=True, slots=True)
class Attempt:
    """A rung that was tried, or why it was not.

    Attributes:
        name: of the rung; `sufficient` is the claim of the explanation itself.
        outcome: `holds`, `refused`, `not_tried` (it says nothing here) or `no_passes` (those that
            were allowed did not suffice).
        bounds: masks of it for which a bound was computed.
        risk: part of 1 - `config.verification.confidence` that these took. Those of all rungs
            add up to no more than that.
        why: why it does not hold; empty if it does.
    """

    name: Annotated[str, OneOf(RUNGS)]
    outcome: Annotated[str, OneOf(("holds", "refused", "not_tried", "no_passes"))]
    bounds: Count
    risk: Share
    why: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The strongest claim that holds where no mask of at most half of the image is sufficient.

    Attributes:
        name: of the strongest rung that holds; `nothing` if none does.
        sentence: what it says, with its bound; or why nothing holds.
        rung: the claim and its mask; null if nothing holds.
        tried: every rung down to that one, strongest first, with its outcome.
        passes: inputs sent through the classifier for it, forward; without the search of the
            restricted claim.
    """

    name: Annotated[str, OneOf((*RUNGS[1:], "nothing"))]
    sentence: str
    rung: Rung | None
    tried: tuple[Attempt, ...]
    passes: Count
