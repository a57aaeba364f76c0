"""Other masks of the same image: disjoint from the one found, and those of other seeds."""

from dataclasses import replace

from jaxtyping import Bool
from torch import Tensor

from med_cam.agreement import agreement
from med_cam.certify import Certified, certified
from med_cam.config import Config
from med_cam.config_rules import SEEDS
from med_cam.masking import composite
from med_cam.observe import Case
from med_cam.proof import around_of
from med_cam.settle import ENLARGE, Found, exported, reread
from med_cam.smallest import smallest_mask
from med_cam.values import Agreement, Alternative
from med_cam.verify.cells import gap_of
from med_cam.verify.emptiness import Emptiness

NEXT = 1_000_003  # from one mask of an image to the next; a user's own seeds are closer together


def alternatives(
    case: Case, found: Found, config: Config
) -> tuple[tuple[Alternative, ...], bool | None]:
    """Further sufficient masks, each disjoint from all before it, and whether there are no others.

    Found by the same search with the earlier masks forbidden, on draws of its own. There are no
    others once all that is left of the image does not keep the decision.
    """
    taken = reread(case, found.mask)
    masks: list[Alternative] = []
    for number in range(1, config.certification.alternatives + 1):
        rest = replace(case, open=case.open & ~taken)
        if not suffices(rest, found.empty, config):
            return tuple(masks), True
        done = smallest_certified(rest, reseeded(config, number))
        if not done.claim.holds:
            return tuple(masks), None
        masks.append(Alternative(done.mask, done.area, done.claim))
        taken = taken | reread(case, done.mask)
    rest = replace(case, open=case.open & ~taken)
    return tuple(masks), None if suffices(rest, found.empty, config) else True


def suffices(case: Case, empty: Emptiness, config: Config) -> bool:
    """Whether all that is open keeps the decision on every one of a few draws."""
    if not case.open.any():
        return False
    rest = reread(case, exported(case, case.open)).to(case.scene.x)
    around = around_of(case, config, config.certification.cell_draws, ENLARGE)
    p = case.answer(composite(case.scene.x, rest, around))
    return bool((gap_of(p, empty.decision) >= 0).all())


def agreement_of(case: Case, found: Found, config: Config) -> Agreement | None:
    """The mask against those of the seeds that follow; None if only one seed is asked for."""
    count = config.certification.seeds
    if count < 2:
        return None
    seeds = [(config.seed + i) % SEEDS for i in range(count)]
    others = [smallest_certified(case, replace(config, seed=seed)) for seed in seeds[1:]]
    masks: list[Bool[Tensor, "h w"]] = [found.mask, *(other.mask for other in others)]
    verified = found.claim.holds + sum(other.claim.holds for other in others)
    return agreement(masks, seeds, verified=verified)


def smallest_certified(case: Case, config: Config) -> Certified:
    """A mask and its certificate, without anything else that is proved."""
    return certified(case, smallest_mask(case, config), config)


def reseeded(config: Config, number: int) -> Config:
    """The settings of the n-th further mask."""
    return replace(config, seed=(config.seed + NEXT * number) % SEEDS)
