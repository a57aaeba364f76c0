"""`med-cam explain`: each image to its explanation on disk, whatever becomes of the others."""

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from rich.progress import TaskID

from med_cam.case.references import References, relabelled
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.classifiers.slide_scale import with_scale_said
from med_cam.cli.choice import choice_for
from med_cam.cli.columns import Columns, below, columns, failed, head, line
from med_cam.cli.command_line import command_line
from med_cam.cli.estimate import estimated
from med_cam.cli.export import asked
from med_cam.cli.fills import loaded, named_in
from med_cam.cli.inputs import Ready, over_images, painted, require_room
from med_cam.cli.job import Job, refuse_unfit_options
from med_cam.cli.kept import Plan, planned
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.overview import joined, tabled
from med_cam.cli.places import places_of, refuse_unfit_region
from med_cam.cli.private import Place, is_nameless, names_hidden, place_of
from med_cam.cli.record import recorded, write_records
from med_cam.cli.run import Ended, Failure, attempt_each, exit_status, report, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.tally import (
    Done,
    counted,
    done,
    image_begun,
    image_title,
    remarkable,
    summary,
    update,
)
from med_cam.cli.workers import ends_of_workers
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError, ImageError
from med_cam.images.geometry import Image
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam.report.choice_text import choice_sentence, choice_table
from med_cam.report.circumstances import now
from med_cam.report.export import export, refuse_missing
from med_cam.report.file_names import JSON_FILE
from med_cam.report.files import UnwritableError
from med_cam.report.installed import versions
from med_cam.report.leftovers import sweep
from med_cam.report.line import line_of
from med_cam.report.manifest import forget_run_manifest
from med_cam.report.origin import Provenance, provenance
from med_cam.report.run_record import EXPLAINED, RunImage
from med_cam.report.table import TableRow, table_row
from med_cam.report.wording import baselines
from med_cam.report.write import refuse_foreign_files, refuse_other_image, write
from med_cam.results.removal import RemovalChoice
from med_cam.results.step import OnStep
from med_cam_studies.methods.compared import Asked, beside, compared_names, maps_of


