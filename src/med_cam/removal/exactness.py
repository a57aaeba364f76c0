"""Does a classifier carry a removal inside the network? Tested on the classifier itself.

Three things have to hold exactly, or the removal is refused for it:

1. with everything shown the answer is the network's own;
2. with nothing shown it is one constant, whatever the image;
3. hidden pixels have no influence: other pixels in their place, and other numbers in the hidden
   places of every layer, leave the answer as it is, bit for bit.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.errors import ClassifierError
from med_cam.removal.hidden import Hidden

TOLERANCE = 1e-5  # of the largest logit: another order of sums
INTRUDERS = (3.7, -1.9)
CELLS = 5  # a side of the random mask
Logits = Callable[[Tensor, Hidden], Tensor]


def refuse_inexact(
    removal: str,
    logits: Logits,
    x: Float[Tensor, "1 c h w"],
    own: Float[Tensor, "1 k"],
    another: Float[Tensor, "n c h w"] | None = None,
) -> None:
    """Test a removal on an image; five passes.

    Args:
        removal: its name.
        logits: the classifier under a mask.
        x: the image as the classifier sees it.
        own: the classifier's logits for it.
        another: images of other labels, the first of which is hidden in its place where nothing
            is shown: a network that hardly looks at `x` may tell those two apart. Else, and where
            a part is shown, it is `x` turned around, and brighter.

    Raises:
        ClassifierError: saying what does not hold.
    """
    tried = tried_under(removal, logits)
    everything, nothing = torch.ones_like(x[:, :1]), torch.zeros_like(x[:, :1])
    shown = tried(x, everything, 0.0)
    off = (shown - own).abs().max().item()
    if not off <= TOLERANCE * max(1.0, own.abs().max().item()):
        raise ClassifierError(
            f"{removal} does not fit this classifier: with everything shown its logits are "
            f"{off:.2g} off the network's own"
        )
    turned = x.flip((2, 3)) + 1
    unlike = turned if another is None or not len(another) else another[:1]
    for mask, beneath, what in (
        (nothing, unlike, "with nothing shown"),
        (smooth_mask(x), turned, "with a part shown"),
    ):
        other = torch.where(mask > 0, x, beneath)  # what is hidden, and only that
        answers = [
            tried(pixels, mask, intruder)
            for pixels, intruder in zip((x, other), INTRUDERS, strict=True)
        ]
        if not torch.equal(*answers) or not bool(answers[0].isfinite().all()):
            raise ClassifierError(
                f"{removal} does not fit this classifier: {what}, its answer still depends on "
                "what is hidden; some layer reads it in a way that this removal cannot follow"
            )


def tried_under(removal: str, logits: Logits) -> Callable[[Tensor, Tensor, float], Tensor]:
    """The logits for an image, a mask and an intruder; what goes wrong inside is a refusal."""

    def tried(x: Tensor, mask: Tensor, intruder: float) -> Tensor:
        try:
            return logits(x, Hidden(removal, mask, intruder))
        except ClassifierError:
            raise
        except Exception as error:
            reason = (str(error).splitlines() or [""])[0].rstrip(".")
            raise ClassifierError(
                f"{removal} does not fit this classifier, which does not run under a mask "
                f"({type(error).__name__}: {reason})"
            ) from error

    return tried


def smooth_mask(x: Float[Tensor, "1 c h w"]) -> Float[Tensor, "1 1 h w"]:
    """About half of the image, in smooth shapes: the same for every image of a size."""
    field = torch.randn(1, 1, CELLS, CELLS, generator=Generator().manual_seed(0))
    raised = F.interpolate(field, x.shape[2:], mode="bicubic", align_corners=False)
    return (raised > raised.median()).to(x)
