"""Better than chance: does the target score higher on the mask than on random ones of its area?"""

from dataclasses import replace

from med_cam.case.round_trip import exported
from med_cam.case.seeds import RANK_SEARCH, fresh
from med_cam.certification.ladder import consistent, ranked
from med_cam.pipeline.budget import picture_passes
from med_cam.pipeline.rung import IN_PICTURES, Now, Step, not_tried, refused, region_of, too_many
from med_cam.verify.minimality import Mask, numbered
from med_cam.verify.random_masks import masks_for, mean_score
from med_cam.verify.rungs import risk_taken

AREA = 0.25  # of the mask: within what the search is trained for, and enough for a random mask
SPARE = 1  # random masks that may score as high, where there are passes for so many


def ranked_step(now: Now) -> Step:
    """A quarter of the image, among random quarters."""
    risk, rules = risk_taken("ranked", now.left), now.case.config.verification
    if not now.searched:
        return Step(not_tried("ranked", "blank inputs give the label, so that all masks do"))
    each = len(rules.baselines)  # passes a mask
    most = (now.room - picture_passes(rules)) // each - len(now.maps) - 1
    if not now.maps or most < masks_for(risk):
        return Step(too_many("ranked"))
    count = next(n for n in (masks_for(risk, SPARE), masks_for(risk)) if n <= most)
    return among_random(now, count, risk)


def best_quarter(now: Now) -> Mask:
    """A quarter of the image by the map on which it scores higher, on samples of the search."""
    case, names = now.case, now.case.config.verification.baselines
    infill = numbered(case.scene, names, len(names), fresh(case, RANK_SEARCH))[: len(names)]
    masks = [region_of(now, scores, AREA) for scores in now.maps]
    return max(masks, key=lambda mask: mean_score(case.batched, mask, infill, case.target))


def among_random(now: Now, count: int, risk: float) -> Step:
    """The mask among so many random ones."""
    case = now.case
    mask = exported(case, best_quarter(now))
    pictures = consistent(case, mask, now.found.response)
    if pictures is not None and not pictures.passed:
        return Step(refused("ranked", IN_PICTURES))
    rung = ranked(case, mask, count, risk, pictures)
    failed = replace(
        refused("ranked", f"{rung.control.hits} of {count} random regions score as high"),
        bounds=1,
        risk=risk,
    )
    if not rung.holds:
        return Step(failed)
    return Step(replace(failed, outcome="holds", why=""), rung)
