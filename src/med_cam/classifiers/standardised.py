"""Per-image standardisation: each input less its own mean, over its own standard deviation.

As `tf.image.per_image_standardization` and z-scores of scans do. It is a part of the classifier:
where pixels are masked, mean and standard deviation are those of the masked input.
"""

import math

from jaxtyping import Float
from torch import Tensor


def standardised(
    pixels: Float[Tensor, "b c h w"], *, of_each_channel: bool
) -> Float[Tensor, "b c h w"]:
    """Mean 0 and standard deviation 1, of all values of an input or of each channel by itself.

    The standard deviation is at least 1 / sqrt(n), n values, in the unit of the pixels, as
    TensorFlow has it, so that one plain colour becomes 0.
    """
    axes = (2, 3) if of_each_channel else (1, 2, 3)
    count = math.prod(pixels.shape[axis] for axis in axes)
    centred = pixels - pixels.mean(axes, keepdim=True)
    variance = centred.square().mean(axes, keepdim=True)
    return centred / variance.clamp(min=1 / count).sqrt()
