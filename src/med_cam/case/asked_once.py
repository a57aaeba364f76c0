"""No masked input is put to a classifier twice: its answer is remembered.

The cut, the reduction, the certificate and the tests ask of one mask partly on the same masked
inputs. Where nothing is painted, most samples of a certificate are the same as well: there are
`removal.samples.CUTS` ways to cut a mask's rim, of which a hundred samples hold some forty.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.classifiers.forward import Predict
from med_cam.removal.hidden import Hidden

Key = tuple[int, str, int, float]  # image; removal inside the network, its mask, its intruder


def asked_once(predict: Predict) -> Predict:
    """The same function, before which no image comes twice that is the same bit by bit.

    What is said of an image is remembered for as long as the function is kept: for one `Case`.
    Images are told apart by hashes of 64 bits; that two of the 1,500 of a case share one has a
    chance of 1 in 10^13.
    """
    known: dict[Key, Tensor] = {}

    def asked(x: Tensor, hidden: Hidden | None = None, /) -> Tensor:
        if not len(x):
            return predict(x, hidden)
        keys = keys_of(x, hidden)
        new: dict[Key, int] = {}
        for row, key in enumerate(keys):
            if key not in known:
                new.setdefault(key, row)
        if new:
            answers = predict(*those_at(list(new.values()), x, hidden))
            known.update(zip(new, answers, strict=True))
        return torch.stack([known[key] for key in keys])

    return asked


def those_at(
    rows: Sequence[int], x: Float[Tensor, "b c h w"], hidden: Hidden | None
) -> tuple[Tensor, Hidden | None]:
    """Some of the images, with their masks; no copy of all of them."""
    if len(rows) == len(x):
        return x, hidden
    if hidden is not None and len(hidden.mask) > 1:
        hidden = replace(hidden, mask=hidden.mask[rows])
    return x[rows], hidden


def keys_of(x: Float[Tensor, "b c h w"], hidden: Hidden | None) -> list[Key]:
    """What each image is known by."""
    images = hashes(x)
    if hidden is None:
        return [(image, "", 0, 0.0) for image in images]
    masks = hashes(hidden.mask.expand(len(x), -1, -1, -1))
    return [
        (image, hidden.removal, mask, hidden.intruder)
        for image, mask in zip(images, masks, strict=True)
    ]


def hashes(each: Float[Tensor, "b *_"]) -> list[int]:
    """A hash of the bytes of each entry; one alone of an entry that stands for all."""
    if len(each) > 1 and each.stride(0) == 0:
        return hashes(each[:1]) * len(each)
    return [hash(entry.contiguous().numpy().tobytes()) for entry in each.detach().cpu()]
