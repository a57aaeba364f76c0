"""Whether a download of a data set is complete, and what leaks between its parts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from med_cam.errors import ImageError
from med_cam_studies.data.collection import Collection, Item, counts
from med_cam_studies.data.copies import near_copies
from med_cam_studies.data.findings import finding
from med_cam_studies.data.pixels import square
from med_cam_studies.data.splits import Splits

OnItem = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a data set on disk.

    Attributes:
        collection: as it lies there.
        splits: as studies use it.
        broken: sentences on files that cannot be read.
        near: images of the test set that nearly equal one that is trained or validated on.
        shared: groups (lesions, source tiles) on both sides of a split; the provider's split may
            have some.
    """

    collection: Collection
    splits: Splits
    broken: tuple[str, ...]
    near: tuple[Item, ...]
    shared: tuple[str, ...]

    @property
    def lacking(self) -> Mapping[str, tuple[int, ...]]:
        """How many images of each class are missing from the provider's release, by part."""
        k = len(self.collection.classes)
        return {
            part: tuple(
                wanted - there for wanted, there in zip(of, counts(self.of(part), k), strict=True)
            )
            for part, of in self.collection.released.items()
        }

    def of(self, part: str) -> list[Item]:
        """The images of one of the provider's parts; all of them where there is no split."""
        return [item for item in self.collection.items if part in ("", item.part)]

    @property
    def complete(self) -> bool:
        """Whether every file of the provider's release is there and can be read."""
        whole = not any(any(of) for of in self.lacking.values())
        faults = self.collection.missing or self.broken or self.collection.contradictions
        return whole and not faults


def checked(
    collection: Collection,
    divided: Callable[[Sequence[Item]], Splits],
    on_item: OnItem = lambda: None,
) -> Checked:
    """Read every file of a data set once.

    Args:
        collection: as it lies on disk.
        divided: the split of those of its images that can be read.
        on_item: called after every file.
    """
    broken = {item.name: text for item in everything(collection) if (text := fault(item, on_item))}
    whole = [item for item in collection.items if item.name not in broken]
    splits = divided(whole)
    known = [*splits.fit, *splits.validation]
    near = near_copies(splits.testing, known).tolist() if splits.testing and known else []
    return Checked(
        collection,
        splits,
        tuple(broken.values()),
        tuple(item for item, close in zip(splits.testing, near, strict=False) if close),
        shared_groups(splits),
    )


def everything(collection: Collection) -> tuple[Item, ...]:
    """Every image of the data set, in the split or not."""
    return (*collection.items, *collection.outlined)


def fault(item: Item, on_item: OnItem) -> str:
    """What is wrong with an item's files, in a sentence; "" if they can be read."""
    try:
        square(item.path, size=1, channels=1)
        for mask in item.masks.values():
            finding(mask)
    except ImageError as error:
        return str(error)
    finally:
        on_item()
    return ""


def shared_groups(splits: Splits) -> tuple[str, ...]:
    """Groups of the test set that are also trained or validated on."""
    tested, known = groups(splits.testing), groups([*splits.fit, *splits.validation])
    return tuple(sorted(tested & known))


def groups(items: Sequence[Item]) -> frozenset[str]:
    """The groups of some items, where they are known."""
    return frozenset(item.group for item in items if item.group)
