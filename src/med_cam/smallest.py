"""Search, cut and claim: the smallest mask of a case on which a claim holds."""

from med_cam.config import Config
from med_cam.observe import Case, reference_of
from med_cam.search import OnStep, search
from med_cam.settle import (
    CANDIDATES,
    SEARCH,
    Found,
    candidate_rules,
    fresh,
    settle,
    whole_image,
)
from med_cam.verify.candidates import candidate_judge


def smallest_mask(case: Case, config: Config, on_step: OnStep | None = None) -> Found:
    """The smallest mask on which a claim holds; the whole image where there is nothing to keep."""
    same = fresh(config.seed, CANDIDATES)  # draws that every candidate is judged on
    decision, passes = candidate_judge(
        case.answer, case.scene, case.question, candidate_rules(config), same
    )
    gap = case.question.full - decision.empty
    if not case.decided or gap < config.verification.least_gap:
        return whole_image(case, config)
    reference = reference_of(case, decision.required)
    generator = fresh(config.seed, SEARCH)
    maps, steps = search(case, reference, config, generator, on_step)  # sections 3.2 to 3.4
    return settle(case, maps, passes, config, steps)
