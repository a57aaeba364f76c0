"""To which baselines a classifier is not robust, and the claim restricted to the others."""

from typing import NamedTuple

from med_cam.case.case import Case
from med_cam.case.seeds import restricted_to
from med_cam.certification.ladder import weaker_wanted
from med_cam.config.baselines import is_fixed
from med_cam.config.rules import confidence as allowed_confidence
from med_cam.pipeline.budget import OTHER_SCORES, claim_passes, left_over, weaker_passes
from med_cam.pipeline.certify import Certified, smallest_certified
from med_cam.pipeline.propose import Found
from med_cam.pipeline.robustness import Robustness, robustness
from med_cam.results.check import BaselineResult
from med_cam.results.claim import RestrictedClaim

SEARCHED = 450  # passes besides the certificate's that a search and a reduction take
CUT = 150  # the same for masks that are cut from the scores of another search


class Restriction(NamedTuple):
    """To which baselines a classifier is not robust, and the claim without them.

    Attributes:
        broken: searched baselines to which the prediction is not robust.
        claim: on the others; None if none holds.
        tried: whether it was searched for, and certificates were tried.
        random: whether these have a part of the risk: without random samples they need none.
        short: whether too few passes were left to search for it.
    """

    broken: tuple[BaselineResult, ...] = ()
    claim: RestrictedClaim | None = None
    tried: bool = False
    random: bool = False
    short: bool = False


def known_ahead(case: Case, found: Found) -> Robustness | None:
    """To what a classifier is robust, before the full claim is made; None where it can wait.

    Where a mask begins with more than half of the image, weaker claims will be wanted.
    """
    likely = weaker_wanted(case, holds=True, area=found.area)
    if not likely or found.response.decision.given_by:
        return None
    return robustness(case, found.scores)


def kept_for_weaker(case: Case, known: Robustness | None) -> int:
    """Passes of the budget that the full claim leaves to weaker ones, if those will be wanted."""
    if known is None:
        return 0
    if not known.broken or not known.names:
        return weaker_passes(case)
    restricted = SEARCHED + claim_passes(case, 1) + case.config.certification.controls
    return max(restricted, weaker_passes(case))


def restricted_claim(
    case: Case,
    found: Found,
    confidence: float | None = None,
    known: Robustness | None = None,
) -> Restriction:
    """For a classifier that is not robust to some baseline: to which, and what holds without it.

    Nothing to say where a mask below `refinement.large` holds, or no decision was made.

    Args:
        case: the image before the classifier.
        found: what was found on all baselines.
        confidence: of all certificates of the restricted claim; None is that of the full claim.
        known: to what the classifier is robust, if that was looked into before.
    """
    if not weaker_wanted(case, holds=found.claim.holds, area=found.area):
        return Restriction()
    broken, names = known or robustness(case, found.scores)
    random = any(not is_fixed(name) for name in names)
    beyond = random and confidence is not None and not allowed_confidence.fits(confidence)
    if not broken or not names or beyond:
        return Restriction(broken)
    fewer = restricted_to(case, names, confidence if random else None)
    done = certified_within(fewer, found, left_over(case, found.claim.given_by))
    if done is None or not done.claim.holds or done.area >= found.area:
        return Restriction(broken, tried=done is not None, random=random, short=done is None)
    dropped = tuple(name for name in case.config.verification.baselines if name not in names)
    seed = fewer.config.seed
    held = RestrictedClaim(done.mask, done.area, done.claim, dropped, seed)
    return Restriction(broken, held, tried=True, random=random)


def certified_within(fewer: Case, found: Found, left: int | None) -> Certified | None:
    """The smallest mask on fewer baselines that these passes find; None if they are too few.

    Where they hold no search, masks are cut from the scores of the one on all baselines.

    Args:
        fewer: the case of the restricted claim.
        found: what was found on all baselines.
        left: passes; None: any number.
    """
    if left is None:
        return smallest_certified(fewer)
    rules = fewer.config.certification
    used = rules.budget - left + rules.controls
    spare = left - rules.controls - claim_passes(fewer, 1)
    leaks = found.ground is not None and found.ground.wary  # so may the masks of these scores
    if spare < CUT + (OTHER_SCORES if leaks else 0):
        return None
    searched = spare >= SEARCHED or not bool(found.scores.any())
    return smallest_certified(fewer, None if searched else found.scores, used)
