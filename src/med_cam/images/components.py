"""The connected parts of a mask."""

import numpy as np
import scipy.ndimage
from jaxtyping import Bool
from torch import Tensor


def components(mask: Bool[Tensor, "h w"]) -> int:
    """Connected parts; pixels that touch at a corner are connected."""
    return int(scipy.ndimage.label(mask.cpu().numpy(), structure=np.ones((3, 3)))[1])
