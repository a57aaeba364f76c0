"""The pictures of an explained image: itself, its evidence alone, other methods' maps over it."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.masking.masks import keep_most
from med_cam.report.panels import OUTLINE, Line, display_mask, display_pixels, outline
from med_cam_studies.evaluation.rows import Shown

CUT_OUTLINE, FINDING_OUTLINE = "#ffffff", "#ffd500"  # beside `panels.OUTLINE` of the evidence
GREY = 0.5  # outside the evidence, for people to look at; no claim uses it
COLOURS = "inferno"  # dark to bright in even steps, also for the colour-blind and in print
STRENGTH = 0.75  # of the colour over the image where the map is 1
LONGEST = 600  # pixels per side, in a figure
LUMINANCE = (0.299, 0.587, 0.114)
SLACK = 1 / 3  # pixels; less than half, so that a single pixel keeps its outline

Pixels = Float[Tensor, "h w 3"]
Outlines = dict[str, list[Line]]  # by colour; x and y in [0, 1]


def pictures(item: Shown, methods: Sequence[str]) -> Iterator[tuple[Pixels, Outlines]]:
    """Of one image, in the order of the titles, each with lines by colour.

    The image has no outline of the evidence, so that what lies under it can be seen. Where a
    map is missing the panel stays white.
    """
    seen = {} if item.finding is None else {FINDING_OUTLINE: contours(item.finding)}
    rgb = whole(item, longest=LONGEST)
    yield rgb, seen
    yield alone(item, longest=LONGEST), seen | {OUTLINE: contours(item.mask)}
    for name in methods:
        if name in item.maps:
            scores = item.maps[name]
            yield map_over(rgb, scores), {CUT_OUTLINE: contours(cut(scores, item.mask))}
        else:
            yield torch.ones_like(rgb), {}


def legend(shown: Sequence[Shown]) -> dict[str, str]:
    """What the colours of the lines are, of those that are drawn."""
    parts = any(item.regions is not None for item in shown)
    keys = {OUTLINE: "evidence, its parts divided by thin lines" if parts else "evidence"}
    if any(item.finding is not None for item in shown):
        keys[FINDING_OUTLINE] = "outlined by people"
    if any(item.maps for item in shown):
        keys[CUT_OUTLINE] = "brightest part of the map, as large as the evidence"
    elif any(item.others for item in shown):
        keys[CUT_OUTLINE] = "what another method shows, as large as the evidence"
    return keys


def whole(item: Shown, *, longest: int) -> Pixels:
    """The image itself."""
    return reduced(display_pixels(item.pixels), longest)


def alone(item: Shown, *, longest: int) -> Pixels:
    """The evidence in its place, neutral grey elsewhere."""
    return evidence_in(whole(item, longest=longest), item.mask)


def evidence_in(rgb: Pixels, mask: Bool[Tensor, "h1 w1"]) -> Pixels:
    """A picture where the mask is, neutral grey elsewhere; between them where it is finer."""
    size, seen = rgb.shape[:2], mask.cpu().float()[None, None]
    if mask.shape != size:
        seen = F.interpolate(seen, size, mode="bilinear", antialias=True)
    return torch.lerp(torch.full_like(rgb, GREY), rgb, seen[0, 0, :, :, None])


def map_over(rgb: Pixels, scores: Float[Tensor, "h1 w1"]) -> Pixels:
    """The map in colour over the image in grey; where it is low, the image shows through."""
    from matplotlib import colormaps

    fine = enlarged(scores, rgb.shape[0], rgb.shape[1])
    colour = torch.from_numpy(colormaps[COLOURS](fine.numpy())[..., :3]).to(rgb)
    grey = (rgb @ torch.tensor(LUMINANCE).to(rgb))[..., None]
    return torch.lerp(grey.expand_as(rgb), colour, STRENGTH * fine.square()[..., None].to(rgb))


def cut(scores: Float[Tensor, "h1 w1"], mask: Bool[Tensor, "h w"]) -> Bool[Tensor, "h w"]:
    """The map's highest pixels, as many as the mask has."""
    if not mask.any():
        return mask
    fine = enlarged(scores, mask.shape[0], mask.shape[1])
    return keep_most(fine[None, None], mask.float().mean().item())[0, 0]


def enlarged(scores: Float[Tensor, "h1 w1"], height: int, width: int) -> Float[Tensor, "h w"]:
    """The map in another size, in [0, 1] as before."""
    coarse = scores.detach().cpu().float()[None, None]
    return F.interpolate(coarse, (height, width), mode="bilinear")[0, 0].clamp(0, 1)


def reduced(rgb: Pixels, longest: int) -> Float[Tensor, "h1 w1 3"]:
    """The picture with at most `longest` pixels per side; never enlarged."""
    side = max(rgb.shape[:2])
    if side <= longest:
        return rgb
    height, width = (max(1, round(n * longest / side)) for n in rgb.shape[:2])
    planes = rgb.permute(2, 0, 1)[None]
    small = F.interpolate(planes, (height, width), mode="bilinear", antialias=True)
    return small[0].clamp(0, 1).permute(1, 2, 0)


def contours(mask: Bool[Tensor, "h w"]) -> list[Line]:
    """`panels.outline` with x and y in [0, 1], in few points.

    No line moves by more than `SLACK`; thousands of steps would outweigh the picture under them.
    """
    shown = display_mask(mask)
    size = np.array(shown.shape[::-1])
    return [(_thinned(line) + 0.5) / size for line in outline(shown)]


def _thinned(line: Line) -> Line:
    """Fewer points; the line moves by less than `SLACK`."""
    from skimage.measure import approximate_polygon

    points: Line = approximate_polygon(line, SLACK)  # type: ignore[no-untyped-call]
    return points
