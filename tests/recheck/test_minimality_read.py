"""What explanation.json says of minimality is read as it may be written in JSON."""

import pytest

from med_cam.recheck.minimality import as_saved

REPORTED = {
    "patch": 8,
    "patches": [{"row": 0, "column": 8, "witness": "sample", "number": 2}],
    "samples": [2],
    "shifts": [],
    "tolerance": 0,
    "sufficient": True,
    "tested": 3,
    "rounds": 1,
    "before": 0.5,
    "after": 0.25,
}


@pytest.mark.parametrize(("before", "after"), [(0.5, 0.25), (1, 0), (1, 0.25)])
def test_an_area_may_be_a_whole_number(before, after):
    read = as_saved({**REPORTED, "before": before, "after": after})
    assert (read.before, read.after) == (before, after)
    assert all(isinstance(area, float) for area in (read.before, read.after))
    assert [(p.row, p.column, p.witness, p.number) for p in read.patches] == [(0, 8, "sample", 2)]