def run(options: ExplainOptions, screen: Screen) -> int:
    """Explain what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun, created, said = time.perf_counter(), now(), settings(options)
    refuse_missing(asked(options))
    refuse_unfit_region(options)
    compared_names(options.compare)

    def work(ready: Ready, paths: list[Path], failures: list[Failure]) -> int:
        job = job_of(options, said, ready, paths, screen)
        every, unreadable = places_of(options, job.ready, paths, screen)
        failures = [*failures, *unreadable]
        if not every:
            return exit_status(failures)
        sweep(options.out)
        plan = planned(job, every, screen)
        screen.say(heading(job, plan))
        for sentence in plan.broken:
            screen.say(sentence, style="yellow")
        images = {str(image.file): image for image in plan.kept}
        try:
            export_kept(options, plan)
            ended = explain_each(job, plan, screen, images)
        finally:  # of an interrupted run too
            write_records(job, created, images, failures=failures, every=every)
        whole = Ended(ended.done, (*failures, *ended.failed))
        if plan.shard is not None and (ended.done or plan.kept):
            joined(options.out)
        seconds = time.perf_counter() - begun
        for text in closing(job, plan, whole, seconds=seconds, width=screen.width):
            screen.say(text)
        for failure in ended.failed:
            report(failure, screen)
        return exit_status(whole.failed)

    return over_images(options, "explain", screen, work, at_end=True)


def closing(
    job: Job, plan: Plan, whole: Ended[Done], *, seconds: float, width: int
) -> Iterator[str]:
    """What is said at the end, if anything was explained or kept: a summary, what to look at."""
    if whole.done or plan.kept:
        yield summary(
            whole,
            claimed=job.config.verification.baselines,
            seconds=seconds,
            out=job.options.out,
            with_image=not job.options.no_source,
            choosing=passes_of(job.choice),
            kept=len(plan.kept),
        )
    if first := remarkable(whole.done, width=width):
        yield first


def job_of(
    options: ExplainOptions, said: Config, ready: Ready, paths: Sequence[Path], screen: Screen
) -> Job:
    """What is the same for all images: the settings with the removals that were chosen, the fills.

    Raises:
        MedCamError: if the settings do not suit the classifier or the references.
    """
    ready = painted(ready)
    choice = choice_for(options, ready, screen)
    config = said if choice is None else relative_to(said, choice.removal)
    refuse_unfit_options(options, config, ready)
    fills = loaded(named_in(config), ready.classifier, ready.source, options.trust)
    hidden = names_hidden(options, paths)
    return Job(options, config, ready, versions(sys.modules), choice, fills, hidden)


def passes_of(choice: RemovalChoice | None) -> int:
    """Passes that the choice took in this run."""
    return choice.passes if choice and choice.source == "measured" else 0


def export_kept(options: ExplainOptions, plan: Plan) -> None:
    """The exports that were asked for, also of results that are kept.

    Raises:
        OutputError: if they cannot be written.
    """
    names = asked(options)
    for kept in plan.kept if names else ():
        forget_run_manifest(options.out)
        images = {str(kept.sha256): Path(str(kept.file))}
        folder, identity = options.out / str(kept.folder), options.keep_identity
        export(folder, names, images=images, keep_identity=identity)


def heading(job: Job, plan: Plan) -> str:
    """What a run consists of, in two lines, and how its removals were chosen."""
    kept = f"{counted(len(plan.kept), 'image')} kept, {len(plan.todo):,} to do. "
    references = job.ready.references
    count = "no" if references is None else f"{len(references.x)}"
    return (
        f"{job.ready.introduction}\n"
        f"{kept if plan.kept else ''}{counted(len(plan.todo), 'image')} to explain with "
        f"{baselines(job.config.verification.baselines)} as baselines; "
        f"{count} reference images for the shape leakage test. "
        f"{job.ready.colours}"
        f"{chosen(job.choice)}"
    )


def chosen(choice: RemovalChoice | None) -> str:
    """How removals were chosen, and the figures, in lines of their own; "" if they were named."""
    if choice is None:
        return ""
    table = choice_table(choice)
    return f"\n{choice_sentence(choice)}" + (f"\n{table}" if table else "")


def explain_each(job: Job, plan: Plan, screen: Screen, images: dict[str, RunImage]) -> Ended[Done]:
    """All images that are to be done, each shown when done and put down in `images`."""
    options, todo, steps = job.options, plan.todo, job.config.search.steps
    of, count = len(todo), len(todo) + len(plan.kept)
    for place in {(options.out / image.stem).parent for image in todo}:
        sweep(place)
    with row(screen.bar, "", total=steps * of) as task:

        def one(index: int, path: Path) -> Done:
            title = image_title(path.name, index, of)
            on_step = image_begun(screen.bar, task, title, before=steps * index, steps=steps)
            return explain_one(job, todo[index], on_step)

        if options.workers is None:
            ends = attempt_each([Path(image.file) for image in todo], one, last=UnwritableError)
        else:
            ends = counted_off(in_workers(job, todo, screen), screen, task, steps=steps)
        known = tabled(recorded(ends, images), options.out, plan, of=count)
        names = {str(Path(image.file)): image.stem for image in todo}
        at = columns(names.values(), job.ready.classifier.labels, screen.width)
        if todo:
            screen.say(head(at), style="bold")
        return show_each(
            estimated(known, options.out, of=of, kept=len(plan.kept), say=screen.say),
            screen,
            line=lambda end: (said_of(end, at), "" if end.line.well else "yellow"),
            mark=lambda failure: failed(names.get(str(Path(failure.where)), failure.where), at),
            interrupted=partial(interrupted, of=of, out=options.out),
        )


def said_of(image: Done, at: Columns) -> str:
    """An image's line, and what stands below it."""
    return "\n".join([line(image.line, at), *below(image.below, at)])


def in_workers(job: Job, todo: Sequence[Place], screen: Screen) -> Iterator[Done | Failure]:
    """The ends of images in processes of their own, which import this module."""
    places = {(job.options.out / image.stem).parent for image in todo}
    try:
        yield from ends_of_workers(explain_one, job, todo, screen)
    finally:
        for place in places:
            sweep(place)  # what those left that were told to stop


def counted_off(
    ends: Iterator[Done | Failure], screen: Screen, task: TaskID, *, steps: int
) -> Iterator[Done | Failure]:
    """The ends as they come, each moving the bar by an image."""
    for number, end in enumerate(ends, start=1):
        update(screen.bar, task, f"{number} done", completed=steps * number)
        yield end


