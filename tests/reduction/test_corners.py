"""Right angles of a mask that are not in the image are rounded off; those of the image stay."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch import nn

from med_cam.case.case import observed
from med_cam.case.round_trip import exported
from med_cam.certification.certificate import response_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Verification
from med_cam.images.image import Image
from med_cam.pipeline.found import Found
from med_cam.pipeline.region_candidates import by_regions
from med_cam.reduction.corners import moved_over, right_angles, rounded, without_right_angles
from med_cam.reduction.ground import further, ground_of
from med_cam.reduction.regions import regions_of, squares

SIDE, ARM = 16, 4
GRIDS = st.lists(st.lists(st.booleans(), min_size=4, max_size=4), min_size=4, max_size=4)
RULES = Config(
    verification=Verification(unseen=(), baselines=("grey",), consistency=0.0),
    certification=Certification(patch=SIDE, most_patches=0),
)


def turns(mask, arm=ARM):
    """Points where an outline turns once between two straight arms, looked for one by one."""
    h, w = mask.shape
    found = set()
    for y in range(1, h):
        for x in range(1, w):
            for down in (1, -1):
                for right in (1, -1):
                    if is_corner(mask, y, x, down, right, arm):
                        found.add((y, x, down, right))
    return found


def is_corner(mask, y, x, down, right, arm):
    """Whether two straight arms begin at a point, and the angle between them is one side's."""

    def at(i, j):
        """The pixel i below and j beside the point; -1 is the first on the other side."""
        row = y + i if down > 0 else y - 1 - i
        column = x + j if right > 0 else x - 1 - j
        inside = 0 <= row < mask.shape[0] and 0 <= column < mask.shape[1]
        return bool(mask[row, column]) if inside else None

    own = at(0, 0)
    if any(at(i, j) in (own, None) for i, j in ((-1, 0), (0, -1), (-1, -1))):
        return False
    steps = range(arm)
    across = all(at(0, j) == own and at(-1, j) == (not own) for j in steps)
    along = all(at(i, 0) == own and at(i, -1) == (not own) for i in steps)
    return across and along


def blocks(grid, side=SIDE):
    return np.kron(np.array(grid, bool), np.ones((side, side), bool))


@settings(deadline=None, max_examples=30)
@given(GRIDS)
def test_right_angles_are_the_points_where_straight_arms_meet(grid):
    mask = blocks(grid)
    found = [(c.row, c.column, c.down, c.right) for c in right_angles(mask, float(ARM))]
    assert len(found) == len(set(found))
    assert set(found) == turns(mask)
    assert all(c.inside == is_shown(mask, c) for c in right_angles(mask, float(ARM)))


def is_shown(mask, corner):
    row = corner.row if corner.down > 0 else corner.row - 1
    return mask[row, corner.column if corner.right > 0 else corner.column - 1]


@settings(deadline=None, max_examples=30)
@given(GRIDS)
def test_where_an_image_is_flat_none_is_left_and_little_changes(grid):
    mask = blocks(grid)
    after = without_right_angles(mask, np.zeros_like(mask), SIDE)
    corners = turns(mask)
    left = {(y, x, down, right) for y, x, down, right in turns(after) if not checkered(mask, y, x)}
    assert not left
    changed = np.argwhere(after != mask)
    assert len(changed) <= 0.25 * (SIDE / 3) ** 2 * len(corners)  # (4 - pi) / 4 of the squares
    points = np.array([(y - 0.5, x - 0.5) for y, x, _, _ in corners])
    assert all(abs(points - pixel).max(axis=1).min() < SIDE / 3 for pixel in changed)


def checkered(mask, y, x):
    """Whether two squares of a mask meet in a point, which is no angle of one side."""
    near = mask[max(y - SIDE, 0) : y + SIDE, max(x - SIDE, 0) : x + SIDE]
    quads = near[:-1, :-1] + 2 * near[:-1, 1:] + 4 * near[1:, :-1] + 8 * near[1:, 1:]
    return bool(np.isin(quads, (6, 9)).any())


def test_a_corner_stays_where_both_of_its_arms_lie_on_edges_of_the_image():
    mask = np.zeros((64, 64), bool)
    mask[16:48, 16:48] = True
    near = np.zeros_like(mask)
    near[14:18, 16:48] = near[16:48, 14:18] = True  # along the upper and the left side
    after = without_right_angles(mask, near, SIDE)
    assert {(y, x) for y, x, _, _ in turns(after)} == {(16, 16)}
    near[14:18] = False  # of the upper left corner one arm is left
    assert not turns(without_right_angles(mask, near, SIDE))


@settings(deadline=None, max_examples=30)
@given(GRIDS)
def test_every_pixel_that_changes_sides_goes_to_a_region_there_and_no_other_moves(grid):
    mask = blocks(grid)
    labels = squares(mask.shape, SIDE).numpy()
    after = without_right_angles(mask, np.zeros_like(mask), SIDE)
    found = moved_over(labels, mask, after)
    shown, hidden = set(labels[mask]), set(labels[~mask])
    assert (found == labels)[after == mask].all()
    assert set(found[after]) <= shown
    assert set(found[~after]) <= hidden
    assert set(found.ravel()) == set(labels.ravel())


