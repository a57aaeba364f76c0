"""What was measured of a hard mask: over each baseline, and by each check."""

import math
from dataclasses import dataclass
from typing import Annotated

from med_cam.results.edge import Edge
from med_cam.results.ranges import Count, Limit, Number, Probability

# The checks of a claim by name, as explanation.json has them.
SUFFICIENCY, SHAPE_LEAKAGE, SHIFT_STABILITY = "sufficiency", "shape_leakage", "shift_stability"
CONSISTENCY, SPECIFICITY = "consistency", "specificity"


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """How the mask fared over one baseline, and what that baseline alone is predicted to be.

    Attributes:
        name: name of the baseline.
        searched: true: the search and the claim rest on it. False: it was only tried afterwards.
        samples: masked inputs, one for each random sample of the baseline.
        retained: of those, how many retain the prediction: target first, and `threshold` reached.
        retained_top1: of those, on how many the target is merely first (the paper's weaker
            figure).
        lowest: lowest probability of the target over the samples.
        mean: mean probability of the target over the samples.
        baseline_label: what the classifier most often predicts on this baseline without any
            evidence.
        baseline_probability: mean probability of the target on this baseline alone.
        baseline_retained: share of samples on which this baseline alone gives the target.
        edge: how near its outcomes, those of this baseline alone among them, are to others; null
            if that was not looked at.
    """

    name: str
    searched: bool
    samples: Count
    retained: Count
    retained_top1: Count
    lowest: Probability
    mean: Probability
    baseline_label: str
    baseline_probability: Probability
    baseline_retained: Probability
    edge: Edge | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One tested property of the hard mask, with the number it was judged by.

    Attributes:
        name: `sufficiency`, `shape_leakage`, `shift_stability`, `consistency` or `specificity`.
        value: the rate that was measured, over `trials` masked inputs.
        threshold: the rate it was judged by.
        trials: masked inputs put to the classifier for this check.
        at_least: true: `value` has to reach `threshold`. False: it may not exceed it.
        passed: whether it did.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    name: str
    value: Probability
    threshold: Limit
    trials: Count
    at_least: bool
    passed: bool
    edge: Edge | None = None

    @property
    def spare(self) -> Annotated[int, Number()] | None:
        """How many masked inputs more could have the other outcome and it would still pass.

        Negative: how many fewer would have to have it. Null if there were none.
        """
        gap = (self.value - self.threshold) * self.trials
        if not self.trials or not math.isfinite(gap):
            return None
        whole = math.floor((gap if self.at_least else -gap) + 1e-9)
        return whole if self.passed else min(whole, -1)
