"""The bound on how often a mask retains the prediction."""

from dataclasses import dataclass

from med_cam.results.ranges import Count, Positive, Probability, Share


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over many samples.

    Attributes:
        lowest: lowest of the samples.
        low: 5th percentile.
        middle: 50th percentile.
        high: 95th percentile.
        highest: highest of the samples.
    """

    lowest: float
    low: float
    middle: float
    high: float
    highest: float


def reaches(bound: float, wanted: float) -> bool:
    """Whether a bound is as high as it was asked for, but for rounding."""
    return bound >= wanted - 1e-12


@dataclass(frozen=True, slots=True)
class Certificate:
    """How often, at least, a hard mask retains the prediction over the baselines of its claim.

    Attributes:
        samples: masked inputs over random baselines, evenly of each.
        retained: of those, how many retain the prediction.
        fixed: baselines that are the same at every sample; one masked input settles each.
        fixed_retained: of those, how many retain the prediction.
        confidence: confidence of the bounds of all masks together that were put to a certificate
            for this image.
        tried: which of those masks this one is, from 1.
        draw: which draw of samples it is judged on, from 1: that of a mask that failed another
            check first is left unseen, and not used again.
        risk: with which probability at most `bound` is too high: this mask's part of
            1 - `confidence`.
        bound: lower bound on the probability that a sample retains the prediction: of the random
            baselines in even mixture, and of all of them in even mixture.
        wanted: the bound that was asked for.
        worst: the baseline on which the prediction is retained least often.
        worst_retained: share of its samples that retain the prediction.
        margin: over all samples: probability of the target minus that of the best other class, for
            sigmoid heads minus the output's threshold.
        change: over all samples: probability of the target minus that on the whole image.
    """

    samples: Count
    retained: Count
    fixed: Count
    fixed_retained: Count
    confidence: Share
    tried: Positive
    draw: Positive
    risk: Share
    bound: Share
    wanted: Share
    worst: str
    worst_retained: Probability
    margin: Spread
    change: Spread

    @property
    def holds(self) -> bool:
        """Whether `bound` reaches `wanted`, and no fixed baseline breaks the prediction."""
        return reaches(self.bound, self.wanted) and self.fixed_retained == self.fixed
