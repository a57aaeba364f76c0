"""From scores to a mask with a claim: cut, export, verify, and grow until it holds."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.config import Config, Refinement, Verification
from med_cam.images.mask_file import mask_from_png, mask_png
from med_cam.observe import Case
from med_cam.refine import Passes, keep_most, smallest_passing
from med_cam.values import Claim, Step
from med_cam.verify.claim import verify
from med_cam.verify.emptiness import Emptiness, emptiness

# Each purpose has draws of its own; claims come last of the first 64, one number an attempt.
SEARCH, CANDIDATES, BREAKING, AFTER, CLAIM = range(5)
EMPTY, CELLS, WITHOUT, HIDDEN, SILHOUETTE, ENLARGE = range(64, 70)
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


def candidate_rules(config: Config) -> Verification:
    """The claim's rules with the refinement's numbers: stricter in share, fewer trials."""
    r = config.refinement
    return replace(
        config.verification,
        share=r.share,
        draws=r.draws,
        shape_trials=r.shape_trials,
        shifts=r.shifts,
    )


def exported(case: Case, mask: Bool[Tensor, "1 1 h w"]) -> Bool[Tensor, "h1 w1"]:
    """The mask in the source image's pixels, written as a file and read again."""
    return mask_from_png(mask_png(case.geometry.restore((mask & case.open).cpu())))


def reread(case: Case, mask: Bool[Tensor, "h1 w1"]) -> Bool[Tensor, "1 1 h w"]:
    """An exported mask in the classifier's frame."""
    return case.geometry.project(mask).to(case.scene.x.device)


@dataclass(frozen=True, slots=True)
class Found:
    """A mask in the source's pixels, its share of them, and the claims tried; the last is its own.

    `scores` are what it was cut from, in the classifier's frame; `empty` what the backgrounds are
    called alone; `steps` the search for the scores.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    scores: Float[Tensor, "1 1 h1 w1"]
    claims: tuple[Claim, ...]
    empty: Emptiness
    steps: tuple[Step, ...] = ()

    @property
    def claim(self) -> Claim:
        """The claim on this mask."""
        return self.claims[-1]


def shares_to_claim(first: float | None, rules: Refinement) -> Iterator[float]:
    """The areas put to a claim, one after the other: growing, then the whole image."""
    share = first or 1.0
    for _ in range(rules.attempts):
        if share >= 1.0:
            break
        yield share
        share *= rules.growth
    yield 1.0


def settle(
    case: Case,
    maps: Float[Tensor, "n 1 h w"],
    passes: Passes,
    config: Config,
    steps: tuple[Step, ...] = (),
) -> Found:
    """The smallest mask of these maps on which a claim holds; else the last one tried.

    Every claim has draws of its own, on the exported mask, one composite a pass.
    """
    seen = torch.where(case.open, maps, maps.min() - 1)  # padding is never evidence
    empty = empty_of(case, config)
    tried: list[Claim] = []
    chosen, source = maps[:1], exported(case, case.open)

    def passes_exported(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        return passes(reread(case, exported(case, mask)))

    for scores, mask in candidates(seen, passes_exported, config):
        chosen, source = scores, exported(case, mask)
        tried.append(claimed(case, source, empty, config, attempt=len(tried)))
        if tried[-1].holds:
            break
    return Found(source, source.float().mean().item(), chosen, tuple(tried), empty, steps)


def candidates(
    maps: Float[Tensor, "n 1 h w"], passes: Passes, config: Config
) -> Iterator[tuple[Float[Tensor, "1 1 h w"], Bool[Tensor, "1 1 h w"]]]:
    """Masks to claim on, each after the map it was cut from, in the order to try them.

    The paper's single cut; or the smallest that passes, then larger ones of the same map.
    """
    rules = config.refinement
    if rules.cut == "threshold":
        yield maps[:1], maps[:1] > 0  # a soft mask of one half
        return
    index, first = smallest_passing(maps, passes, smallest=rules.smallest, rounds=rules.rounds)
    chosen = maps[index : index + 1]
    for share in shares_to_claim(first, rules):
        yield chosen, keep_most(chosen, share)


def whole_image(case: Case, config: Config) -> Found:
    """Every pixel that the classifier saw, and the claim on it: for when nothing can be kept."""
    scores = torch.zeros_like(case.scene.x[:, :1])
    source, empty = exported(case, case.open), empty_of(case, config)
    claims = (claimed(case, source, empty, config, attempt=0),)
    return Found(source, source.float().mean().item(), scores, claims, empty)


def empty_of(case: Case, config: Config) -> Emptiness:
    """What the backgrounds are called alone, on draws that no claim uses."""
    draws = fresh(config.seed, EMPTY)
    return emptiness(case.singly, case.scene, case.question, config.verification, draws)


def claimed(
    case: Case, mask: Bool[Tensor, "h1 w1"], empty: Emptiness, config: Config, *, attempt: int
) -> Claim:
    """The claim on an exported mask, one composite a pass, on draws of this attempt alone."""
    draws = fresh(config.seed, CLAIM + attempt)
    return verify(case.singly, case.scene, reread(case, mask), empty, config.verification, draws)
