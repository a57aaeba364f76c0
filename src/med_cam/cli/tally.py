"""What is said before a run and at its end."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from med_cam.cli.failures import Failure
from med_cam.report.line import claims_line
from med_cam.report.wording import baselines, percent
from med_cam.results import Explanation, Passes


@dataclass(frozen=True, slots=True)
class Done:
    """One explained image: what the summary needs, without the pixels."""

    line: str
    verified: bool
    area: float
    passes: Passes


def done(line: str, found: Explanation) -> Done:
    """An explanation without its pixels: a line, the number of warnings, what was proved."""
    count = len(found.claim.warnings)
    ending = f"  ({counted(count, 'warning')})" if count else ""
    proved = claims_line(found)
    below = f"\n    {proved}" if proved else ""
    return Done(line + ending + below, found.verified, found.area, found.passes)


def summary(
    finished: Sequence[Done],
    failures: Sequence[Failure],
    *,
    claimed: Sequence[str],
    seconds: float,
    out: Path,
) -> str:
    """The end of a run, in a few lines."""
    ended = _finished(finished, claimed, seconds=seconds, out=out)
    return "\n".join(["", *ended, *_failed(failures)])


def _finished(
    finished: Sequence[Done], claimed: Sequence[str], *, seconds: float, out: Path
) -> list[str]:
    verified = sum(image.verified for image in finished)
    forward = sum(image.passes.forward for image in finished)
    backward = sum(image.passes.backward for image in finished)
    return [
        f"{counted(len(finished), 'image')} explained, {verified} verified over "
        f"{baselines(claimed)}; median area "
        f"{percent(median(image.area for image in finished))} of the image.",
        f"{duration(seconds)}, {forward:,} passes forward, {backward:,} backward.",
        f"Results in {out}, a folder for each image: mask.png, evidence.png, figure.png, "
        "explanation.json, and the image itself for med-cam verify.",
    ]


def _failed(failures: Sequence[Failure]) -> list[str]:
    if not failures:
        return []
    return [f"{len(failures)} failed:", *(f"  {failure.sentence}" for failure in failures)]


def counted(number: int, thing: str) -> str:
    """As in "1 image" and "2 images"."""
    return f"{number:,} {thing}" if number == 1 else f"{number:,} {thing}s"


def duration(seconds: float) -> str:
    """In seconds, from two minutes on in minutes, from two hours on in hours."""
    if seconds < 120:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"
