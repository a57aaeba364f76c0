"""An exact lower bound on how often a hard mask retains the prediction.

The bound is Clopper and Pearson's (1934, doi 10.1093/biomet/26.4.404), one-sided. Samples are even
over the random baselines, not drawn at random among them: the number retained is then a sum of
binomials, less spread out than one binomial of the same mean (Hoeffding 1956, doi
10.1214/aoms/1177728178), so that the bound on the mixture stays valid.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.config.baselines import is_fixed
from med_cam.results.certificate import Certificate, Spread, reaches
from med_cam.results.edge import Edge
from med_cam.results.rate import Rate
from med_cam.verify.decision import Decision, lead, retained_share, retains

FIRST = 0.8  # of the risk that is left, for the mask that is tried; most are certified at once


def risk_of(tried: int, confidence: float) -> float:
    """The risk of the n-th mask tried: all of them together have 1 - confidence.

    Masks tried after a failure would otherwise be certified by luck in the end: the shares
    0.8, 0.16, 0.032, ... sum to 1 (a union bound).
    """
    return (1 - confidence) * FIRST * (1 - FIRST) ** (tried - 1)


def samples_for(wanted: float, risk: float, failures: int = 0) -> int:
    """The fewest samples whose bound is at least `wanted` though so many lose the decision."""
    samples = math.ceil(math.log(risk) / math.log(wanted) - 1e-9) + failures
    while not reaches(lower_bound(samples - failures, samples, risk), wanted):
        samples += 1
    return samples


def losses_allowed(tried: int, *, earlier: bool = False) -> int:
    """How many samples the n-th mask tried may lose: 1, 2, 4, ...

    A mask that retains the prediction in 99% of samples fails one time in two if all of 63 have
    to, and one time in four if 98 of 99 have to, which shows the same. Later masks get still more
    samples, so that what is good enough is not made larger for bad luck.

    Args:
        tried: from 1.
        earlier: as in results from before the first mask might lose one.
    """
    return max(0 if earlier else 1, 2 * (tried - 1))


def least_retained(samples: int, wanted: float, risk: float) -> int:
    """The fewest retained samples whose bound reaches `wanted`; one more than all if none does."""
    least = samples + 1
    while least and reaches(lower_bound(least - 1, samples, risk), wanted):
        least -= 1  # from above: few may be lost
    return least


def lower_bound(hits: int, trials: int, risk: float) -> float:
    """The probability of a hit is at least this, but for a share `risk` of all cases."""
    from scipy.stats import beta

    return float(beta.ppf(risk, hits, trials - hits + 1)) if hits else 0.0


def upper_bound(hits: int, trials: int, risk: float) -> float:
    """The probability of a hit is at most this, but for a share `risk` of all cases."""
    return 1 - lower_bound(trials - hits, trials, risk)


def rate(
    hits: int, trials: int, confidence: float, *, at_least: bool, edge: Edge | None = None
) -> Rate:
    """Hits among trials, with the bound from below or from above."""
    bound = lower_bound if at_least else upper_bound
    return Rate(trials, hits, bound(hits, trials, 1 - confidence), confidence, edge)


def certificate(
    seen: Mapping[str, Float[Tensor, "_ k"]],
    decision: Decision,
    *,
    wanted: float,
    confidence: float,
) -> Certificate:
    """The certificate of the first mask tried, from its predictions over each searched baseline.

    Args:
        seen: probabilities on the evidence over the samples of each baseline, evenly many of each
            random one.
        decision: what retaining the prediction means; from other samples.
        wanted: the bound that is required.
        confidence: of all masks tried together.
    """
    retained = {name: retained_share(p, decision) for name, p in seen.items()}
    random = [p for name, p in seen.items() if not is_fixed(name)]
    fixed = [p for name, p in seen.items() if is_fixed(name)]
    worst = min(retained, key=lambda name: retained[name])
    every = torch.cat(list(seen.values()))
    change = every[:, decision.target.index] - decision.target.p_image
    counted = Certificate(
        samples=sum(map(len, random)),
        retained=sum(int(retains(p, decision).sum()) for p in random),
        fixed=len(fixed),
        fixed_retained=sum(int(retains(p, decision).sum()) for p in fixed),
        confidence=confidence,
        tried=1,
        draw=1,
        risk=0.0,
        bound=0.0,
        wanted=wanted,
        worst=worst,
        worst_retained=retained[worst],
        margin=spread(lead(every, decision.target)),
        change=spread(change),
    )
    return as_tried(counted, 1, random=len(random))


def as_tried(found: Certificate, tried: int, *, random: int) -> Certificate:
    """The same samples as those of the n-th mask that was put to a certificate.

    Args:
        found: whose counts are taken.
        tried: from 1.
        random: number of random baselines, for the mixture with the fixed ones.
    """
    risk = risk_of(tried, found.confidence)
    if not found.samples:
        return replace(found, tried=tried, risk=0.0, bound=found.fixed_retained / found.fixed)
    bound = lower_bound(found.retained, found.samples, risk)
    mixed = (found.fixed_retained + random * bound) / (found.fixed + random)
    return replace(found, tried=tried, risk=risk, bound=min(bound, mixed))


def spread(values: Float[Tensor, " n"]) -> Spread:
    """Extremes and percentiles."""
    levels = values.new_tensor([0.0, 0.05, 0.5, 0.95, 1.0])
    return Spread(*values.quantile(levels).tolist())
