"""What every data set is read into: files, their classes, their parts, what must stay together."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from med_cam.errors import DataError

TRAINING, VALIDATION, TESTING, UNSPLIT = "training", "validation", "testing", ""
NAMED = 5  # missing files named in a sentence; a list of all is for `med-cam data check`


@dataclass(frozen=True, slots=True)
class Item:
    """One image file of a data set.

    Attributes:
        path: where it lies.
        label: index of its class; -1 for an image that has none from its provider.
        name: its name here, unique in the data set.
        part: TRAINING, VALIDATION or TESTING (the test set) where there is a split, else UNSPLIT.
        group: what may not be on both sides of a split: a lesion, a source tile; "" if unknown.
        masks: files in which people have outlined a finding, by the name of the finding.
    """

    path: Path
    label: int
    name: str
    part: str = UNSPLIT
    group: str = ""
    masks: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Collection:
    """One data set as it lies on disk.

    Attributes:
        classes: names, in the order of the labels.
        items: every image that is there, in a fixed order.
        missing: files that are in the provider's tables and not on disk.
        contradictions: sentences on tables and folders that differ.
        released: images of each class in the provider's release, by part.
        outlined: images with outlined findings that are not part of the split.
        grouped_by: what `Item.group` is, in a word; "" if groups are not known.
        patients: what is known of patients on both sides of the split, in a sentence.
    """

    classes: tuple[str, ...]
    items: tuple[Item, ...]
    missing: tuple[str, ...]
    released: Mapping[str, tuple[int, ...]]
    contradictions: tuple[str, ...] = ()
    outlined: tuple[Item, ...] = ()
    grouped_by: str = ""
    patients: str = (
        "Which images are of one patient is not known: a leak by patient cannot be detected."
    )


def some(names: Sequence[str]) -> str:
    """A few names for a sentence, and how many more there are."""
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")


def located(root: Path, wanted: Sequence[str], *, depth: int = 3) -> Path:
    """The folder at or below `root` that holds all the wanted entries; the nearest one.

    Archives unpack into folders of their own name, and mirrors double them.

    Raises:
        DataError: if there is none.
    """
    level = [root]
    for _ in range(depth + 1):
        for folder in level:
            if all((folder / name).exists() for name in wanted):
                return folder
        level = sorted(below for folder in level for below in folders_in(folder))
    raise DataError(
        f"{root} has no folder with {', '.join(wanted)} in it; give --root the folder into which "
        "the data set was unpacked."
    )


def folders_in(folder: Path) -> Iterable[Path]:
    """Folders directly below, nothing hidden; none where it is no folder itself."""
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.is_dir() and path.name[0] not in "._"]


def found_below(root: Path, pattern: str) -> tuple[Path, ...]:
    """Files of that pattern at or below `root`, nothing that an archiver left."""
    return tuple(sorted(path for path in root.rglob(pattern) if not is_litter(path, root)))


def is_litter(path: Path, root: Path) -> bool:
    """Hidden files and what macOS puts into archives."""
    return any(part[0] == "." or part == "__MACOSX" for part in path.relative_to(root).parts)


def images_in(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    """Image files of one folder, sorted.

    Raises:
        DataError: if there are none.
    """
    found = sorted(
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if path.suffix.lower() in suffixes and path.name[0] not in "._"
    )
    if not found:
        raise DataError(
            f"no {' or '.join(suffixes)} files in {folder}; is --root the data set's folder?"
        )
    return found


def counts(items: Iterable[Item], classes: int) -> tuple[int, ...]:
    """Images of each class."""
    labels = [item.label for item in items]
    return tuple(labels.count(k) for k in range(classes))
