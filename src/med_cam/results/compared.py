"""What other methods show at the area of the evidence."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Bool
from torch import Tensor

from med_cam.results.passes import Passes
from med_cam.results.ranges import Count, OneOf, Probability, Share

OTHER_METHODS = (
    "grad_cam",
    "grad_cam_plus_plus",
    "attention_rollout",
    "rise",
    "extremal_perturbations",
)


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How often a mask retains the prediction over one baseline, on a few samples.

    Attributes:
        name: name of the baseline.
        samples: masked inputs.
        retained: of those, how many retain the prediction, as the claim asks it.
    """

    name: str
    samples: Count
    retained: Count


@dataclass(frozen=True, slots=True)
class OtherMethod:
    """What another method shows at the area of the evidence; nothing is claimed of it.

    Attributes:
        method: name of the method.
        layer: the layer that its map is of; null if it is of none, or of all.
        mask: true = the highest of its map, in the source image's own pixels.
        area: share of the source image's pixels in it.
        iou: intersection over union with the evidence.
        chance: what two random masks of these areas would have.
        looks: a first look, one entry for each baseline of the claim; empty where the target is
            not predicted.
        passes: inputs sent through the classifier for its map and the looks, not counted in the
            explanation's own.
    """

    method: Annotated[str, OneOf(OTHER_METHODS)]
    layer: str | None
    mask: Bool[Tensor, "h w"]
    area: Share
    iou: Probability
    chance: Probability
    looks: tuple[FirstLook, ...]
    passes: Passes
