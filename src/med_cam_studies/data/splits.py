"""Training set, validation set and test set of a data set, without what leaks between them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from med_cam_studies.data.collection import TESTING, TRAINING, UNSPLIT, VALIDATION, Item
from med_cam_studies.data.copies import same_bytes, sha256_of

VALIDATED = 0.08  # share for validation, where the provider has none: of the training set, or of
# all images where the provider gives no split
NEARNESS = (TRAINING, UNSPLIT, VALIDATION, TESTING)  # to what is trained on
TESTED = 0.20  # share of the images, where the provider gives no split


@dataclass(frozen=True, slots=True)
class Dropped:
    """Files left out, and why.

    Attributes:
        within: equal, byte for byte, to another file of the same part.
        across: equal to a file of another part that is nearer to training: in the test set, to a
            file of the training set.
        contradictory: equal to a file with another label; all such copies.
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
    """The provider's split where there is one, else one by groups; without copies.

    Images are chosen by a hash: of the group's name where there are groups, else of the file's
    bytes. So the split is the same on every machine, whatever the files are called.

    Args:
        items: of one data set.
        validated: share of the images for validation, unless the items have such a part; of those
            outside the test set where the items have one.
        tested: share of the images in the test set, unless the items have one.
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
    """The part of an item; `shares` are those of validation and test set."""
    if item.part in (VALIDATION, TESTING):
        return item.part
    digest = hashlib.sha256(item.group.encode()).hexdigest() if item.group else sha
    place = int(digest[:8], 16) / 16**8
    if place < shares[0]:
        return VALIDATION
    return TESTING if item.part == UNSPLIT and place >= 1 - shares[1] else TRAINING


def without_copies(
    items: Sequence[Item], hashes: Mapping[str, str]
) -> tuple[tuple[Item, ...], Dropped]:
    """One item of each content, in the order given, and what was left out.

    Of copies across the provider's parts the one in the training set stays, of others the one
    whose group is known. Copies with different labels go, all of them: one label must be wrong,
    and nobody can say which.
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
