"""Minimality of a saved mask: each patch tested again on its witness."""

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

import torch

from med_cam.case.case import Case
from med_cam.certification.minimality import region_side, retested, sample_set
from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE, MASK_FILE, REGIONS_FILE
from med_cam.report.saved import Saved
from med_cam.results.minimality import Minimality, Patch
from med_cam.verify.baseline_response import BaselineResponse


def minimality_rechecked(
    case: Case, saved: Saved, response: BaselineResponse
) -> Minimality | None:
    """Each patch, on the masked input that is its witness; None if none was looked into.

    Raises:
        OutputError: if a sample is named that these settings do not lead to.
    """
    reported, rules = saved.document["tests"]["minimality"], case.config.certification
    if reported is None or not rules.patch:
        return None
    on = sample_set(case, response.decision)
    short = max([0, *reported["samples"]]) + 1 - len(on.samples)
    if short > 2 * rules.pool * rules.rounds:
        raise OutputError(
            f"{saved.folder / JSON_FILE} names sample {max(reported['samples'])}, which these "
            "settings do not lead to; it was changed, explain the image again"
        )
    if short > 0:
        on = sample_set(case, response.decision, more=short)
    if max([0, *reported["samples"]]) >= len(on.samples):  # of none that is random
        raise OutputError(
            f"{saved.folder / JSON_FILE} names a sample that its baselines do not have; it was "
            "changed, explain the image again"
        )
    tolerance = min(int(reported["tolerance"]), on.tolerance)
    trial = on.trial(reported["samples"], reported["shifts"], tolerance=tolerance)
    said = replace(as_saved(reported), tolerance=tolerance, regions=saved.regions)
    if saved.regions is not None:
        refuse_other_parts(saved)
        return retested(case, saved.mask, trial, replace(said, patch=region_side(case)))
    doubled = said.patch / rules.patch  # patches are made twice as large, and twice again
    if doubled < 1 or not math.log2(doubled).is_integer():
        said = replace(said, patch=rules.patch)
    return retested(case, saved.mask, trial, said)


def refuse_other_parts(saved: Saved) -> None:
    """Check that the parts of a result are those of its mask: each pixel of it in one, no other.

    Raises:
        OutputError: if they are not.
    """
    if saved.regions is None or not torch.equal(saved.regions > 0, saved.mask):
        raise OutputError(
            f"{saved.folder / REGIONS_FILE} does not divide the mask of {MASK_FILE}; it was "
            "changed, explain the image again"
        )


def as_saved(reported: Mapping[str, Any]) -> Minimality:
    """What explanation.json says of minimality, as a value."""
    names = [f.name for f in fields(Minimality) if f.name not in ("edge", "regions")]
    values = {name: reported[name] for name in names}
    patches = (
        Patch(c["row"], c["column"], c["witness"], c["number"]) for c in reported["patches"]
    )
    lists = {
        "patches": tuple(patches),
        "samples": tuple(reported["samples"]),
        "shifts": tuple(reported["shifts"]),
    }
    areas = {name: float(reported[name]) for name in ("before", "after")}  # JSON writes 1.0 as 1
    return Minimality(**values | areas | lists)
