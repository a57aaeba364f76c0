"""What the settings of a result ask for, and the result does not have."""

from collections.abc import Iterator

import torch

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.certification.certificate import claimed
from med_cam.recheck.compare import Verdict
from med_cam.recheck.difference import Difference
from med_cam.report.saved import Saved
from med_cam.verify.baseline_response import BaselineResponse


def lacking(case: Case, saved: Saved, response: BaselineResponse) -> Iterator[Difference]:
    """The tests that are null and would have been made.

    Patches are tested wherever the search ended with a claim that holds. Where it ended with none,
    the mask is the whole image, or the paper's single cut, whose claim can be made again.
    """
    rules = case.config
    if saved.document["tests"]["minimality"] is not None or not rules.certification.patch:
        return
    if rules.refinement.cut == "threshold":
        asked = claimed(case, saved.mask, response, attempt=0).holds
    else:
        asked = not torch.equal(saved.mask, exported(case, case.open))
    if asked:
        yield Difference("tests.minimality", None, "a test of each patch, which the settings want")


def not_found(case: Case, saved: Saved) -> Iterator[Verdict]:
    """Further masks that were looked for, and of which there is none: nothing is claimed of them.

    Whether there are any cannot be told without the search, but for alternatives where what is
    left of the image is not sufficient.
    """
    tests, rules = saved.document["tests"], case.config.certification
    found, wanted = len(tests["alternatives"]), rules.alternatives
    if found < wanted and tests["remainder_sufficient"]:
        yield _none(f"alternative {found + 1}, of {wanted} that were looked for")
    larger = rules.necessary_superset and not tests["necessity"]["holds"]
    if larger and tests["necessary_superset"] is None:
        yield _none("necessary superset, which was looked for")


def _none(name: str) -> Verdict:
    return Verdict(name, claimed=False, now=False, was="", figure="")
