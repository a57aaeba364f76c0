"""How far one prediction is from another: Kullback and Leibler, for either kind of head."""

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def kl_divergence(
    logits: Float[Tensor, "b k"], reference: Float[Tensor, "1 k"]
) -> Float[Tensor, " b"]:
    """L_KL = KL(softmax f(x) || softmax f(e)), in nats."""
    log_p, log_q = reference.log_softmax(dim=1), logits.log_softmax(dim=1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=1)


def bernoulli_kl(
    logits: Float[Tensor, "b k"], reference: Float[Tensor, "1 k"]
) -> Float[Tensor, " b"]:
    """L_KL for sigmoid heads: the sum over outputs of KL(Bernoulli f(x) || Bernoulli f(e))."""
    p = reference.sigmoid()
    on = p * (F.logsigmoid(reference) - F.logsigmoid(logits))
    off = (1 - p) * (F.logsigmoid(-reference) - F.logsigmoid(-logits))
    return (on + off).sum(dim=1)
