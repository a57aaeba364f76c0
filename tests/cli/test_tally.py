"""The end of a run in numbers."""

from dataclasses import replace
from pathlib import Path

import pytest

from med_cam.cli.references import evenly
from med_cam.cli.run import INTERNAL, MISTAKE, Ended, Failure, exit_status
from med_cam.cli.tally import REMARKABLE, Done, duration, remarkable, summary
from med_cam.report.line import Line
from med_cam.report.run_record import RunImage
from med_cam.report.table import TableRow
from med_cam.results.passes import Passes
from med_cam_studies.report.look_first import Reason

IMAGE = RunImage("a.png", "ab" * 32, "explained", "a", "cd" * 32)
ROW = TableRow(
    "a", "a.png", "bright", 0.9, 0.8, "sufficiency test passed", True, 0.1, "", None, 0.95, 1,
    "", (), 10, 5, 1.0, "", "ab" * 32, "cd" * 32,
)  # fmt: skip
LINE = Line("a", "bright", "0.90", "0.80", "10.0%", "yes", True, "", "", 0)
PATHS = [Path(f"{index}.png") for index in range(10)]


def test_the_median_is_of_all_images_and_those_that_passed_are_counted():
    finished = tuple(
        Done(LINE, (), (), area < 1, area, Passes(10, 5), IMAGE, ROW)
        for area in (0.1, 0.5, 1.0, 1.0)
    )
    text = summary(Ended(finished, ()), claimed=("black",), seconds=3.2, out=Path("r"))
    assert (
        "4 images explained, 2 passed the sufficiency test over black; median area 75.0%" in text
    )
    assert "3 s, 40 forward passes, 20 backward passes" in text
    assert "failed" not in text


def test_what_passed_as_more_than_half_of_the_image_is_counted_by_itself():
    finished = tuple(
        Done(LINE, (), (), True, area, Passes(10, 5), IMAGE, ROW) for area in (0.1, 0.6, 1.0)
    )
    text = summary(Ended(finished, ()), claimed=("black",), seconds=3.2, out=Path("r"))
    assert (
        "3 images explained, 1 passed the sufficiency test over black, 2 only as more than half "
        "of the image; median area 60.0%"
    ) in text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "1 s"), (9.4, "9 s"), (119.0, "119 s"), (150.0, "2 min"), (8000.0, "2 h 13 min")],
)
def test_durations_are_given_in_fitting_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("statuses", "status"), [((), 0), ((MISTAKE,), 2), ((INTERNAL,), 1), ((MISTAKE, INTERNAL), 1)]
)
def test_internal_errors_weigh_most(statuses, status):
    assert exit_status([Failure("", each, "") for each in statuses]) == status


def test_an_even_share_has_the_first_and_no_path_twice():
    assert evenly(PATHS, most=20) == PATHS
    assert evenly([], most=3) == []
    taken = evenly(PATHS, most=4)
    assert [PATHS.index(path) for path in taken] == [0, 2, 5, 7]


def image(name, *weights):
    why = tuple(Reason(weight, f"because {weight} " + "x" * 100) for weight in weights)
    line, row = replace(LINE, name=name), replace(ROW, image=f"{name}.png")
    return Done(line, (), why, True, 0.1, Passes(10, 5), IMAGE, row)


def test_the_five_most_remarkable_stand_in_the_order_of_the_page_each_in_a_line():
    images = [image("b", 8, 7), image("a", 12, 3), image("c", 1000), image("d", 4), image("e", 2)]
    images += [image("f", 1), image("well"), image("long" * 20, 16)]
    head, *lines = remarkable(images, width=80).strip().splitlines()
    assert head == "Deserve a look first:"
    assert [line.split()[0][:4] for line in lines] == ["c", "long", "a", "b", "d"]
    assert all(len(line) == 80 for line in lines)
    assert len({line.index("because") for line in lines}) == 1


def test_of_few_images_and_of_those_that_are_well_none_is_named():
    assert remarkable([image(str(n), 8) for n in range(REMARKABLE)], width=80) == ""
    assert remarkable([image(str(n)) for n in range(9)], width=80) == ""
