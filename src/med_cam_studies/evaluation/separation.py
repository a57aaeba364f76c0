"""How well a number tells two groups of images apart: the area under the ROC curve."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.stats import bootstrap, mannwhitneyu
from torch import Generator

from med_cam_studies.evaluation.intervals import LEVEL, Interval

RESAMPLES = 2000
BATCH = 200  # resamples at a time, so that memory stays small


def separation(
    above: Sequence[float],
    below: Sequence[float],
    *,
    generator: Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The share of pairs in which the first group has the higher number; ties count half.

    That is the area under the ROC curve (Hanley and McNeil 1982, 10.1148/radiology.143.1.7063747),
    with the percentile interval of a bootstrap that draws from each group by itself. Images are
    taken as independent. The bounds are NaN where one group has fewer than two numbers, and where
    no number of one group reaches into the other: resampling would call 1 certain.

    Args:
        above: of the group that is expected to have the higher numbers; none is NaN.
        below: of the other one.
        generator: on the CPU; one number is taken from it, whatever the values are.
        resamples: of the bootstrap.
        level: share of such intervals that hold the true area.
    """
    rng = np.random.default_rng(int(torch.randint(2**63 - 1, (), generator=generator)))
    if not above or not below:
        return Interval(math.nan, math.nan, math.nan)
    groups = (np.array(above, dtype=np.float64), np.array(below, dtype=np.float64))
    area = float(_area(*groups))
    if min(len(above), len(below)) < 2 or area in (0.0, 1.0):
        return Interval(area, math.nan, math.nan)
    bounds = bootstrap(
        groups,
        _area,
        n_resamples=resamples,
        batch=BATCH,
        vectorized=True,
        confidence_level=level,
        method="percentile",
        rng=rng,
    ).confidence_interval
    return Interval(area, float(bounds.low), float(bounds.high))


def _area(above: Any, below: Any, axis: int = -1) -> Any:  # noqa: ANN401  arrays, as scipy calls it
    pairs = above.shape[axis] * below.shape[axis]
    u = mannwhitneyu(above, below, axis=axis, method="asymptotic").statistic
    return u / pairs
