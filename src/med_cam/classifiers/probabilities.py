"""Outputs that are probabilities, read as the logits that they came from.

The method compares logits and computes probabilities from them. For a network that ends in its
own softmax or sigmoid, log p and log(p / (1 - p)) are logits: softmax and sigmoid give p back.
"""

import torch
from jaxtyping import Float
from torch import Tensor

OUTPUTS = ("logits", "probabilities")


def as_logits(outputs: Float[Tensor, "b k"], *, head: str) -> Float[Tensor, "b k"]:
    """Logits of which the head makes these probabilities, for a softmax up to a constant.

    Where float32 has rounded a probability to 0 or 1 the logit is the last finite one (-87 and
    17), and its gradient is zero: that of the network's own ending is zero there as well.

    Args:
        outputs: in [0, 1]; of a lone output p stands for (1 - p, p) and the logit is that of p.
        head: "softmax" or "sigmoid".
    """
    outputs = outputs.float() if outputs.dtype in (torch.float16, torch.bfloat16) else outputs
    limits = torch.finfo(outputs.dtype)
    least = outputs.clamp(min=limits.tiny)
    if head == "softmax" and outputs.shape[1] > 1:
        return least.log()
    p = least.clamp(max=1 - limits.eps / 2)
    return p.log() - torch.log1p(-p)
