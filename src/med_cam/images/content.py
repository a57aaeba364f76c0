"""Whether a mask lies on what is no finding: printed text, the image's rim, its empty surround.

All is measured in the source image's own pixels. `printed` says how often printed text is found,
and how often where there is none. An empty surround was seen in all of 60 brain MRI and 60 fundus
images; in 2 of 60 skin and 22 of 120 histology images, where it is dark corners and bare glass.
"""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.config.notices import notice
from med_cam.images.printed import printed_text
from med_cam.images.resized import at_size, resized
from med_cam.results.notice import Notice

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
        text_inside: share of the printed text that is in the evidence; 0 where there is none.
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


def content_notices(found: Content) -> tuple[Notice, ...]:
    """What a reader must know of where the evidence lies, each sentence with its figure."""
    reported = []
    if found.text >= TEXT or found.text_inside >= TEXT_INSIDE:
        text = (
            "the evidence contains what looks like printed text or marks "
            f"({found.text:.1%} of the evidence, {found.text_inside:.0%} of the marks)"
        )
        reported.append(notice("printed_text", text, max(found.text, found.text_inside)))
    if found.border >= RIM:
        text = f"{found.border:.0%} of the evidence lies at the image's border"
        reported.append(notice("border", text, found.border))
    if found.empty >= EMPTY:
        text = f"{found.empty:.0%} of the evidence lies on the empty background of the image"
        reported.append(notice("surround", text, found.empty))
    return tuple(reported)


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
    frame = resized(pixels, largest=SIDE)
    dark = (frame <= DARK).all(dim=0)
    light = (frame >= 1 - LIGHT).all(dim=0)
    surround = torch.zeros_like(dark)
    for region in (dark, light, _bars(frame)):
        surround |= torch.from_numpy(_from_border(region.numpy()))
    return at_size(surround, pixels.shape[1], pixels.shape[2])


def _share(part: Bool[Tensor, "h w"], whole: Bool[Tensor, "h w"]) -> float:
    """Share of the whole's pixels that the part holds too; 0 of nothing."""
    count = int(whole.count_nonzero())
    return int((part & whole).count_nonzero()) / count if count else 0.0


def _frame(like: Bool[Tensor, "h w"], wide: int) -> Bool[Tensor, "h w"]:
    """True on the pixels at most so many from the edge."""
    frame = torch.ones_like(like)
    frame[wide:-wide, wide:-wide] = False
    return frame


def _bars(frame: Float[Tensor, "c h w"]) -> Bool[Tensor, "h w"]:
    """True on the colour that at least half of the rim has; nowhere if there is none."""
    rim = _frame(torch.ones_like(frame[0], dtype=torch.bool), 1)
    colour = frame[:, rim].median(dim=1).values  # c
    alike = ((frame - colour[:, None, None]).abs() <= SAME).all(dim=0)
    return alike & (_share(alike, rim) >= 0.5)


def _from_border(region: Bool[np.ndarray, "h w"]) -> Bool[np.ndarray, "h w"]:
    """The part of a region connected to the border by wide passages; nothing if it is small."""
    from scipy import ndimage

    reach = max(1, round(NECK * min(region.shape)))
    padded = np.pad(region, reach, mode="edge")  # the border itself cuts nothing off
    wide = ndimage.binary_opening(padded, np.ones((2 * reach + 1,) * 2))
    labels, _ = ndimage.label(wide[reach:-reach, reach:-reach])
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    reached = np.isin(labels, edge[edge > 0])
    return reached if reached.mean() >= LEAST else np.zeros_like(reached)
