"""The budget of passes of an image: what is kept back of it for the certificate and the tests."""

from dataclasses import replace
from functools import cache

from med_cam.case.case import Case
from med_cam.certification.certificate import samples_of
from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Config
from med_cam.results.passes import Passes
from med_cam.verify.consistency import BLURS, WAYS
from med_cam.verify.shift_stability import DIRECTIONS

MEASURED = 100  # passes to find the next mask that has its margin, as a rule
PARTS = 40  # passes that show which parts of a mask are needed, at most as a rule


def affordable(case: Case, tried: int, more: int = 0) -> bool:
    """Whether the budget holds the n-th certificate and the tests, and some passes before them."""
    budget, spent = case.config.certification.budget, case.cost()
    needed = more + claim_passes(case.config, tried) + test_passes(case.config)
    return not budget or spent.forward + spent.backward + needed <= budget


def and_another(case: Case, tried: int, more: int = 0) -> bool:
    """Whether the budget holds the n-th certificate and, should it be refused, the next one."""
    return affordable(case, tried + 1, more + claim_passes(case.config, tried))


def parts_affordable(case: Case, more: int) -> bool:
    """Whether the budget holds further looks for needed parts, and the tests after them."""
    budget, spent = case.config.certification.budget, case.cost()
    needed = more + test_passes(case.config) - PARTS
    return not budget or spent.forward + spent.backward + needed <= budget


def from_here(case: Case) -> Case:
    """The same case with a budget that begins here: each further claim has one of its own."""
    before = case.cost()

    def since() -> Passes:
        now = case.cost()
        return Passes(now.forward - before.forward, now.backward - before.backward)

    return replace(case, cost=since)


@cache  # asked before each mask that the reduction tries, of which each takes dozens of bounds
def claim_passes(config: Config, tried: int) -> int:
    """What the n-th certificate takes."""
    rules = config.verification
    fixed = sum(is_fixed(name) for name in rules.baselines)
    unseen = sum(1 if is_fixed(name) else rules.unseen_samples for name in rules.unseen)
    return samples_of(tried, rules) + fixed + unseen + besides_passes(config)


def besides_passes(config: Config) -> int:
    """What the checks besides sufficiency take: they come first, and may refuse a mask alone."""
    rules = config.verification
    shifts = len(rules.shifts) * len(DIRECTIONS)
    in_pictures = rules.consistency_trials + WAYS * len(BLURS) if rules.consistency else 0
    return rules.leakage_trials + shifts + in_pictures


def test_passes(config: Config) -> int:
    """What the tests of a mask take, as a rule."""
    rules, names = config.certification, len(config.verification.baselines)
    return rules.deletion_samples + rules.reinsertion_trials + 3 * names + PARTS
