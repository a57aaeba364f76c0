"""How far a run is: one row for all its images, moved by every step of every search."""

from rich.progress import Progress, TaskID

from med_cam.cli.tally import duration
from med_cam.results import Step
from med_cam.search.train import OnStep

NAME_WIDTH = 24  # of a file name


def image_begun(bar: Progress, row: TaskID, title: str, *, before: int, steps: int) -> OnStep:
    """Show that an image is begun; return what shows its steps.

    Args:
        bar: the progress bar.
        row: of all images; its total is in steps.
        title: of this image.
        before: steps of the images before it.
        steps: of its search; a second search of the same image begins at one again.
    """

    def show(step: Step) -> None:
        count = step.index + 1
        stage = "checking" if count >= steps else f"step {count} of {steps}"
        update(bar, row, f"{title}, {stage}", completed=before + count)

    update(bar, row, f"{title}, looking", completed=before)
    return show


def update(bar: Progress, row: TaskID, text: str, *, completed: int) -> None:
    """Move the bar, and say what is left."""
    remaining = next(task.time_remaining for task in bar.tasks if task.id == row)
    left = "" if remaining is None else f"about {duration(float(remaining))} left"
    bar.update(row, completed=completed, description=text, left=left)


def image_title(name: str, index: int, of: int) -> str:
    """A file in the bar; of a long name the middle is left out, as the ends tell files apart."""
    if len(name) > NAME_WIDTH:
        head = (NAME_WIDTH - 1) // 2
        name = f"{name[:head]}…{name[head + 1 - NAME_WIDTH :]}"
    return name if of == 1 else f"{name} ({index + 1} of {of})"