def interrupted(finished: int, *, of: int, out: Path) -> str:
    """The one line after Ctrl-C, if anything was finished."""
    if not finished:
        return ""  # nothing to add
    return f"interrupted; {finished} of {counted(of, 'image')} finished, results are in {out}."


def explain_one(job: Job, place: Place, on_step: OnStep) -> Done:
    """One image from its file to its result folder.

    Args:
        job: what is the same for all images.
        place: of the image, and what its folder is called, unless that may not be told.
        on_step: called after every step of the search.

    Raises:
        MedCamError: if it cannot be read, explained or written; nothing is written then.
    """
    options, path = job.options, place.path
    require_room(options.out)
    channels, white = job.ready.classifier.channels, job.ready.white
    image = read_image(path, channels=channels, white=white, part=place.part)
    image = with_scale_said(job.ready.classifier, image)
    refuse_other_kind(options, image)
    nameless = is_nameless(options, path)
    folder = options.out / place_of(options, place, image.sha256)
    refuse_foreign_files(folder)
    refuse_other_image(folder, image.sha256)
    task = task_of(job, image)
    asked_of = Asked(
        task.classifier, image, job.config, task.references, job.fills, target=task.target
    )
    maps = maps_of(asked_of, compared_names(options.compare))
    found = explain(
        task.classifier,
        image,
        target=task.target,
        config=job.config,
        references=task.references,
        fills=job.fills,
        on_step=on_step,
    )
    compared = beside(asked_of, found, maps)
    found = replace(found, removal_choice=job.choice, compared=compared)
    origin = origin_of(job, image, task.references, "" if nameless else place.name)
    forget_run_manifest(options.out)
    where = folder.relative_to(options.out).as_posix()
    result = write(
        found,
        image,
        folder,
        origin,
        with_image=not options.no_source,
        keep_identity=options.keep_identity,
        style=options.style,
    )
    if names := asked(options):
        images = {image.sha256: path}
        export(folder, names, images=images, keep_identity=options.keep_identity)
    entry = RunImage(place.file, image.sha256, EXPLAINED, where, result)
    called = f"{place.stem} in {folder.name}" if nameless else where
    row = row_of(folder, where, result)
    return done(line_of(called, found), found, entry, row, verbose=options.verbose)


def origin_of(job: Job, image: Image, references: References | None, name: str) -> Provenance:
    """On what a result was made; `name` is the image's, empty where it may not be told."""
    options = job.options
    return provenance(
        image,
        job.ready.classifier,
        job.config,
        preset=options.preset,
        software=job.software,
        references=references,
        contrast=options.contrast or "",
        image_name=name,
        command=command_line(options, "explain", named=False, paths=not job.names_hidden),
    )


def refuse_other_kind(options: ExplainOptions, image: Image) -> None:
    """Check that the image is of the kind that the exports are for, before it is explained.

    Raises:
        ImageError: it is not.
    """
    if options.dicom and image.dicom is None:
        raise ImageError(
            f"{image.path} is no DICOM image, to whose study DICOM objects would belong; leave "
            "--dicom out"
        )


def row_of(folder: Path, place: str, result: str) -> TableRow:
    """The line of a result that was just written, as the next run will read it."""
    return table_row(json.loads((folder / JSON_FILE).read_bytes()), place, result)


@dataclass(frozen=True, slots=True)
class Task:
    """What is explained of one image: the classifier, or the choice between two of its labels."""

    classifier: Classifier
    references: References | None
    target: str | None


def task_of(job: Job, image: Image) -> Task:
    """The classifier as it is; with --contrast, only its choice between two labels.

    Raises:
        ClassifierError: if the target is the label itself that it is to be compared with.
    """
    ready, target, rival = job.ready, job.options.target, job.options.contrast
    if rival is None:
        return Task(ready.classifier, ready.references, target)
    target = target or predicted(ready.classifier, image)
    if target == rival:
        raise ClassifierError(
            f"the target is {rival} itself; give --target or --contrast another label"
        )
    pair = pairwise(ready.classifier, target, rival)
    references = None if ready.references is None else relabelled(ready.references, pair)
    return Task(pair, references, target)


def predicted(classifier: Classifier, image: Image) -> str:
    """The label that the classifier predicts, for one pass more."""
    with hooks_attached(classifier) as forward, torch.no_grad():
        logits = forward(classifier.prepare(image)).logits
    return classifier.labels[int(logits[0].argmax())]
