"""The table of methods, against what was planted in its rows."""

import math

import pytest
import torch

from med_cam_studies.evaluation.comparison import CHANCE, MEASURES, summaries
from med_cam_studies.evaluation.rows import OURS, Overlap, Row


def row(name, area=0.1, **overlaps):
    return Row(
        image=name, folder=name, truth="", label="a", before=0.9, after=0.8, area=area,
        verified=True, status="", components=1, forward=1, backward=1, seconds=1.0,
        overlaps={key.replace("ours", OURS): value for key, value in overlaps.items()},
    )  # fmt: skip


def on(inside, hit, share=0.25):
    return Overlap(inside=inside, covered=inside / 2, iou=inside / 3, pointing=hit, share=share)


def lines(rows):
    found = summaries(rows, generator=torch.Generator().manual_seed(0))
    return {line.method: line for line in found}


ROWS = [
    row("1", ours=on(0.8, hit=True), grad_cam=on(0.6, hit=True), centre_disc=on(0.5, hit=True)),
    row("2", ours=on(0.6, hit=True), grad_cam=on(0.5, hit=False)),
    row("3", 0.3, ours=on(0.1, hit=True, share=0.05), grad_cam=on(0.1, hit=False, share=0.05)),
    row("4"),
]


def test_methods_come_in_order_with_chance_last():
    assert list(lines(ROWS)) == [OURS, "grad_cam", "centre_disc", CHANCE]
    assert [line.images for line in lines(ROWS).values()] == [3, 3, 1, 3]


def test_means_are_those_of_the_images_that_have_the_method():
    found = lines(ROWS)
    assert found[OURS].means["inside"].mean == pytest.approx((0.8 + 0.6 + 0.1) / 3)
    assert found[OURS].means["covered"].mean == pytest.approx((0.8 + 0.6 + 0.1) / 6)
    assert found["grad_cam"].means["iou"].mean == pytest.approx((0.6 + 0.5 + 0.1) / 9)
    assert found["grad_cam"].means["pointing"].mean == pytest.approx(1 / 3)
    assert found["centre_disc"].means["inside"].mean == 0.5
    assert all(set(line.means) == set(MEASURES) for line in found.values())


def test_differences_are_paired():
    found = lines(ROWS)
    assert not found[OURS].ours_ahead
    ahead = found["grad_cam"].ours_ahead
    assert ahead["inside"].mean == pytest.approx((0.2 + 0.1 + 0.0) / 3)
    assert ahead["inside"].low >= -1e-9
    assert ahead["inside"].high <= 0.2 + 1e-9
    assert ahead["pointing"].mean == pytest.approx(2 / 3)
    only_first = found["centre_disc"].ours_ahead["inside"]
    assert only_first.mean == pytest.approx(0.3)
    assert math.isnan(only_first.low)


def test_all_hits_are_not_taken_for_certainty():
    mean, low, high = lines(ROWS)[OURS].means["pointing"]
    assert (mean, high) == (1, 1)
    assert low**3 == pytest.approx(0.025)  # so rare are three of three at this share


def test_chance_is_what_random_masks_of_our_area_reach():
    gen = torch.Generator().manual_seed(1)
    reached = {measure: [] for measure in MEASURES}
    for area, share in ((0.1, 0.25), (0.1, 0.25), (0.3, 0.05)):
        mask, finding = torch.rand(2, 400, 400, generator=gen)
        mask, finding = mask < area, finding < share
        both = (mask & finding).sum().item()
        reached["inside"].append(both / mask.sum().item())
        reached["covered"].append(both / finding.sum().item())
        reached["iou"].append(both / (mask | finding).sum().item())
        reached["pointing"].append(finding.float().mean().item())
    chance = lines(ROWS)[CHANCE].means
    for measure, values in reached.items():
        assert chance[measure].mean == pytest.approx(sum(values) / 3, abs=0.01)
    ahead = lines(ROWS)[CHANCE].ours_ahead["inside"].mean
    assert ahead == pytest.approx((0.55 + 0.35 + 0.05) / 3)


def test_rows_without_findings_give_no_table():
    assert summaries([row("4")], generator=torch.Generator()) == ()


def test_the_same_seed_gives_the_same_table():
    assert lines(ROWS) == lines(ROWS)
