"""Which random numbers each purpose uses: every purpose of a case has samples of its own.

A certificate holds only on samples that nothing else has used; this file makes sure of that.
"""

import hashlib
from dataclasses import replace

from torch import Generator

from med_cam.case.case import Case
from med_cam.config.rules import SEEDS
from med_cam.config.settings import relative_to

# The first 64 numbers of a seed: four purposes, then one number per attempt at a claim.
SEARCH, CANDIDATES, SENSITIVITY, AFTER, CLAIM = range(5)
BASELINE, PATCHES, DELETION, REINSERTION, SILHOUETTE, SUPERSET, RANDOM_REGIONS = range(64, 71)
QUIET_SEARCH, QUIET, RUNNER_UP_SEARCH, REGION_SEARCH, RUNNER_UP = range(96, 101)
GRADE_SEARCH, GRADE, GRADE_CONTROL, RESTRICTED_CONTROL = range(80, 84)
LACK_MAP, LACK_SEARCH, LACK, LACK_CONTROL = range(84, 88)
RANK_SEARCH, RANK, RANK_CONTROL = range(88, 91)
OTHERS_SEARCH = 103
FIRST_LOOK = 104  # at what another method shows; all of them on the same samples
CERTIFY = 128  # one number per mask tried

FEW = 64  # purposes that share a seed's numbers
NEXT = 1_000_003  # from one mask of an image to the next; a user's own seeds are closer together
RESTRICTED = 500_009  # from the full claim to the restricted one
BESIDE = 700_001  # from the first claim to the one over other removals


def fresh(case: Case, purpose: int) -> Generator:
    """The generator of one purpose, on the CPU: a claim can be sampled again on any machine."""
    return generator_of(case.config.seed, purpose)


def generator_of(seed: int, purpose: int) -> Generator:
    """The generator of a seed and a purpose.

    torch reads 32 bits of a seed: what does not fit into them side by side is hashed.
    """
    number = seed * FEW + purpose
    if purpose >= FEW or number >= 2**32:
        digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
        number = int.from_bytes(digest[:4], "little")
    return Generator().manual_seed(number)


def under_seed(case: Case, seed: int) -> Case:
    """The same case under another seed; seeds beyond the last begin again at 0."""
    return replace(case, config=replace(case.config, seed=seed % SEEDS))


def restricted_to(case: Case, names: tuple[str, ...], confidence: float | None = None) -> Case:
    """The case of a claim on fewer baselines, on samples of its own.

    Args:
        case: of the full claim.
        names: of the baselines that are left.
        confidence: of all its certificates together; None is that of the full claim.
    """
    config = relative_to(case.config, names)
    if confidence is not None:
        rules = replace(config.verification, confidence=confidence)
        config = replace(config, verification=rules)
    fewer = replace(case, config=config)
    return under_seed(fewer, case.config.seed + RESTRICTED)


def beside(case: Case) -> Case:
    """The case of the claim over `verification.beside`, on samples of its own."""
    other = replace(case, config=relative_to(case.config, case.config.verification.beside))
    return under_seed(other, case.config.seed + BESIDE)


def reseeded(case: Case, number: int) -> Case:
    """The case of the n-th further mask, on samples of its own."""
    return under_seed(case, case.config.seed + NEXT * number)
