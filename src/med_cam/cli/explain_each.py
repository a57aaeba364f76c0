"""`med-cam explain`, every image: one after the other or in processes of their own, each told."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from rich.progress import TaskID

from med_cam.cli.columns import Columns, below, columns, failed, head, line
from med_cam.cli.estimate import estimated
from med_cam.cli.explain_image import explain_one
from med_cam.cli.job import Job
from med_cam.cli.kept import Plan
from med_cam.cli.overview import tabled
from med_cam.cli.private import Place, shown_name
from med_cam.cli.record import recorded
from med_cam.cli.run import Ended, Failure, attempt_each, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.tally import Done, image_begun, image_title, update
from med_cam.cli.workers import ends_of_workers
from med_cam.report.files import UnwritableError
from med_cam.report.leftovers import sweep
from med_cam.report.run_record import RunImage
from med_cam.report.wording import counted


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
        names = {str(Path(image.file)): shown_name(options, image) for image in todo}
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
    """The ends of images in processes of their own, which import `explain_image`."""
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
