"""Right angles of a mask that are not in the image, rounded off.

Where an image is flat, superpixels are squares, and a mask made of them has corners that a reader
takes for a finding. There the border between what is shown and what is not is drawn anew: a
quarter of a circle in place of the corner. Corners whose both arms lie on edges of the image are
the image's own and stay.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int

from med_cam.case.case import Case
from med_cam.case.round_trip import settled
from med_cam.certification.minimality import region_side
from med_cam.reduction.ground import Ground, Units
from med_cam.reduction.regions import Regions, pixels_shown
from med_cam.reduction.splitting import flaws
from med_cam.reduction.superpixels import SMALLEST, SMOOTH

ARM = 1 / 4  # of a side of a region: shorter straight lines are the steps that pixels make
ROUND = 1 / 3  # of a side: the radius
MOST = 0.6  # of the shorter arm: a radius is no longer
NEAR = 1.5  # pixels from an edge of the image
OWN = 0.5  # of each arm: so much of it lies on edges where the image itself has the angle

Pixels = Bool[np.ndarray, "h w"]
Places = Int[np.ndarray, " n"]


def rounded(case: Case, ground: Ground, units: Units) -> Ground:
    """The same regions with other borders around a mask of theirs: no right angle in flat places.

    As they come back from the source's pixels. Each pixel that changes sides goes to the nearest
    region there. Nothing changes if a part of the mask, or a hole, would become smaller than it
    may be.

    Args:
        case: the image before the classifier.
        ground: what the mask is reduced on.
        units: the regions that the mask is made of.
    """
    side, mask = region_side(case), ground.mask(units)
    before, labels = (each[0, 0].cpu().numpy() for each in (mask, ground.regions))
    after = before.copy()
    window = seen(case)
    after[window] = without_right_angles(before[window], near_edges(case, side)[window], side)
    after = np.where(labels > 0, after, before)  # nobody's pixels are on no side
    if (after == before).all() or dust(after, side) > dust(before, side):
        return ground

    def redrawn(regions: Regions) -> Regions:
        found = moved_over(regions[0, 0].cpu().numpy(), before, after)
        back = settled(case, torch.from_numpy(found)[None, None]).to(regions.device)
        return torch.where(case.open, back, 0)

    larger = None if ground.larger is None else redrawn(ground.larger)
    return ground.with_borders(redrawn(ground.regions), larger, case.batched)


def seen(case: Case) -> tuple[slice, slice]:
    """Rows and columns of the model input where evidence may lie: their rim is no outline."""
    shown = case.open[0, 0].cpu()
    rows, columns = (shown.any(dim=d).nonzero()[:, 0] for d in (1, 0))
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def dust(shown: Pixels, side: int) -> int:
    """How many parts of a mask, and holes in it, are smaller than they may be."""
    return flaws(torch.from_numpy(shown)[None, None], round(SMALLEST * side**2))


def near_edges(case: Case, side: int) -> Pixels:
    """Which pixels of the model input are on an edge of the image, or beside one (Canny 1986)."""
    from scipy.ndimage import distance_transform_edt
    from skimage.feature import canny

    grey = pixels_shown(case).mean(dim=0).numpy()
    edges = canny(grey, sigma=SMOOTH * side)  # type: ignore[no-untyped-call]
    if not edges.any():
        return np.zeros(grey.shape, bool)
    near: Pixels = distance_transform_edt(~edges) <= NEAR
    return near


def moved_over(labels: Int[np.ndarray, "h w"], before: Pixels, after: Pixels) -> np.ndarray:
    """The labels after pixels have changed sides: each has that of the nearest that has not."""
    from scipy.ndimage import distance_transform_edt

    found = labels.copy()
    for shown in (True, False):
        stays = (before == shown) & (after == shown) & (labels > 0)
        comes = (before != shown) & (after == shown)
        if stays.any() and comes.any():
            nearest = distance_transform_edt(~stays, return_distances=False, return_indices=True)
            found[comes] = labels[tuple(nearest)][comes]
    return found


@dataclass(frozen=True, slots=True)
class Corner:
    """Where a mask's outline turns by a right angle.

    Attributes:
        row, column: of the point, between pixels: 1, 1 is the lower right corner of the first.
        down, right: toward which side the angle opens: 1 or -1 each.
        inside: whether what it opens to is shown.
        arm: pixels of the shorter of its two straight sides.
    """

    row: int
    column: int
    down: int
    right: int
    inside: bool
    arm: int

    def pixels(self, along: Places, across: Places) -> tuple[Places, Places]:
        """Rows and columns of the pixels that are so many below and beside its own one."""
        rows = self.row + along if self.down > 0 else self.row - 1 - along
        columns = self.column + across if self.right > 0 else self.column - 1 - across
        return rows, columns


def without_right_angles(shown: Pixels, near: Pixels, side: int) -> Pixels:
    """The mask with quarters of circles in place of its right angles.

    Args:
        shown: the mask.
        near: edges of the image, and what is beside them.
        side: of a region.
    """
    after = shown.copy()
    for corner in right_angles(shown, ARM * side):
        if not of_the_image(corner, near):
            after[beyond_circle(corner, min(ROUND * side, MOST * corner.arm))] = not corner.inside
    return after


def of_the_image(corner: Corner, near: Pixels) -> bool:
    """Whether both arms of a corner lie on edges of the image."""
    steps, none = np.arange(corner.arm), np.zeros(corner.arm, int)
    arms = corner.pixels(steps, none), corner.pixels(none, steps)
    return all(near[arm].mean() >= OWN for arm in arms)


def beyond_circle(corner: Corner, radius: float) -> tuple[Places, Places]:
    """The pixels between a corner and the quarter of a circle that touches both of its arms."""
    steps = np.arange(int(radius))
    along, across = (each.ravel() for each in np.meshgrid(steps, steps))
    beyond = np.hypot(radius - along - 0.5, radius - across - 0.5) > radius
    return corner.pixels(along[beyond], across[beyond])


def right_angles(shown: Pixels, least: float) -> Iterator[Corner]:
    """The corners of a mask's outline whose two arms are straight for so many pixels.

    Where the outline meets the rim of the image there is none.
    """
    quads = shown[:-1, :-1].astype(int) + shown[:-1, 1:] + shown[1:, :-1] + shown[1:, 1:]
    for row, column in (np.argwhere((quads == 1) | (quads == 3)) + 1).tolist():
        inside = bool(quads[row - 1, column - 1] == 1)
        odd = shown[row - 1 : row + 1, column - 1 : column + 1] == inside
        below, beside = np.argwhere(odd)[0].tolist()
        down, right = 2 * below - 1, 2 * beside - 1
        arm = min(straight(shown, row, column, right), straight(shown.T, column, row, down))
        if arm >= least:
            yield Corner(row, column, down, right, inside, arm)


def straight(shown: Pixels, row: int, column: int, step: int) -> int:
    """How far an outline runs from a point along a line between two rows."""
    ahead = slice(column, None) if step > 0 else slice(None, column)
    here, before = shown[row, ahead][::step], shown[row - 1, ahead][::step]
    ends = np.flatnonzero((here == before) | (here != here[0]))
    return int(ends[0]) if len(ends) else len(here)
