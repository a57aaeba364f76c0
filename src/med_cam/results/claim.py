"""Claims: that a mask is sufficient, relative to a declared set of baselines."""

from dataclasses import dataclass

from jaxtyping import Bool
from torch import Tensor

from med_cam.results.certificate import Certificate
from med_cam.results.check import BaselineResult, Check
from med_cam.results.notice import Notice
from med_cam.results.ranges import Count, Probability, Share


def too_small(effect: float, minimum: float) -> bool:
    """Whether an image scores so little above baselines alone that there is nothing to retain."""
    return effect < max(minimum, 1e-9)


SURE = 2 / 3  # a blank input with this probability of the target is predicted so with confidence


def given_anyway(p_baseline: float, p_image: float, minimum: float) -> bool:
    """Whether a baseline alone gives the target by itself, so that no mask has to."""
    return p_baseline >= SURE or too_small(p_image - p_baseline, minimum)


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found of one hard mask, over a declared set of baselines.

    Attributes:
        searched: names of the baselines that the claim is relative to.
        checks: one entry for each check; the claim holds only if all passed.
        baselines: one entry for each baseline, searched or only tried.
        p_image: probability of the target on the whole image.
        p_baseline: mean probability of the target on the searched baselines alone.
        threshold: probability of the target that a masked input has to reach.
        reference_images: source of the reference images of the check of its outline, in words.
        notices: warnings and plain facts, warnings first, of each the most telling first.
        minimum_effect: how far `p_image` has to lie above the probability on each searched
            baseline alone: with less, that baseline suffices by itself and nothing holds; nor
            where it gives the target with two thirds or more.
        certificate: how often, at least, the mask retains the prediction over these baselines;
            null if that was not bounded.
    """

    searched: tuple[str, ...]
    checks: tuple[Check, ...]
    baselines: tuple[BaselineResult, ...]
    p_image: Probability
    p_baseline: Probability
    threshold: Probability
    reference_images: str
    notices: tuple[Notice, ...]
    minimum_effect: Share = 0.0
    certificate: Certificate | None = None

    @property
    def holds(self) -> bool:
        """Whether every check passed, and `p_image` lies far enough above `p_baseline`."""
        return not self.baseline_suffices and all(check.passed for check in self.checks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences of those notices that are warnings, the most telling first."""
        return tuple(notice.text for notice in self.notices if notice.warns)

    @property
    def baseline_suffices(self) -> bool:
        """Whether a baseline alone gives the target, or about as well as the whole image does."""
        return bool(self.given_by)

    @property
    def given_by(self) -> tuple[str, ...]:
        """Names of the searched baselines that give the target by themselves."""
        return tuple(
            r.name
            for r in self.baselines
            if r.searched
            and given_anyway(r.baseline_probability, self.p_image, self.minimum_effect)
        )


@dataclass(frozen=True, slots=True)
class RestrictedClaim:
    """The smallest mask that holds on the baselines to which the classifier is robust.

    Never verified on the full set: `claim.searched` says which baselines it is relative to.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it.
        dropped: baselines that were given up.
        seed: from which its random samples are: not that of the full claim.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim
    dropped: tuple[str, ...]
    seed: Count


@dataclass(frozen=True, slots=True)
class BesideClaim:
    """A second claim on the same image, over other removals than the first.

    It neither adds to `verified` nor takes from it. Its certificate has a risk of its own, beside
    that of the first claim.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it; it may fail.
        images: reference images of other labels. Where the claim is over these, each sample shows
            one of them, any as likely as another, and the bound is on that draw.
        seed: from which its random samples are: not that of the first claim.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim
    images: Count
    seed: Count
