"""In which order the terms of the loss come in, how sharp a soft mask is, and at which rate.

The paper gives an objective and leaves the way to its optimum open. With its weights the area
costs a hundred times what a probability does: a mask that starts at one half everywhere is emptied
before the other terms have told one pixel from the next, and where it is empty its sigmoid has no
gradient left. So the sparse terms come in slowly, after the others have ordered the pixels; then
the mask is sharpened, so that little is lost when it is cut at one half; and the steps become
smaller.
"""

import math
from dataclasses import replace

from med_cam.config.settings import Objective, Search

SPARSE = ("area", "binarization", "total_variation")  # the paper's second group (section 3.4)
SLOWEST = 0.05  # of the learning rate, at the end


def so_far(objective: Objective, settings: Search, step: int) -> Objective:
    """The objective of this step: its sparse terms at the weight that they have come to."""
    part = risen(step / settings.steps, settings.sparse_from, settings.sparse_until)
    if part == 1:
        return objective
    weights = objective.weights
    weaker = {name: part * getattr(weights, name) for name in SPARSE}
    return replace(objective, weights=replace(weights, **weaker))


def sharpness(settings: Search, step: int) -> float:
    """The factor on the scores of a soft mask in this step; in [1, `settings.sharpness`]."""
    part = risen(step / settings.steps, settings.sharper_from, 1.0)
    factor: float = settings.sharpness**part
    return factor


def learning_rate(settings: Search, step: int) -> float:
    """Of the optimiser in this step."""
    part = risen(step / settings.steps, settings.slower_from, 1.0)
    slowed = SLOWEST + (1 - SLOWEST) * (1 + math.cos(math.pi * part)) / 2
    return settings.learning_rate * (slowed if part else 1.0)


def risen(at: float, start: float, end: float) -> float:
    """1 from the end on, before that 0 up to the start, and a straight line between them."""
    if at >= end:
        return 1.0
    return 0.0 if at <= start else (at - start) / (end - start)
