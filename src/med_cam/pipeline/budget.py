"""The budget of passes of an image: what is kept back of it for what comes later."""

from dataclasses import replace
from functools import cache

from med_cam.case.case import Case
from med_cam.certification.certificate import samples_of
from med_cam.certification.contrast import needs_contrast
from med_cam.config.baselines import INSIDE, hard, is_fixed
from med_cam.config.settings import Config, Verification
from med_cam.removal.samples import CUTS
from med_cam.results.passes import Passes
from med_cam.verify.consistency import BLURS, WAYS
from med_cam.verify.shift_stability import DIRECTIONS
from med_cam.verify.specificity import given

MEASURED = 100  # passes to find the next mask that has its margin, as a rule
PARTS = 40  # passes that show which parts of a mask are needed, at most as a rule
FILLS = 4  # of a mask's outline
CONTRAST = 175  # passes of the explanation the other way round, at most
DISCS = 50  # more, where no search has looked at any
OTHER_SCORES = 250  # passes of a mask of other scores, as a rule, where a claim is lost by outline
WEAKER = 4  # one of so many passes of the budget is kept back for weaker claims


def affordable(case: Case, tried: int, more: int = 0) -> bool:
    """Whether the budget holds the n-th certificate and what comes after it, and some more."""
    needed = more + claim_passes(case, tried) + test_passes(case.config)
    return holds(case, needed + contrast_passes(case))


def holds(case: Case, needed: int) -> bool:
    """Whether the budget holds so many passes more."""
    budget, spent = case.config.certification.budget, case.cost()
    return not budget or spent.forward + spent.backward + needed <= budget


def and_another(case: Case, tried: int, more: int = 0) -> bool:
    """Whether the budget holds the n-th certificate and, should it be refused, the next one."""
    return affordable(case, tried + 1, more + claim_passes(case, tried))


def parts_affordable(case: Case, more: int) -> bool:
    """Whether the budget holds further looks for needed parts, and the tests after them."""
    return holds(case, more + test_passes(case.config) - PARTS + contrast_passes(case))


def left_over(case: Case, given_by: tuple[str, ...]) -> int | None:
    """What the budget holds besides the tests that are still to come; None: any number.

    Args:
        case: the image before the classifier.
        given_by: baselines that give the label by themselves.
    """
    budget, spent = case.config.certification.budget, case.cost()
    later = test_passes(case.config) - PARTS + contrast_passes(case, given_by)
    return max(budget - spent.forward - spent.backward - later, 0) if budget else None


def weaker_passes(case: Case) -> int:
    """What weaker claims take together, at most as a rule."""
    rules = case.config.certification
    return min(rules.ladder_passes, rules.budget // WEAKER)


def keeping(case: Case, kept: int, area: float) -> Case:
    """The same case, of whose budget passes are kept back for what comes after a mask.

    None are where it is small enough: then no weaker claim will be wanted.
    """
    return spent_besides(case, kept) if area > case.config.refinement.large else case


def from_here(case: Case, used: int = 0) -> Case:
    """The same case with a budget that begins here, of which so many passes are used."""
    before = case.cost()
    return spent_besides(case, used - before.forward, -before.backward)


def spent_besides(case: Case, forward: int, backward: int = 0) -> Case:
    """The same case as if it had made so many passes more."""

    def spent() -> Passes:
        now = case.cost()
        return Passes(now.forward + forward, now.backward + backward)

    return replace(case, cost=spent)


def contrast_passes(case: Case, given_by: tuple[str, ...] = ()) -> int:
    """Kept back for the explanation the other way round, where the label needs no evidence.

    Where baselines give it by themselves, no search has looked at discs yet.
    """
    if not needs_contrast(case, given_by):
        return 0
    return CONTRAST + (DISCS if given_by else 0)


def claim_passes(case: Case, tried: int) -> int:
    """What the n-th certificate takes, at most."""
    return certificate_passes(case.config.verification, tried, referenced=given(case.scene))


@cache  # asked before each mask that the reduction tries, of which each takes dozens of bounds
def certificate_passes(rules: Verification, tried: int, *, referenced: bool) -> int:
    """The same, with reference images or without."""
    fixed = sum(is_fixed(name) for name in rules.baselines)
    unseen = sum(1 if is_fixed(name) else rules.unseen_samples for name in rules.unseen)
    besides = besides_passes(rules, referenced=referenced)
    return sample_passes(rules, tried) + fixed + unseen + besides


@cache
def sample_passes(rules: Verification, tried: int) -> int:
    """What the random samples of the n-th certificate take: those that are alike take one."""
    random = [name for name in rules.baselines if not is_fixed(name)]
    each = -(-samples_of(tried, rules) // max(1, len(random)))
    return sum(min(each, CUTS) if hard(name) in INSIDE else each for name in random)


def spared_passes(case: Case, tried: int) -> int:
    """What the n-th certificate would take besides, if each of its samples took a pass."""
    rules = case.config.verification
    return max(samples_of(tried, rules) - sample_passes(rules, tried), 0)


def besides_passes(rules: Verification, *, referenced: bool) -> int:
    """What the checks besides sufficiency take: they come first, and may refuse a mask alone.

    Where there are no reference images, the image itself is what the evidence is laid into, one
    way more, and random regions are looked at.
    """
    laid_in, regions = picture_passes(rules), 0
    if not referenced:
        laid_in = (WAYS + 1) * len(BLURS) if rules.consistency else 0
        regions = rules.leakage_trials if rules.specificity_rate else 0
    return rules.leakage_trials + len(rules.shifts) * len(DIRECTIONS) + laid_in + regions


def picture_passes(rules: Verification) -> int:
    """What laying the evidence into pictures takes, at most; the image blurred is among them."""
    return rules.consistency_trials + WAYS * len(BLURS) if rules.consistency else 0


def test_passes(config: Config) -> int:
    """What the tests of a mask take, at most; what shows which parts are needed as a rule."""
    rules, names = config.certification, config.verification.baselines
    fixed = sum(is_fixed(name) for name in names)
    silhouettes = FILLS * (fixed + len(names))
    tests = rules.deletion_samples + fixed + rules.reinsertion_trials + silhouettes
    return tests + rules.random_regions + PARTS
