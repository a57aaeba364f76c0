"""What of an image a mask lies on that is no finding: printed text, the rim, the empty surround.

Measured on Training parts of four public sets and on text burnt into their images: see
`printed_text`. All shares are of the source image's own pixels.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional as F

from med_cam.images.printed import printed_text

MARGIN = 0.02  # of the shorter side: as far as frames and resampling reach
SIDE = 256  # longer side on which the surround is looked for
DARK, LIGHT = 1 / 12, 1 / 8  # from black and from white; scanned glass is never quite white
SAME = 0.012  # three of 256 levels: a frame of any other colour is one colour
NECK = 0.01  # of the shorter side: nothing narrower is entered, such as the ear in a head
LEAST = 0.02  # of the image: less, corners of a round field together, is no surround
TEXT = 0.005  # of the evidence. Strokes are thin: of a letter's box a fifth or so is ink
TEXT_INSIDE = 0.10  # of the ink: a large mask that takes in a word by the way
RIM = 0.10  # of the evidence; a mask of the whole square image has 8% of itself there
EMPTY = 0.50  # of the evidence: more of it shows nothing than shows something


@dataclass(frozen=True, slots=True)
class Content:
    """What the evidence lies on; shares in [0, 1], 0 for a mask without evidence.

    Attributes:
        text: share of the evidence on printed text.
        border: share of the evidence within the margin of the image's edge.
        empty: share of the evidence on the image's empty surround.
        text_inside: share of the printed text that the evidence holds; 0 where there is none.
    """

    text: float
    border: float
    empty: float
    text_inside: float = 0.0


def content(pixels: Float[Tensor, "c h w"], mask: Bool[Tensor, "h w"]) -> Content:
    """What the mask (true = evidence) lies on, in the source image's pixels."""
    evidence = mask.cpu()
    text = printed_text(pixels)
    share, _ = border(evidence)
    return Content(
        text=_share(text, evidence),
        border=share,
        empty=_share(empty_background(pixels), evidence),
        text_inside=_share(evidence, text),
    )


def content_warnings(found: Content) -> tuple[str, ...]:
    """What a reader must know of where the evidence lies, each sentence with its figure."""
    told = []
    if found.text >= TEXT or found.text_inside >= TEXT_INSIDE:
        told.append(
            f"the evidence holds what looks like printed text or marks ({found.text:.1%} of the "
            f"evidence, {found.text_inside:.0%} of the marks)"
        )
    if found.border >= RIM:
        told.append(f"{found.border:.0%} of the evidence lies at the image's border")
    if found.empty >= EMPTY:
        told.append(f"{found.empty:.0%} of the evidence lies on empty background")
    return tuple(told)


def border(mask: Bool[Tensor, "h w"], *, margin: float = MARGIN) -> tuple[float, bool]:
    """Share of the mask within the margin of the image's edge, and whether it touches the edge.

    Args:
        mask: true = evidence.
        margin: a share of the shorter side; one pixel at least.
    """
    height, width = mask.shape
    wide = max(1, round(margin * min(height, width)))
    return _share(_frame(mask, wide), mask), bool((_frame(mask, 1) & mask).any())


def empty_background(pixels: Float[Tensor, "c h w"]) -> Bool[Tensor, "h w"]:
    """The even surround of the picture: black, white or of one colour, connected to the border.

    The air around a head, the black around a fundus, the glass of a slide, the bars of a padded
    image. Thin passages are not entered, and what is small is left out.
    """
    frame = _reduced(pixels)
    dark = (frame <= DARK).all(dim=0)
    light = (frame >= 1 - LIGHT).all(dim=0)
    rim = frame[:, _frame(dark, 1)]  # c n
    bars = ((frame - rim.median(dim=1).values[:, None, None]).abs() <= SAME).all(dim=0)
    surround = torch.zeros_like(dark)
    for region in (dark, light, bars):
        surround |= torch.from_numpy(_from_border(region.numpy()))
    size = (pixels.shape[1], pixels.shape[2])
    return F.interpolate(surround[None, None].float(), size, mode="nearest-exact")[0, 0] > 0


def _share(part: Bool[Tensor, "h w"], whole: Bool[Tensor, "h w"]) -> float:
    """Share of the whole's pixels that the part holds too; 0 of nothing."""
    count = int(whole.sum())
    return int((part & whole).sum()) / count if count else 0.0


def _frame(like: Bool[Tensor, "h w"], wide: int) -> Bool[Tensor, "h w"]:
    """True on the pixels at most so many from the edge."""
    frame = torch.ones_like(like)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _reduced(pixels: Float[Tensor, "c h w"]) -> Float[Tensor, "c h1 w1"]:
    """The image with its longer side no longer than what is worked on."""
    height, width = pixels.shape[1:]
    scale = min(1, SIDE / max(height, width))
    size = [max(1, round(height * scale)), max(1, round(width * scale))]
    frame = pixels[None].cpu().float()
    return F.interpolate(frame, size, mode="bilinear", antialias=True)[0] if scale < 1 else frame[0]


def _from_border(region: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """What of a region is connected to the border but by thin passages; nothing if it is small."""
    from scipy import ndimage

    reach = max(1, round(NECK * min(region.shape)))
    padded = np.pad(region, reach, mode="edge")  # the border itself cuts nothing off
    wide = ndimage.binary_opening(padded, np.ones((2 * reach + 1,) * 2))
    labels, _ = ndimage.label(wide[reach:-reach, reach:-reach])
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    reached = np.isin(labels, edge[edge > 0])
    return reached if reached.mean() >= LEAST else np.zeros_like(reached)
