"""What is shown during a run and at its end: progress, and a summary of the results."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.cells import cell_len, set_cell_size
from rich.progress import Progress, TaskID

from med_cam.cli.columns import middle_out, shortened
from med_cam.cli.run import Ended
from med_cam.cli.signals import refuse_to_go_on
from med_cam.report.file_names import INDEX_FILE, TABLE_FILE
from med_cam.report.line import Line, details
from med_cam.report.run_record import RunImage
from med_cam.report.table import TableRow
from med_cam.report.wording import baselines, counted, is_small, percent
from med_cam.results.explanation import Explanation
from med_cam.results.passes import Passes
from med_cam.results.step import OnStep, Step
from med_cam_studies.report.look_first import Reason, reasons, truth_by_folder, urgency

SHOWN = (
    "mask.png, evidence.png, figure.png, explanation.json, and the image itself for med-cam verify"
)
HIDDEN = "mask.png and explanation.json, no picture of it; med-cam verify will need --image"
NAME_WIDTH = 24  # of a file name
REMARKABLE = 5  # images that are named at the end of a run


@dataclass(frozen=True, slots=True)
class Done:
    """One explained image: what the summary and the file of the run need, without the pixels.

    Attributes:
        line: what the terminal says of it.
        below: more of it, under --verbose.
        reasons: why it deserves a look, the heaviest first.
        verified: whether the sufficiency test passed.
        area: share of the image in the mask.
        passes: that it took.
        image: as the file of the run has it.
        row: of the table.
    """

    line: Line
    below: tuple[tuple[str, str], ...]
    reasons: tuple[Reason, ...]
    verified: bool
    area: float
    passes: Passes
    image: RunImage
    row: TableRow


def done(line: Line, found: Explanation, image: RunImage, row: TableRow, *, verbose: bool) -> Done:
    """An explanation without its pixels."""
    where = () if row.folder == line.name else (("result", row.folder),)
    below = (*where, *details(found)) if verbose else ()
    why = reasons(found, truth_by_folder(row.image, row.folder, found.labels))
    return Done(line, below, why, found.verified, found.area, found.passes, image, row)


def summary(  # noqa: PLR0913  a keyword for each fact
    ended: Ended[Done],
    *,
    claimed: Sequence[str],
    seconds: float,
    out: Path,
    with_image: bool = True,
    choosing: int = 0,
    kept: int = 0,
) -> str:
    """The end of a run, in a few lines; at least one image was explained, or kept.

    Args:
        ended: the images explained, and those that failed.
        claimed: the baselines that claims are relative to.
        seconds: how long it took.
        out: where the results are.
        with_image: whether they show the images.
        choosing: forward passes that chose the removals.
        kept: images that earlier runs had explained.
    """
    images = ended.done
    where = f"Results in {out}, one folder per image: {SHOWN if with_image else HIDDEN}."
    tables = f"All results: {TABLE_FILE}, {INDEX_FILE}."
    if not images:
        return "\n".join(["", f"Nothing to do: {counted(kept, 'image')} kept.", where, tables])
    before = f" {counted(kept, 'image')} kept from earlier runs." if kept else ""
    passed = sum(image.verified and is_small(image.area) for image in images)
    large = sum(image.verified for image in images) - passed
    beyond = f", {large} only as more than half of the image" if large else ""
    forward = choosing + sum(image.passes.forward for image in images)
    backward = sum(image.passes.backward for image in images)
    area = percent(median(image.area for image in images))
    lines = [
        "",
        f"{counted(len(images), 'image')} explained, {passed} passed the sufficiency test over "
        f"{baselines(claimed)}{beyond}; median area {area} of the image.{before}",
        f"{duration(seconds)}, {forward:,} forward passes, {backward:,} backward passes"
        f"{f' ({choosing:,} forward to choose the removals)' if choosing else ''}.",
        f"{where} {tables}",
    ]
    if ended.failed:
        lines.append(f"{len(ended.failed)} failed.")
    return "\n".join(lines)


def remarkable(images: Sequence[Done], *, width: int) -> str:
    """The images that deserve a look first, in the order of the page of results; "" if few.

    Args:
        images: of the run.
        width: of the terminal.
    """
    order = sorted(images, key=lambda one: (-urgency(one.reasons), one.row.image))
    first = [image for image in order if image.reasons][:REMARKABLE]
    if len(images) <= REMARKABLE or not first:
        return ""
    names = [middle_out(image.line.name, width // 3) for image in first]
    wide = max(map(cell_len, names))
    lines = (
        shortened(f"  {set_cell_size(name, wide)}  {image.reasons[0].text}", width)
        for name, image in zip(names, first, strict=True)
    )
    return "\n".join(["", "Deserve a look first:", *lines])


def duration(seconds: float) -> str:
    """In seconds, from two minutes on in minutes, from two hours on in hours."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def image_begun(bar: Progress, row: TaskID, title: str, *, before: int, steps: int) -> OnStep:
    """Show that an image is begun; return what shows its steps, and stops at one if told to.

    Args:
        bar: the progress bar.
        row: of all images; its total is in steps.
        title: of this image.
        before: steps of the images before it.
        steps: of its search; a second search of the same image begins at one again.
    """

    def show(step: Step) -> None:
        refuse_to_go_on()  # a library may have swallowed that
        count = step.index + 1
        stage = "checking" if count >= steps else f"step {count} of {steps}"
        update(bar, row, f"{title}, {stage}", completed=before + count)

    update(bar, row, f"{title}, starting", completed=before)
    return show


def update(bar: Progress, row: TaskID, text: str, *, completed: int) -> None:
    """Move the bar, and say what is left."""
    remaining = next(task.time_remaining for task in bar.tasks if task.id == row)
    left = "" if remaining is None else f"about {duration(float(remaining))} left"
    bar.update(row, completed=completed, description=text, left=left)


def image_title(name: str, index: int, of: int) -> str:
    """A file in the bar; of a long name the middle is left out, as the ends tell files apart."""
    name = middle_out(name, NAME_WIDTH)
    return name if of == 1 else f"{name} ({index + 1} of {of})"
