"""How far a mean over images may be off: bootstrap intervals, and exact ones for shares."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Generator

RESAMPLES = 10_000
LEVEL = 0.95
BATCH = 1000  # resamples at a time, so that memory stays small
SAME = 1e-12  # values that differ by less are rounded copies of one


class Interval(NamedTuple):
    """A mean and the bounds of its interval; NaN where the values do not determine it."""

    mean: float
    low: float
    high: float


def interval(
    values: Sequence[float],
    *,
    generator: Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The mean over images with its bootstrap interval (BCa; Efron 1987, 10.2307/2289144).

    Images are taken as independent. NaN counts as no value. For one value the bounds are NaN,
    because one image says nothing of the others; for equal values they are that value.

    Args:
        values: one per image.
        generator: on the CPU; one number is taken from it, whatever the values are.
        resamples: of the bootstrap.
        level: share of such intervals that hold the true mean.
    """
    rng = np.random.default_rng(int(torch.randint(2**63 - 1, (), generator=generator)))
    known = np.array([value for value in values if not math.isnan(value)], dtype=np.float64)
    if len(known) == 0:
        return Interval(math.nan, math.nan, math.nan)
    mean = float(known.mean())
    if len(known) == 1:
        return Interval(mean, math.nan, math.nan)
    if np.ptp(known) < SAME:  # BCa is not defined here
        return Interval(mean, mean, mean)
    from scipy.stats import bootstrap  # here, since it takes seconds to import

    bounds = bootstrap(
        (known,), np.mean, n_resamples=resamples, batch=BATCH, confidence_level=level, rng=rng
    ).confidence_interval
    return Interval(mean, float(bounds.low), float(bounds.high))


def difference(
    ours: Sequence[float],
    theirs: Sequence[float],
    *,
    generator: Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The mean of ours - theirs over the same images; a pair with a NaN counts as no value.

    Raises:
        ValueError: if there are not as many of both.
    """
    pairs = [a - b for a, b in zip(ours, theirs, strict=True)]
    return interval(pairs, generator=generator, resamples=resamples, level=level)


def share_interval(count: int, of: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Exact bounds of a share (Clopper and Pearson 1934, 10.1093/biomet/26.4.404).

    NaN if `of` is 0.
    """
    if of == 0:
        return math.nan, math.nan
    from scipy.stats import binomtest

    bounds = binomtest(count, of).proportion_ci(level, method="exact")
    return float(bounds.low), float(bounds.high)
