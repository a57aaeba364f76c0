"""What earlier runs have finished of the images of a run: kept, counted, or not in the way."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

from med_cam.classifiers.identity import identity_of
from med_cam.classifiers.pairwise import pairwise
from med_cam.cli.job import Job
from med_cam.cli.private import Place, place_of
from med_cam.cli.screen import Screen, row
from med_cam.config.toml import as_table
from med_cam.errors import ClassifierError, MedCamError, OutputError
from med_cam.images.file import sha256_of
from med_cam.images.part import Part, window_text
from med_cam.images.white import white_text
from med_cam.report.document import fields_of, plain
from med_cam.report.finished import Earlier, Task, differences, earlier, in_words
from med_cam.report.leftovers import sweep
from med_cam.report.origin import explained
from med_cam.report.run_record import KEPT, RunImage
from med_cam.report.shards import Shard, shard_of
from med_cam.report.table import TableRow, saved_rows, table_row
from med_cam.results.removal import OwnFill

PlaceOf = Callable[[Place, str], str]  # of an image and its hash, where its result goes
TaskOf = Callable[[str], Task]  # from the label of an earlier result to what would be done now


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done, and what is not any more.

    Attributes:
        todo: the images to explain, in order.
        kept: those that are finished, as the file of the run has them.
        rows: the lines of the table that there are: theirs, and those of other results.
        shard: the part of the run that this is; None for all of it.
        broken: sentences on results that are not whole; their images are explained again.
    """

    todo: tuple[Place, ...]
    kept: tuple[RunImage, ...] = ()
    rows: tuple[TableRow, ...] = ()
    broken: tuple[str, ...] = ()
    shard: Shard | None = None


@dataclass(frozen=True, slots=True)
class Looked:
    """An image with what lies in its place: what was made otherwise, if it was."""

    image: Place
    place: str
    sha256: str
    found: Earlier
    others: tuple[str, ...]
    row: TableRow | None = None


def planned(job: Job, every: Sequence[Place], screen: Screen) -> Plan:
    """What is to be done, after a look at what earlier runs have finished.

    Raises:
        ConfigError: if the part of the run that is asked for is none.
        OutputError: results of these images were made otherwise, and are to be kept.
    """
    options = job.options
    shard = None if options.shard is None else shard_of(options.shard)
    images = [image for image in every if shard is None or shard.holds(image.stem)]
    with row(screen.bar, "looking at earlier results"):
        plan = plan_of(
            images,
            options.out,
            partial(task_for, job),
            existing=options.existing,
            place=partial(place_of, options),
        )
    if shard is None:
        return plan
    own = {image.folder for image in plan.kept}
    return replace(plan, shard=shard, rows=tuple(row for row in plan.rows if row.folder in own))


def task_for(job: Job, label: str) -> Task:
    """What decides the result of an image whose earlier result has this label."""
    classifier, rival = job.ready.classifier, job.options.contrast
    if rival is not None:
        with suppress(ClassifierError):  # a label of another classifier
            classifier = pairwise(classifier, label, rival)
    references = job.ready.references
    return Task(
        classifier=fields_of(
            explained(identity_of(classifier), name=classifier.name, contrast=rival or "")
        ),
        target=job.options.target,
        config=plain(as_table(job.config)),
        references=None if references is None else references.sha256,
        white=white_text(job.ready.white),
        window=window_text(job.ready.part.window),
        frame=job.ready.part.frame,
        slice=job.ready.part.slice,
        fills=fills_sha256([fill.source for fill in job.fills.values()]),
        versions=job.software,
        device=str(classifier.device),
    )


def of_part(task: Task, part: Part) -> Task:
    """The same of one region of a slide."""
    region = None if part.region is None else list(part.region)
    return replace(task, region=region, mpp=part.mpp, slide_mpp=part.slide_mpp)


def plan_of(
    images: Sequence[Place], out: Path, task_of: TaskOf, *, existing: str, place: PlaceOf
) -> Plan:
    """Look through earlier results: of the same task they are kept, others are in the way.

    Args:
        images: of the run.
        out: folder of the results.
        task_of: what would be done with an image whose earlier result has this label.
        existing: `keep`: results made otherwise are refused. `redo`: their images are explained
            again. `replace`: all are.
        place: of an image and the hash of its file, where its result goes.

    Raises:
        OutputError: results of these images were made otherwise, and are to be kept.
    """
    if not out.is_dir():
        return Plan(tuple(images))
    if existing == "replace":
        return Plan(tuple(images), rows=tuple(saved_rows(out)))
    for parent in {(out / image.stem).parent for image in images} | {out}:
        sweep(parent)  # an old result may have to be put back first
    looked = {one.image: one for one in _looked(images, out, cache(task_of), place)}
    if existing == "keep":
        refuse_others([one for one in looked.values() if one.others], out)
    kept = [one for one in looked.values() if not (one.others or one.found.fault)]
    done, places = {one.image for one in kept}, {one.place for one in kept}
    rows = [one.row for one in kept if one.row is not None]
    return Plan(
        todo=tuple(image for image in images if image not in done),
        kept=tuple(
            RunImage(one.image.file, one.sha256, KEPT, one.place, one.found.result) for one in kept
        ),
        rows=(*rows, *saved_rows(out, places)),
        broken=tuple(
            f"{out / one.place} is not whole: {one.found.fault}; the image is explained again."
            for one in looked.values()
            if one.found.fault
        ),
    )


def refuse_others(others: Sequence[Looked], out: Path) -> None:
    """Check that no result was made otherwise.

    Raises:
        OutputError: some were; the most frequent difference is said.
    """
    if not others:
        return
    (words, _), *_ = Counter(in_words(one.others) for one in others).most_common(1)
    first = next(one.place for one in others if in_words(one.others) == words)
    count = len(others)
    are = "1 result of these images that was" if count == 1 else f"{count:,} results that were"
    raise OutputError(
        f"{out} holds {are} made otherwise ({words}; see {out / first}), which would be lost; "
        "nothing was explained: give another output folder (--out), or --existing redo to explain "
        "them again"
    )


def fills_sha256(fills: Sequence[OwnFill]) -> dict[str, Any]:
    """The user's own fills as results are compared by them."""
    return {fill.name: fill.sha256 for fill in fills}


def _looked(
    images: Sequence[Place], out: Path, task_of: TaskOf, place_of: PlaceOf
) -> Iterator[Looked]:
    """Each image that has a result of its own; of another image's the writing will tell."""
    for image in images:
        if place_of(image, "") == image.stem and not (out / image.stem).is_dir():
            continue
        sha256 = ""
        with suppress(OSError, MedCamError):  # one that cannot be read says so when it is its turn
            sha256 = sha256_of(image.path)
        place = place_of(image, sha256)
        found = earlier(out / place) if sha256 else None
        if found is None or found.image != sha256:
            continue
        label = str(found.document.get("label", ""))
        others = (
            () if found.fault else differences(found.document, of_part(task_of(label), image.part))
        )
        row = None if found.fault or others else table_row(found.document, place, found.result)
        without = replace(found, document={})  # thousands of them would fill the memory
        yield Looked(image, place, sha256, without, others, row)
