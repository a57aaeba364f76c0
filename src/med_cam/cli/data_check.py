"""`med-cam data check`: a download against its release, its parts against each other."""

from collections.abc import Iterator, Sequence

from med_cam.cli.options.studies import CheckOptions
from med_cam.cli.run import DONE, MISTAKE
from med_cam.cli.screen import Screen, row
from med_cam.config.rules import nearest
from med_cam.errors import ConfigError
from med_cam.report.text_table import aligned
from med_cam.report.wording import counted
from med_cam_studies.data.check import Checked, checked
from med_cam_studies.data.collection import Item, counts
from med_cam_studies.training.catalogue import STUDIES, Study

LISTED = 20  # files of a kind named; of missing and broken ones all are

PARTS = {"": "all parts", "training": "training set", "testing": "test set"}


def run(options: CheckOptions, screen: Screen) -> int:
    """Check what was asked for; return the exit status.

    Raises:
        DataError: if the folder does not hold the data set.
    """
    study = study_named(options.study)
    with row(screen.bar, f"reading {study.title}") as task:
        collection = study.collect(options.root)
        found = checked(collection, study.split, lambda: screen.bar.advance(task))
    screen.say(f"{study.title} in {options.root}\n")
    for paragraph in (
        *inventory(found),
        *fault_lists(found),
        *leak_lines(found),
        verdict(found),
    ):
        screen.say(paragraph)
    return DONE if found.complete else MISTAKE


def study_named(name: str) -> Study:
    """The study of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in STUDIES:
        raise ConfigError(f"there is no study {name!r}{nearest(name, STUDIES)}")
    return STUDIES[name]


def inventory(found: Checked) -> Iterator[str]:
    """Images of each class: found, and in the release; then the parts as studies use them."""
    classes = found.collection.classes
    rows = [["images", *classes, "all"]]
    for part, released in found.collection.released.items():
        there = counts(found.of(part), len(classes))
        rows.append([f"{PARTS[part]}, found", *with_sum(there)])
        rows.append([f"{PARTS[part]}, released", *with_sum(released)])
    splits = found.splits
    parts = {"fit": splits.fit, "validate": splits.validation, "test": splits.testing}
    rows += [[f"used to {use}", *with_sum(counts(of, len(classes)))] for use, of in parts.items()]
    yield aligned(rows)
    if found.collection.outlined:
        number = counted(len(found.collection.outlined), "image")
        yield f"\nIn addition: {number} with outlined findings."


def fault_lists(found: Checked) -> Iterator[str]:
    """Files that are missing, broken or contradictory, every one by name."""
    collection = found.collection
    for noun, names in (
        ("missing (listed in the provider's table)", collection.missing),
        ("broken", found.broken),
        ("contradictory", collection.contradictions),
    ):
        if names:
            yield f"\n{counted(len(names), 'file')} {noun}:\n" + "\n".join(f"  {n}" for n in names)


def leak_lines(found: Checked) -> Iterator[str]:
    """Copies and groups across the parts."""
    dropped = found.splits.dropped
    yield "\nByte-identical copies (never used to train or test a classifier):"
    yield f"  within a part: {named(dropped.within)}"
    yield f"  in the test set and in the training set: {named(dropped.across)}"
    yield f"  with different labels: {named(dropped.contradictory)}"
    yield f"Near copies of images of other parts (used to test): {named(found.near)}"
    collection = found.collection
    if collection.grouped_by:
        noun = collection.grouped_by
        shared = ", ".join(found.shared[:LISTED]) or "none"
        yield f"On both sides of the split, by {noun}: {shared}"
    yield collection.patients


def named(items: Sequence[Item]) -> str:
    """How many, and the names of the first."""
    if not items:
        return "none"
    rest = len(items) - LISTED
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"{len(items):,}: {', '.join(item.name for item in items[:LISTED])}{more}"


def verdict(found: Checked) -> str:
    """Whether the download is complete."""
    if found.complete:
        return "\nComplete: every image of the provider's release is here and can be read."
    lacking = sum(max(0, n) for of in found.lacking.values() for n in of)
    more = sum(max(0, -n) for of in found.lacking.values() for n in of)
    faults = [f"{lacking:,} images of the provider's release are missing"] if lacking else []
    faults += [f"there are {more:,} more images than in it"] if more else []
    faults += [f"{len(found.broken):,} are broken"] if found.broken else []
    if found.collection.contradictions:
        faults.append("tables and folders contradict each other")
    return f"\nNot complete: {', '.join(faults) or 'files are missing'}."


def with_sum(numbers: Sequence[int]) -> list[str]:
    """Counts and their sum."""
    return [f"{n:,}" for n in (*numbers, sum(numbers))]
