"""How long a run will take, from its first images: said, and written to explain.log."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from med_cam.cli.run import Failure
from med_cam.cli.tally import Done, duration
from med_cam.report.circumstances import now
from med_cam.report.file_names import LOG_FILE
from med_cam.report.files import add_line
from med_cam.report.wording import counted

LONG = 60.0  # seconds to go from which on the estimate is said, not only written
MARKS = (1, 3, 10, 30, 100, 300)  # images after which it is made anew; then every 1,000


@dataclass(frozen=True, slots=True)
class SoFar:
    """What the images of this run have taken until now.

    Attributes:
        images: done or failed.
        passes: forward and backward together.
        seconds: since the first was begun, of all processes at once.
    """

    images: int
    passes: int
    seconds: float


def estimated(
    ends: Iterable[Done | Failure],
    out: Path,
    *,
    of: int,
    kept: int,
    say: Callable[[str], None],
) -> Iterator[Done | Failure]:
    """The ends as they come; from some on what is left is estimated and written down.

    Nothing is written before an image was explained.

    Args:
        ends: of the images.
        out: folder of the results, with the log.
        of: images to explain.
        kept: images that earlier runs had explained.
        say: shows the estimate of the first image, if the run will be long.
    """
    begun, created, passes, number, logged = time.perf_counter(), now(), 0, 0, False
    for number, end in enumerate(ends, start=1):
        if isinstance(end, Done):
            passes += end.passes.forward + end.passes.backward
            if not logged:
                log(out, f"begun: {kept:,} kept, {of:,} to do", created)
                logged = True
        so_far = SoFar(number, passes, time.perf_counter() - begun)
        if logged and (number in MARKS or number % 1000 == 0):
            log(out, estimate(so_far, of=of))
        if number == 1 and (of - 1) * so_far.seconds >= LONG:
            say(estimate(so_far, of=of))
        yield end
    if logged:
        log(out, f"ended: {number:,} of {of:,} done in {duration(time.perf_counter() - begun)}")


def estimate(so_far: SoFar, *, of: int) -> str:
    """What is done, what an image takes, and what is left."""
    left, number = of - so_far.images, so_far.images
    each, seconds = so_far.passes / number, so_far.seconds / number
    text = (
        f"{number:,} of {counted(of, 'image')} done, about {each:,.0f} passes and "
        f"{duration(seconds)} each"
    )
    if not left:
        return text
    return f"{text}; to go: about {each * left:,.0f} passes, {duration(seconds * left)}"


def log(out: Path, text: str, when: str = "") -> None:
    """A line of the log of runs into a folder, with the time; no name of an image is in it.

    Raises:
        UnwritableError: if it cannot be written.
    """
    add_line(out / LOG_FILE, f"{when or now()} {text}")
