"""What a re-check asks of patches: on the numbered samples of the report that there can be."""

from dataclasses import replace

import pytest
import torch

from med_cam.config.settings import relative_to
from med_cam.errors import OutputError
from med_cam.recheck import minimality as patches
from med_cam.results.minimality import Minimality, Patch
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision
from recheck.asked import PATCHES, PLAIN, asking, in_place, rows, saved_with

# Patches


def test_patches_that_were_not_tested_are_not_tested_again(case):
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.6))
    assert patches.minimality_rechecked(case, saved_with(rows(0)), response) is None
    saved = saved_with(rows(0))
    saved.document["tests"]["minimality"] = {"patch": 2}  # where the settings ask for none
    assert patches.minimality_rechecked(asking(case, patch=0), saved, response) is None


@pytest.mark.parametrize(
    ("names", "number", "said"),
    [
        (("gaussian",), 4 + 12, None),  # four samples at first, and six for each of two rounds
        (("gaussian",), 4 + 12 - 1, "retested"),
        (("grey",), 1, "names a sample that its baselines do not have"),
        (("grey",), 0, "retested"),
    ],
)
def test_a_sample_that_there_cannot_have_been_is_refused(case, monkeypatch, names, number, said):
    in_place(monkeypatch, "retested", lambda *_: PATCHES)
    config = relative_to(PLAIN, names)
    rules = replace(PLAIN.certification, reduction_samples=1, pool=3, rounds=2)
    case = replace(case, config=replace(config, certification=rules))
    saved = saved_with(rows(3))
    lists = {"patches": [], "samples": [number], "shifts": []}
    numbers = {"patch": 16, "tolerance": 0, "tested": 9, "rounds": 1, "before": 0.5, "after": 0.2}
    saved.document["tests"]["minimality"] = lists | numbers | {"sufficient": True}
    response = BaselineResponse({}, Decision(case.target, 0.2, 0.6))
    if said == "retested":
        assert patches.minimality_rechecked(case, saved, response) == PATCHES
        return
    with pytest.raises(OutputError, match=said or f"names sample {number}, which these settings"):
        patches.minimality_rechecked(case, saved, response)


@pytest.mark.parametrize(
    ("samples", "drawn", "said", "unit", "patch"),
    [
        ([0, 2], 5, 3, 2, 2),
        ([4], 5, 3, 2, 2),
        ([5], 6, 3, 2, 2),
        ([0, 9, 3], 10, 3, 2, 2),
        ([], 5, 3, 2, 2),
        ([0, 2], 5, 4, 2, 2),  # one shift more than these settings allow
        ([0, 2], 5, 3, 2, 8),  # twice as large, and twice again
        ([0, 2], 5, 3, 2, 6),  # to which these settings do not lead
    ],
)
def test_patches_are_tested_on_the_numbered_samples_of_the_report(
    case, monkeypatch, samples, drawn, said, unit, patch
):
    """There are five samples; further ones are drawn only as far as the report names them."""
    seen = []
    rules = replace(PLAIN.certification, patch=unit, reduction_samples=1, pool=3)
    # Of 24 shifts a claim may lose six, a reduced mask three.
    claim = replace(PLAIN.verification, stability_rate=0.75)
    case = replace(case, config=replace(PLAIN, certification=rules, verification=claim))
    reported = {
        "patch": patch,
        "patches": [{"row": 1, "column": 0, "witness": "sample", "number": 2}],
        "samples": samples,
        "shifts": [6],
        "tolerance": said,
        "sufficient": True,
        "tested": 9,
        "rounds": 1,
        "before": 0.5,
        "after": 0.25,
    }

    def retested(of, mask, trial, now):
        seen.append((of, mask, trial, now))
        return now

    sets = []
    real = patches.sample_set

    def sample_set(of, decision, *, more=0):
        sets.append(real(of, decision, more=more))
        return sets[-1]

    in_place(monkeypatch, "retested", retested)
    in_place(monkeypatch, "sample_set", sample_set)
    saved = saved_with(rows(3))
    saved.document["tests"]["minimality"] = reported
    decision = Decision(case.target, 0.2, 0.6)
    found = patches.minimality_rechecked(case, saved, BaselineResponse({}, decision))
    side = 2 if patch == 6 else patch
    expected = Minimality(
        side, (Patch(1, 0, "sample", 2),), tuple(samples), (6,), 3, True, 9, 1, 0.5, 0.25
    )
    assert found == expected
    ((of, mask, trial, now),) = seen
    assert of is case
    assert torch.equal(mask, rows(3))
    assert now == expected
    assert (trial.tolerance, trial.decision) == (3, decision)
    assert trial.names == (*(("sample", i) for i in samples), ("shift", 6))
    assert len(sets[-1].samples) == drawn
    assert len(sets) == (1 if drawn == 5 else 2)
    assert all(torch.equal(trial.infill[i], sets[-1].samples[n]) for i, n in enumerate(samples))
