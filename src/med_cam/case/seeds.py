"""Which random numbers each purpose draws: every purpose of a case has samples of its own."""

import hashlib
from dataclasses import replace

from torch import Generator

from med_cam.config.rules import SEEDS
from med_cam.config.settings import Config

# Each purpose has draws of its own; claims come last of the first 64, one number an attempt.
SEARCH, CANDIDATES, BREAKING, AFTER, CLAIM = range(5)
BASELINE, PATCHES, DELETION, REINSERTION, SILHOUETTE, SUPERSET = range(64, 70)
CERTIFY = 128  # one number a mask tried

FEW = 64  # purposes that share a seed's numbers


def fresh(seed: int, purpose: int) -> Generator:
    """A generator on the CPU, so that a claim can be drawn again on any machine.

    torch reads 32 bits of a seed: what does not fit into them side by side is hashed.
    """
    number = seed * FEW + purpose
    if purpose >= FEW or number >= 2**32:
        digest = hashlib.sha256(f"{seed} {purpose}".encode()).digest()
        number = int.from_bytes(digest[:4], "little")
    return Generator().manual_seed(number)


NEXT = 1_000_003  # from one mask of an image to the next; a user's own seeds are closer together


def reseeded(config: Config, number: int) -> Config:
    """The settings of the n-th further mask."""
    return replace(config, seed=(config.seed + NEXT * number) % SEEDS)
