"""What the classifier says of the whole image, before anything is masked."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reference:
    """What the frozen classifier says of the whole image (paper section 3.1).

    Attributes:
        target: index of the explained class.
        head: "softmax" or "sigmoid"; decides what `probabilities` are.
        threshold: probability of the target that the search asks of masked inputs.
        logits: on the whole image.
        probabilities: on the whole image.
        activations: of the hooked layers on the whole image, in their order.
    """

    target: int
    head: str
    threshold: float
    logits: Float[Tensor, "1 k"]
    probabilities: Float[Tensor, "1 k"]
    activations: tuple[Tensor, ...]
