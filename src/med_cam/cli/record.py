"""What becomes of every image of a run: kept while it goes on, written at its end.

With --no-source, and of DICOM, nothing is kept that names an image: neither its path nor a
sentence with it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from med_cam.cli.command_line import command_line
from med_cam.cli.job import Job
from med_cam.cli.private import Place
from med_cam.cli.run import Failure
from med_cam.cli.tally import Done
from med_cam.errors import MedCamError
from med_cam.images.file import sha256_of
from med_cam.report.circumstances import now, this_platform
from med_cam.report.manifest import write_run_manifest
from med_cam.report.run_record import (
    EXPLAINED,
    FAILED,
    LEFT_OUT,
    RunImage,
    RunRecord,
    write_run_record,
)

NOT_BEGUN = "the run ended before it was begun"


def recorded(
    ends: Iterable[Done | Failure], images: dict[str, RunImage]
) -> Iterator[Done | Failure]:
    """What comes of each image as it comes, put down in `images` too, by its path."""
    for end in ends:
        image = end.image if isinstance(end, Done) else failed(end, Path(end.where))
        images[str(image.file)] = image
        yield end


def failed(failure: Failure, path: Path) -> RunImage:
    """An image that was not explained, with the hash of what lies there, if anything does."""
    digest = None
    with suppress(OSError, MedCamError):
        digest = sha256_of(path)
    reason = f"{failure.kind}: {failure.sentence}"
    return RunImage(str(path), digest, FAILED, reason=reason)


def write_records(
    job: Job,
    created: str,
    images: Mapping[str, RunImage],
    *,
    failures: Iterable[Failure],
    every: Sequence[Place],
) -> None:
    """The file of the run, if anything was explained in it, and the manifest of the folder.

    Args:
        job: the run; it says whether names and paths of images are written.
        created: when it began.
        images: what became of images, by file; of those of `every` that are not among them
            nothing.
        failures: images that were named and not found.
        every: all images that were found.

    Raises:
        UnwritableError: if one of them cannot be written.
    """
    options, hidden = job.options, job.names_hidden
    if any(image.outcome == EXPLAINED for image in images.values()):
        ended = (
            *(failed(failure, Path(failure.where)) for failure in failures),
            *(
                images.get(one.file) or RunImage(one.file, None, LEFT_OUT, reason=NOT_BEGUN)
                for one in every
            ),
        )
        record = RunRecord(
            created=created,
            ended=now(),
            command=command_line(options, "explain", paths=not hidden),
            platform=this_platform(),
            images=tuple(nameless(image) for image in ended) if hidden else ended,
        )
        write_run_record(options.out, record)
    write_run_manifest(options.out)


def nameless(image: RunImage) -> RunImage:
    """Without its path; of the reason why it failed only the kind of error."""
    reason = image.reason
    if image.outcome == FAILED and reason is not None:
        reason = reason.partition(":")[0]
    return replace(image, file=None, reason=reason)
