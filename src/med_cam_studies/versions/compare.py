"""compare.html: two versions of a classifier on the same images, what changed most first."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from med_cam.report.backend import in_memory
from med_cam_studies.report.blocks import Block, Facts, Pictures, Said, Section, Tabled
from med_cam_studies.report.cards import Card, card
from med_cam_studies.report.explained import Explained, Made, TruthOf, named
from med_cam_studies.report.of_results import one_result
from med_cam_studies.report.sheet import sheet
from med_cam_studies.report.tables import Table
from med_cam_studies.versions.counts import (
    changes,
    labels,
    right_and_wrong,
    rightness_facts,
    verdicts,
)
from med_cam_studies.versions.differs import of_classifiers, of_settings
from med_cam_studies.versions.listed import line_of, row_of
from med_cam_studies.versions.pairs import Pair, Paired

FILE = "compare.html"
MOST = 24  # images that are shown
SIDE = 336  # pixels, longest side of a picture


def comparison(
    found: Paired, mades: tuple[Made, Made], folders: tuple[Path, Path], truth_of: TruthOf
) -> str:
    """The text of compare.html.

    Args:
        found: the images of both folders.
        mades: what the results of each are of.
        folders: of the results.
        truth_of: how right labels are found.

    Raises:
        OutputError: if a result is not as it was written, or Jinja2 is not installed.
    """
    with in_memory():
        sections = (
            versions(found, mades, folders),
            changed(found.pairs),
            rightly(found.pairs),
            shown(found.pairs, folders, truth_of),
            every(found.pairs),
        )
        names = dict.fromkeys(str(made.classifier["name"]) for made in mades)
        title = f"{' and '.join(names)}: two versions compared"
        return sheet(title, sections, highlights=highlights(found))


def highlights(found: Paired) -> list[str]:
    """The numbers that a reader of one paragraph needs, for the terminal too."""
    pairs = found.pairs
    lines = [
        f"{len(pairs)} images are in both, by the SHA-256 of their files; {found.only_before} "
        f"before only, {found.only_after} after only.",
        *(f"{words}: {text}." for words, text in changes(pairs).items()),
    ]
    known = right_and_wrong(pairs)
    if not known.images:
        return [*lines, f"The right label is known of 0 of {len(pairs)} images."]
    return [*lines, *(f"{words}: {text}." for words, text in rightness_facts(known).items())]


def versions(found: Paired, mades: tuple[Made, Made], folders: tuple[Path, Path]) -> Section:
    """What the two are, and in what they differ."""
    facts = {
        "Before": f"{named(mades[0])}, results in {folders[0].name}",
        "After": f"{named(mades[1])}, results in {folders[1].name}",
    }
    blocks: list[Block] = [Facts(facts)]
    for what, table in (
        ("classifiers", of_classifiers(found.pairs)),
        ("settings and software", of_settings(found.pairs)),
    ):
        differ = Tabled(f"What differs between the {what}", table)
        blocks.append(differ if table.rows else Said(f"Nothing differs between the {what}."))
    return Section("versions", "What is compared", tuple(blocks))


def changed(pairs: Sequence[Pair]) -> Section:
    """How many images changed in which way."""
    blocks: list[Block] = [Facts(changes(pairs))]
    if (table := labels(pairs)).rows:
        blocks.append(Tabled("Labels that changed", table))
    blocks.append(Tabled("How the tests ended", verdicts(pairs)))
    return Section("changed", "What changed", tuple(blocks))


def rightly(pairs: Sequence[Pair]) -> Section:
    """Which version predicts more of them rightly."""
    known = right_and_wrong(pairs)
    title = "Right and wrong predictions"
    if not known.images:
        text = f"Not measured: the right label is known of 0 of {len(pairs)} images."
        return Section("right", title, (Said(text),))
    said = Said(
        "p is how likely so uneven a split of the images that only one version predicts rightly "
        "would be, if both were right equally often. Images are taken as independent."
    )
    return Section("right", title, (Facts(rightness_facts(known)), said))


def shown(pairs: Sequence[Pair], folders: tuple[Path, Path], truth_of: TruthOf) -> Section:
    """The images that changed most, before on the left."""
    first = pairs[:MOST]
    cards = [
        drawn(one, when, folder, truth_of)
        for pair in first
        for one, when, folder in zip(
            (pair.before, pair.after), ("before", "after"), folders, strict=True
        )
    ]
    caption = f"{len(first)} of {len(pairs)} images, those that changed most first"
    return Section("shown", "Side by side", (Pictures(caption, tuple(cards), pairs=True),))


def drawn(one: Explained, when: str, folder: Path, truth_of: TruthOf) -> Card:
    """A result with its pictures."""
    item = one_result(one.folder, folder, truth_of).shown
    row = replace(item.row, image=f"{item.row.image}, {when}")
    return card(replace(item, row=row), (), id=one.result, longest=SIDE)


def every(pairs: Sequence[Pair]) -> Section:
    """All images as a table."""
    rows = [(*row_of(line), line.sha256) for line in map(line_of, pairs)]
    head = ("image", "label", "probability", "sufficient", "area", "IoU", "SHA-256")
    table = Tabled(f"All {len(pairs)} images", Table(head, tuple(rows)), small=True)
    return Section("every", "Every image", (table,))
