"""A data set to fit on, to validate on and to test on, without what leaks between them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from med_cam_studies.data.collection import TESTING, TRAINING, UNSPLIT, VALIDATION, Item
from med_cam_studies.data.copies import same_bytes, sha256_of

VALIDATED = 0.08  # share kept from fitting, where the owner keeps none: of the training images,
# or of all where the owner gives no split
NEARNESS = (TRAINING, UNSPLIT, VALIDATION, TESTING)  # to fitting
TESTED = 0.20  # share of the images, where the owner gives no split


@dataclass(frozen=True, slots=True)
class Dropped:
    """Files left out, and why.

    Attributes:
        within: byte for byte what another file of the same part is.
        across: byte for byte what a file of another part is that is nearer to fitting: in Testing,
            what a file of Training is.
        contradictory: byte for byte what a file with another label is; all such copies.
    """

    within: tuple[Item, ...] = ()
    across: tuple[Item, ...] = ()
    contradictory: tuple[Item, ...] = ()

    @property
    def total(self) -> int:
        """Files in all."""
        return len(self.within) + len(self.across) + len(self.contradictory)


@dataclass(frozen=True, slots=True)
class Splits:
    """Files by use. Every content appears once, whatever its name."""

    fit: tuple[Item, ...]
    validation: tuple[Item, ...]
    testing: tuple[Item, ...]
    dropped: Dropped


def split(
    items: Sequence[Item], *, validated: float = VALIDATED, tested: float = TESTED
) -> Splits:
    """The owner's split where there is one, else one by groups; without copies.

    What is drawn is drawn by a hash: of the group's name where there are groups, else of the
    file's bytes. So it is the same on every machine, whatever the files are called.

    Args:
        items: of one data set.
        validated: share of the images kept from fitting, unless the items say it; of those that
            are not to test on where the items say these.
        tested: share of the images to test on, unless the items say it.
    """
    hashes = {item.name: sha256_of(item.path) for item in items}
    kept, dropped = without_copies(items, hashes)
    validation_is_given = any(item.part == VALIDATION for item in items)
    shares = (0.0 if validation_is_given else validated, tested)
    parts: dict[str, list[Item]] = {TRAINING: [], VALIDATION: [], TESTING: []}
    for item in kept:
        parts[part_of(item, hashes[item.name], shares)].append(item)
    return Splits(tuple(parts[TRAINING]), tuple(parts[VALIDATION]), tuple(parts[TESTING]), dropped)


def part_of(item: Item, sha: str, shares: tuple[float, float]) -> str:
    """The part of an item; `shares` are those of validation and testing."""
    if item.part in (VALIDATION, TESTING):
        return item.part
    lot = hashlib.sha256(item.group.encode()).hexdigest() if item.group else sha
    place = int(lot[:8], 16) / 16**8
    if place < shares[0]:
        return VALIDATION
    return TESTING if item.part == UNSPLIT and place >= 1 - shares[1] else TRAINING


def without_copies(
    items: Sequence[Item], hashes: Mapping[str, str]
) -> tuple[tuple[Item, ...], Dropped]:
    """One item of each content, in the order given, and what was left out.

    Of copies across the owner's parts the one to fit on stays, of others the one whose group is
    known. Copies with different labels go, all of them: one label must be wrong, and nobody can
    say which.
    """
    copies = same_bytes(items, [hashes[item.name] for item in items])
    within: list[Item] = []
    across: list[Item] = []
    contradictory: list[Item] = []
    for same in copies:
        first, *others = sorted(same, key=claim)
        if len({item.label for item in same}) > 1:
            contradictory += same
            continue
        for item in others:
            (within if item.part == first.part else across).append(item)
    gone = {item.name for item in (*within, *across, *contradictory)}
    kept = tuple(item for item in items if item.name not in gone)
    return kept, Dropped(tuple(within), tuple(across), tuple(contradictory))


def claim(item: Item) -> tuple[int, bool, str]:
    """Which of copies stays: the one where this is lowest, whatever their names and order."""
    return NEARNESS.index(item.part), item.group == "", item.group
