"""`med-cam data check`: a download against its owner's release, its parts against each other."""

from collections.abc import Iterator, Sequence

from med_cam.cli.failures import DONE, MISTAKE
from med_cam.cli.request import CheckRequest
from med_cam.cli.screen import Screen, row
from med_cam.cli.study_named import study_named
from med_cam.cli.tally import counted
from med_cam_studies.data.check import Checked, checked
from med_cam_studies.data.collection import Item, counts

LISTED = 20  # files of a kind named; of missing and broken ones all are

WORDS = {"": "all parts", "training": "Training", "testing": "Testing"}


def run(request: CheckRequest, screen: Screen) -> int:
    """Check what was asked for; return the exit status.

    Raises:
        DataError: if the folder does not hold the data set.
    """
    study = study_named(request.study)
    with row(screen.bar, f"reading {study.title}") as task:
        found = checked(study, request.root, lambda: screen.bar.advance(task))
    screen.say(f"{study.title} in {request.root}\n")
    for paragraph in (*inventory(found), *faults(found), *test_warnings(found), verdict(found)):
        screen.say(paragraph)
    return DONE if found.complete else MISTAKE


def inventory(found: Checked) -> Iterator[str]:
    """Images of each class: there, and in the owner's release; then the parts as studies use them.

    Aligned in columns.
    """
    classes = found.collection.classes
    rows = [["images", *classes, "all"]]
    for part, owned in found.collection.owner.items():
        there = counts(found.of(part), len(classes))
        rows.append([f"{WORDS[part]}, there", *cells(there)])
        rows.append([f"{WORDS[part]}, owner's", *cells(owned)])
    splits = found.splits
    parts = {"fit": splits.fit, "validate": splits.validation, "test": splits.testing}
    rows += [[f"used to {use}", *cells(counts(of, len(classes)))] for use, of in parts.items()]
    yield aligned(rows)
    if found.collection.outlined:
        number = counted(len(found.collection.outlined), "image")
        yield f"\nBesides, {number} with outlined findings."


def faults(found: Checked) -> Iterator[str]:
    """Files that are missing, broken or told of in two ways, every one by name."""
    collection = found.collection
    for noun, names in (
        ("missing, though the owner's table names it", collection.missing),
        ("broken", found.broken),
        ("contradictory", collection.contradictions),
    ):
        if names:
            yield f"\n{counted(len(names), 'file')} {noun}:\n" + "\n".join(f"  {n}" for n in names)


def test_warnings(found: Checked) -> Iterator[str]:
    """Copies and groups across the parts."""
    dropped = found.splits.dropped
    yield "\nByte-identical copies, all left out when a classifier is trained or tested:"
    yield f"  within a part: {named(dropped.within)}"
    yield f"  of Testing, that Training holds: {named(dropped.across)}"
    yield f"  with different labels, every one of them: {named(dropped.contradictory)}"
    yield f"Near copies of other parts, used to test: {named(found.near)}"
    collection = found.collection
    if collection.grouped_by:
        noun = collection.grouped_by
        shared = ", ".join(found.shared[:LISTED]) or "none"
        yield f"Of one {noun} on both sides of the split: {shared}"
    yield collection.patients


def named(items: Sequence[Item]) -> str:
    """How many, and the names of the first."""
    if not items:
        return "none"
    rest = len(items) - LISTED
    more = f" and {rest:,} more" if rest > 0 else ""
    return f"{len(items):,}: {', '.join(item.name for item in items[:LISTED])}{more}"


def verdict(found: Checked) -> str:
    """Whether the download is whole."""
    if found.complete:
        return "\nWhole: every image of the owner's release is there and can be read."
    lacking = sum(max(0, n) for of in found.lacking.values() for n in of)
    more = sum(max(0, -n) for of in found.lacking.values() for n in of)
    told = [f"{lacking:,} images of the owner's release are not there"] if lacking else []
    told += [f"{more:,} are more than it has"] if more else []
    told += [f"{len(found.broken):,} are broken"] if found.broken else []
    told += ["tables and folders disagree"] if found.collection.contradictions else []
    return f"\nNot whole: {', '.join(told) or 'files are missing'}."


def cells(numbers: Sequence[int]) -> list[str]:
    """Counts and their sum."""
    return [f"{n:,}" for n in (*numbers, sum(numbers))]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns of equal width, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for line in rows:
        first, *others = zip(line, widths, strict=True)
        lines.append("  ".join([first[0].ljust(first[1]), *(cell.rjust(w) for cell, w in others)]))
    return "\n".join(lines)