class Bright(nn.Module):
    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        level = self.act(x).mean(dim=(1, 2, 3))
        return torch.stack([-level, level], dim=1)


@pytest.fixture
def case():
    """A flat image but for a bright square, of two regions a side."""
    pixels = torch.full((3, 96, 96), 0.5)
    pixels[:, 32:64, 32:64] = 1.0
    model = Classifier(
        Bright(), ("dark", "bright"), (96, 96), 3, (0.5,) * 3, (0.5,) * 3, hooked_layers=("act",)
    )
    with hooks_attached(model) as forward:
        yield observed(forward, model, Image(pixels), RULES)


def on(case, regions):
    return ground_of(case, regions, response_of(case).decision)


def test_regions_that_were_split_are_redrawn_with_those_that_they_were_split_from(case):
    regions = squares((96, 96), SIDE)[None, None]
    fine = squares((96, 96), SIDE // 2)[None, None]
    split = on(case, regions).split_into(fine, case.batched)
    units = frozenset({27, 28, 39, 40})  # a coarse square
    after = rounded(case, split, units)
    assert after is not split
    assert after.parts(units) == split.parts(units) == [units]
    moved = after.regions != fine
    assert torch.equal(moved, after.larger != regions)
    others = rounded(case, further(case, split, 0), units)  # on samples it was not pruned on
    assert torch.equal(others.regions, after.regions)
    assert others.parts(units) == [units]


def test_the_regions_of_a_case_are_redrawn_around_a_mask_and_keep_their_numbers(case):
    regions = squares((96, 96), SIDE)[None, None]
    before = on(case, regions)
    units = frozenset({1, 2, 7, 8})  # a square of four regions in the upper left corner
    after = rounded(case, before, units)
    mask, made = before.mask(units)[0, 0].numpy(), after.mask(units)[0, 0].numpy()
    assert turns(mask) == {(32, 32, -1, -1)}  # the rim of the image is no outline
    assert not turns(made)
    assert 0 < (mask & ~made).sum() <= 8
    assert not (made & ~mask).any()
    assert set(after.regions.unique().tolist()) == set(regions.unique().tolist())
    assert torch.equal(after.mask(frozenset(range(1, 37))), before.mask(frozenset(range(1, 37))))


def test_a_mask_is_measured_with_its_new_borders(case):
    before, quarter = on(case, squares((96, 96), SIDE)[None, None]), frozenset({15})
    after = rounded(case, before, quarter)  # of the bright square: one corner is the image's own
    assert len(turns(after.mask(quarter)[0, 0].numpy())) == 1
    anew = on(case, after.regions)
    assert after.measure([quarter], [(0,)]) == anew.measure([quarter], [(0,)])
    assert after.measure([quarter], [(0,)]) != before.measure([quarter], [(0,)])


def test_a_mask_of_the_bright_square_keeps_its_corners(case):
    regions = squares((96, 96), SIDE)[None, None]
    before = on(case, regions)
    bright = frozenset({15, 16, 21, 22})
    assert rounded(case, before, bright) is before
    assert len(turns(before.mask(bright)[0, 0].numpy())) == 4


def test_nothing_changes_where_a_part_would_become_too_small(case):
    regions = squares((96, 96), SIDE)[None, None].clone()
    regions[..., 80:88, 70:86] = 99  # as large as a part has to be, not larger
    before = on(case, regions)
    assert turns(before.mask(frozenset({99}))[0, 0].numpy())
    assert rounded(case, before, frozenset({99})) is before


class Middle(nn.Module):
    """The label of an image whose middle is light."""

    def __init__(self):
        super().__init__()
        self.act = nn.Identity()

    def forward(self, x):
        level = 12 * (self.act(x)[:, :, 32:64, 32:64].mean(dim=(1, 2, 3)) - 0.3)
        return torch.stack([-level, level], dim=1)


def test_the_mask_that_is_put_to_a_certificate_has_round_corners():
    """An image without an edge: all regions are squares, and so are masks before that."""
    model = Classifier(
        Middle(), ("dark", "light"), (96, 96), 3, (0.5,) * 3, (0.5,) * 3, hooked_layers=("act",)
    )
    with hooks_attached(model) as forward:
        case = observed(forward, model, Image(torch.full((3, 96, 96), 0.9)), RULES)
        ground = on(case, regions_of(case, SIDE))
        middle = ground.mask(frozenset({15, 16, 21, 22}))
        source = exported(case, middle)
        scores, response = middle.float(), response_of(case)
        found = Found(source, source.float().mean().item(), scores, (), response, (), ground)
        reached = next(by_regions(case, found, ground))
    mask = reached.mask[0, 0].numpy()
    assert len(turns(middle[0, 0].numpy())) == 4
    assert mask[40:56, 40:56].any()
    assert not turns(mask)
