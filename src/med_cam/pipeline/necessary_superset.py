"""A necessary superset: a larger mask without which the prediction changes."""

from collections.abc import Iterator

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import SUPERSET
from med_cam.certification.certificate import superset_claim
from med_cam.certification.mask_tests import decision_of, infill_of, necessity_of
from med_cam.masking.masks import keep_most
from med_cam.pipeline.propose import Found
from med_cam.results.mask_tests import NecessarySuperset
from med_cam.verify.necessity import necessity

ROUNDS = 6  # bisections of the share that is added


def superset(case: Case, found: Found, tried: int, draws: int) -> NecessarySuperset | None:
    """The smallest mask of these scores around the certified one, sufficient and necessary.

    None if none short of the whole image is.

    Args:
        case: the image before the classifier.
        found: the certified mask, and the scores it was cut from.
        tried: masks of this image for which a certificate was tried before.
        draws: draws of samples that these used.
    """
    inner = reread(case, found.mask)
    for number, mask in enumerate(larger(case, found, inner), start=1):
        source = exported(case, mask)
        if bool((reread(case, source) == case.open).all()):
            return None
        claim = superset_claim(case, source, found.response, tried + number, draws + number)
        without = necessity_of(case, source, decision_of(case, claim))
        if claim.holds and without.holds:
            return NecessarySuperset(source, source.float().mean().item(), claim, without)
    return None


def larger(
    case: Case, found: Found, inner: Bool[Tensor, "1 1 h w"]
) -> Iterator[Bool[Tensor, "1 1 h w"]]:
    """Masks to try: the smallest without which few samples retain the label, then larger ones."""
    rules = case.config.certification
    infill = infill_of(case, rules.reduction_samples, SUPERSET)
    decision, confidence = found.response.decision, case.config.verification.confidence
    low, high = 0.0, 1.0
    for _ in range(ROUNDS):
        middle = (low + high) / 2
        mask = inner | (keep_most(found.scores, middle) & case.open)
        rest = necessity(case.batched, mask, infill, decision, confidence)
        low, high = (low, middle) if rest.holds else (middle, high)
    share = high
    for _ in range(rules.rounds):
        yield inner | (keep_most(found.scores, min(1.0, share)) & case.open)
        share *= case.config.refinement.growth
