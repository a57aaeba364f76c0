"""What the settings of a result ask for, and the result does not have."""

from collections.abc import Iterator

import torch

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.certification.certificate import claimed
from med_cam.certification.contrast import needs_contrast, quiet_region, runner_up
from med_cam.recheck.compare import Verdict
from med_cam.recheck.difference import Difference
from med_cam.recheck.on_edge import contrast_as_saved
from med_cam.report.saved import Saved
from med_cam.results.contrast import Contrast
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.consistency import moves_none
from med_cam.verify.specificity import sufficient


def lacking(case: Case, saved: Saved, response: BaselineResponse) -> Iterator[Difference]:
    """The tests that are null and would have been made.

    Patches are tested wherever the search ended with a claim that holds. Where it ended with none,
    the mask is the whole image, or moves no picture at all, or is the paper's single cut, whose
    claim can be made again.
    """
    rules = case.config
    if saved.document["tests"]["minimality"] is not None or not rules.certification.patch:
        return
    if rules.refinement.cut == "threshold":
        asked = sufficient(claimed(case, saved.mask, response, attempt=0))
    else:
        asked = not torch.equal(saved.mask, exported(case, case.open)) and not moves_none(
            case.claims,
            reread(case, saved.mask),
            response.pictures,
            case.target,
            rules.verification,
        )
    if asked:
        yield Difference("tests.minimality", None, "a test of each patch, which the settings want")


def contrast_again(case: Case, saved: Saved) -> tuple[Contrast | None, Contrast | None]:
    """The explanation the other way round as it comes out, and with outcomes on the edge as saved.

    None where none was saved, or where these settings and labels would not make one.
    """
    if saved.contrast is None or not case.predicted:
        return None, None
    quiet, other = saved.contrast
    now = Contrast(quiet_region(case, quiet), runner_up(case, other))
    return now, contrast_as_saved(now, saved.document["contrast"])


def lacking_contrast(
    case: Case, saved: Saved, *, given_by: tuple[str, ...]
) -> Iterator[Difference]:
    """The explanation the other way round, if it is null and would be made, or the reverse."""
    wanted = needs_contrast(case, given_by) and not saved.older
    if wanted == (saved.contrast is not None):
        return
    has = "one" if saved.contrast is not None else None
    yield Difference("contrast", has, "one, which the settings want" if wanted else None)


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
