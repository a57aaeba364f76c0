"""What is read back of a result is what was written: written again, it is the same document."""

import math
from dataclasses import replace

import pytest
import torch

from med_cam.images.mask_file import mask_from_png
from med_cam.report.document import to_json
from med_cam.report.restore import restored
from med_cam.report.write import test_files as files_of_tests
from med_cam.results.contrast import Contrast, QuietRegion, RunnerUp
from med_cam.results.ladder import Attempt, Control, Ladder, Rung
from med_cam.results.rate import Rate


def tensors(found):
    """What each file of a result says of the pixels, by its name."""
    known = {"mask.png": found.mask}
    if found.restricted is not None:
        known["restricted.png"] = found.restricted.mask
    if found.contrast is not None:
        known["quiet-region.png"] = found.contrast.quiet.mask
        known["runner-up.png"] = found.contrast.runner_up.mask
    if found.ladder is not None:
        known["rung.png"] = found.ladder.rung.mask
    for number, other in enumerate(found.tests.alternatives, start=1):
        known[f"alternative-{number}.png"] = other.mask
    if found.tests.necessary_superset is not None:
        known["necessary-superset.png"] = found.tests.necessary_superset.mask
    if found.tests.agreement is not None:
        known["agreement.png"] = found.tests.agreement.shares
    if found.tests.minimality.regions is not None:
        known["regions.png"] = found.tests.minimality.regions
    return known


@pytest.fixture(params=["explanation", "refused", "with_everything"])
def found(request):
    return request.getfixturevalue(request.param)


@pytest.fixture
def with_everything(refused, mask):
    control = Control(20, 3, 0.04)
    rung = Rung("graded", mask, 0.1, ("grey",), 0.5, 20, 19, 1, 1, 0.02, 0.9, 0.8, control)
    tried = (Attempt("sufficient", "refused", 1, 0.04, "as the test has it"),)
    quiet = QuietRegion(mask, 0.1, Rate(10, 9, 0.6, 0.95), 0.95)
    rates = (Rate(10, 9, 0.6, 0.95), Rate(10, 0, 0.3, 0.95))
    other = RunnerUp("glioma", mask, 0.1, 0.2, 0.1, 0.3, 1.5, *rates)
    parts = mask.long() * 3
    minimality = replace(refused.tests.minimality, regions=parts)
    return replace(
        refused,
        labels=("glioma", "glioma", "notumor"),  # a name that occurs twice
        label="glioma",
        ladder=Ladder("graded", "up to half", rung, tried, 40),
        contrast=Contrast(quiet, other),
        tests=replace(refused.tests, minimality=minimality),
    )


def test_it_is_written_again_as_it_was(found, provenance, source):
    document = to_json(found, provenance=provenance, source=source)
    again = restored(document, tensors(found).__getitem__)
    assert to_json(again, provenance=provenance, source=source) == document


def test_masks_are_those_of_their_files(explanation, provenance, source):
    files = files_of_tests(explanation.tests)
    document = to_json(explanation, provenance=provenance, source=source)
    again = restored(document, tensors(explanation).__getitem__)
    for number, other in enumerate(again.tests.alternatives, start=1):
        assert torch.equal(other.mask, mask_from_png(files[f"alternative-{number}.png"]))
    assert torch.equal(again.mask, explanation.mask)


def test_numbers_that_json_lacks_are_no_numbers(explanation, provenance, source):
    document = to_json(explanation, provenance=provenance, source=source)
    again = restored(document, tensors(explanation).__getitem__)
    assert math.isnan(again.steps[1].loss)
    assert again.before == explanation.before
