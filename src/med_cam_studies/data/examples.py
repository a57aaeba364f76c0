"""Images to train on, in memory, in the size of the model input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from med_cam.errors import DataError, ImageError
from med_cam_studies.data.collection import Item
from med_cam_studies.data.pixels import square


@dataclass(frozen=True, slots=True)
class Examples:
    """Images, grey or in colour, with one-hot targets; `broken` says which were left out."""

    images: UInt8[Tensor, "n c h w"]
    targets: Float[Tensor, "n k"]
    broken: tuple[str, ...] = ()

    @property
    def labels(self) -> Int[Tensor, " n"]:
        """The class of each image."""
        return self.targets.argmax(dim=1)


def examples(items: Sequence[Item], *, size: int, channels: int, classes: int) -> Examples:
    """Files as they are trained on; a broken one is reported and does not stop the others.

    Raises:
        DataError: if none can be read.
    """
    images, labels, broken = [], [], []
    for item in items:
        try:
            images.append(square(item.path, size=size, channels=channels))
            labels.append(item.label)
        except ImageError as error:
            broken.append(str(error))
    if not images:
        raise DataError(
            f"none of {len(items)} images can be read{f': {broken[0]}' if broken else '.'}"
        )
    targets = F.one_hot(torch.tensor(labels), classes).float()
    return Examples(torch.stack(images), targets, tuple(broken))
