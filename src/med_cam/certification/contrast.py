"""The explanation the other way round, judged on a case: masks of any origin go in."""

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import QUIET, RUNNER_UP, fresh
from med_cam.certification.certificate import Exported
from med_cam.masking.samplers import baselines_in_turn
from med_cam.results.contrast import QuietRegion, RunnerUp
from med_cam.verify.certificate import rate, samples_for
from med_cam.verify.contrast import limits, parts_shown, rises, smooth_parts
from med_cam.verify.decision import Target
from med_cam.verify.edge import edge
from med_cam.verify.minimality import numbered
from med_cam.verify.warnings import is_negative

CONTROLS = 19  # random regions: none of them reaches what a region does one time in 20 by chance
EACH = 2  # random samples of the removal that a region is shown over, besides the fixed ones


def needs_contrast(case: Case, given_by: tuple[str, ...]) -> bool:
    """Whether a label is predicted that needs no evidence, and there is another one.

    Args:
        case: the image before the classifier.
        given_by: baselines that give the label by themselves.
    """
    several = len(case.target.labels) > 1 and case.config.certification.contrast
    nothing = is_negative(case.target.label) or bool(given_by)
    return several and case.predicted and nothing


def runner_up_of(case: Case) -> Target:
    """The label that is second on the whole image."""
    target, others = case.target, case.before[0].clone()
    others[target.index] = -1.0
    index = int(others.argmax())
    threshold = case.classifier.thresholds[index] if target.head == "sigmoid" else 0.0
    return Target(index, target.labels, target.head, threshold, case.before[0, index].item())


def limits_of(case: Case) -> Float[Tensor, " k"]:
    """The probability above which each other label comes up."""
    found = limits(case.target.index, case.classifier.thresholds, len(case.target.labels))
    return found.to(case.before)


def quiet_region(case: Case, mask: Exported) -> QuietRegion:
    """Random parts of a region."""
    rules, generator = case.config.verification, fresh(case, QUIET)
    count = samples_for(rules.certified, 1 - rules.confidence)
    infill = baselines_in_turn(rules.baselines, case.scene, count, generator)
    parts = smooth_parts(reread(case, mask), count, generator)
    shown = parts_shown(case.claims, parts, infill, limits_of(case), rules.confidence)
    return QuietRegion(mask, mask.float().mean().item(), shown, rules.certified)


def runner_up(case: Case, mask: Exported) -> RunnerUp:
    """A region alone, and random ones of its area."""
    other, generator = runner_up_of(case), fresh(case, RUNNER_UP)
    infill = numbered(case.scene, case.config.verification.baselines, EACH, generator)
    region = reread(case, mask)
    share = int(region.sum()) / int(case.scene.valid.sum())
    controls = smooth_parts(case.scene.valid, CONTROLS, generator, share=share)
    rise, p, alone = rises(case.claims, torch.cat([region, controls]), infill, other.index)
    confidence, near = case.config.verification.confidence, (rise[1:] - rise[0]).abs()
    above = p[0, :, other.index] - limits_of(case)[other.index]
    turned, reached = int((above > 0).sum()), int((rise[1:] >= rise[0]).sum())
    return RunnerUp(
        label=other.label,
        mask=mask,
        area=mask.float().mean().item(),
        p_image=other.p_image,
        p_baseline=alone[:, other.index].mean().item(),
        p_region=p[0, :, other.index].mean().item(),
        rise=rise[0].item(),
        turned=rate(
            turned,
            len(p[0]),
            confidence,
            at_least=True,
            edge=edge(above.abs().tolist()),
        ),
        controls=rate(reached, CONTROLS, confidence, at_least=False, edge=edge(near.tolist())),
    )
