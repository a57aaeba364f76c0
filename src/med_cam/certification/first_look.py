"""A first look at what another method shows: equal area, a few samples of the same baselines."""

import torch

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import FIRST_LOOK, fresh
from med_cam.certification.certificate import Exported
from med_cam.images.overlap import chance_iou, iou
from med_cam.results.compared import FirstLook, OtherMethod
from med_cam.results.passes import Passes
from med_cam.verify.decision import Decision, retains
from med_cam.verify.sufficiency import drawn, over_baselines

SAMPLES = 8  # of each random baseline: enough to see what fails, far too few for a claim


def at_equal_area(  # noqa: PLR0913  a keyword for each thing given
    case: Case,
    mask: Exported,
    ours: Exported,
    *,
    decision: Decision,
    method: str,
    layer: str | None,
    spent: Passes,
) -> OtherMethod:
    """What another method shows, beside the evidence.

    Args:
        case: the image before the classifier.
        mask: of the other method.
        ours: the evidence.
        decision: what retaining the prediction means, one for all methods.
        method: its name.
        layer: that its map is of.
        spent: passes that its map took.
    """
    before = case.cost()
    looks = first_looks(case, mask, decision)
    after = case.cost()
    area, own = (each.float().mean().item() for each in (mask, ours))
    return OtherMethod(
        method=method,
        layer=layer,
        mask=mask,
        area=area,
        iou=iou(mask, ours),
        chance=chance_iou(area, own),
        looks=looks,
        passes=Passes(
            spent.forward + after.forward - before.forward,
            spent.backward + after.backward - before.backward,
        ),
    )


def first_looks(case: Case, mask: Exported, decision: Decision) -> tuple[FirstLook, ...]:
    """How often a mask retains the prediction; nothing where the target is not predicted."""
    if not case.predicted:
        return ()
    names = case.config.verification.baselines
    with torch.no_grad():
        samples = drawn(case.scene, names, SAMPLES, fresh(case, FIRST_LOOK))
        found = over_baselines(case.claims, reread(case, mask), samples)
    return tuple(
        FirstLook(name, len(p), int(retains(p, decision).sum())) for name, p in found.items()
    )
