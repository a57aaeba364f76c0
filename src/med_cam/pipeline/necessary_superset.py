"""A second, larger mask that is necessary too: without it the answer changes."""

from collections.abc import Iterator

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import SUPERSET
from med_cam.certification.certificate import certificate_of
from med_cam.certification.mask_tests import around_of, necessity_of
from med_cam.config.settings import Config
from med_cam.masking import keep_most
from med_cam.pipeline.propose import Found
from med_cam.results import NecessarySuperset
from med_cam.verify.decision import Decision
from med_cam.verify.necessity import necessity

ROUNDS = 6  # bisections of the share that is added


def superset(case: Case, found: Found, config: Config, tried: int) -> NecessarySuperset | None:
    """The smallest mask of these scores around the one that is proved, sufficient and necessary.

    None if none short of the whole image is.

    Args:
        case: the image before the classifier.
        found: the mask that is proved, and the scores it was cut from.
        config: settings.
        tried: certificates made out for this image before.
    """
    inner = reread(case, found.mask)
    for number, mask in enumerate(larger(case, found, inner, config), start=tried + 1):
        source = exported(case, mask)
        if bool((reread(case, source) == case.open).all()):
            return None
        claim = certificate_of(case, source, found.response, config, number)
        decision = Decision(case.target, claim.p_baseline, claim.threshold)
        without = necessity_of(case, source, decision, config)
        if claim.holds and without.holds:
            return NecessarySuperset(source, source.float().mean().item(), claim, without)
    return None


def larger(
    case: Case, found: Found, inner: Bool[Tensor, "1 1 h w"], config: Config
) -> Iterator[Bool[Tensor, "1 1 h w"]]:
    """Masks to try: the smallest whose complement loses the answer on a few draws, then larger."""
    around = around_of(case, config, config.certification.reduction_samples, SUPERSET)
    decision, confidence = found.response.decision, config.verification.confidence
    low, high = 0.0, 1.0
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        mask = inner | (keep_most(found.scores, middle) & case.open)
        rest = necessity(case.predict, case.scene, mask, around, decision, confidence)
        low, high = (low, middle) if rest.holds else (middle, high)
    share = high
    for _ in range(config.certification.rounds):
        yield inner | (keep_most(found.scores, min(1.0, share)) & case.open)
        share *= config.refinement.growth
