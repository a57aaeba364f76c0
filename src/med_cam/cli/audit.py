"""`med-cam audit`: what a classifier answers when there is no evidence, over all images given."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from med_cam.audit.answers import labels_of
from med_cam.audit.ask import audited
from med_cam.audit.findings import Findings, together
from med_cam.audit.shapes import cell_side
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.cli.failures import Failure, exit_status, failure_of
from med_cam.cli.inputs import (
    Source,
    evenly,
    images_of,
    reference_paths,
    references_from,
    source_of,
)
from med_cam.cli.installed import versions
from med_cam.cli.loaded import MANY, SHOWN, introduced, loaded
from med_cam.cli.progress import image_title, update
from med_cam.cli.request import AuditRequest
from med_cam.cli.room import require_room
from med_cam.cli.screen import Screen, row
from med_cam.cli.tally import counted, duration
from med_cam.images.read import read_image
from med_cam.report.audit_document import Audit, Audited, write_audit
from med_cam.report.audit_tables import as_text, tables
from med_cam.report.audit_text import meanings, verdicts


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all images of an audit."""

    classifier: Classifier
    references: References | None
    request: AuditRequest


def run(request: AuditRequest, screen: Screen) -> int:
    """Audit what was asked for; return the exit status.

    Raises:
        MedCamError: if it cannot begin, or its files cannot be written.
    """
    begun = time.perf_counter()
    with ExitStack() as opened:
        source = source_of(request.model, opened)
        paths, failures = images_of(request.images, source, opened, "audit")
        for failure in failures:
            screen.report(failure)
        if not paths:
            return exit_status(failures)
        if request.out is not None:
            require_room(request.out)
        with row(screen.bar, "loading the classifier"):
            job = job_of(request, source, opened)
        screen.say(heading(job, source, len(paths)))
        audit, failed = audit_of(job, paths, failures, screen)
    if audit is not None:
        for paragraph in report(audit, time.perf_counter() - begun):
            screen.say(paragraph)
        if request.out is not None:
            write_audit(audit, request.out)
            screen.say(f"\nWritten to {request.out}: audit.json, audit.md.")
    return exit_status(failed)


def job_of(request: AuditRequest, source: Source, opened: ExitStack) -> Job:
    """The classifier, loaded, and the other images, as it sees them.

    Raises:
        MedCamError: if one of them cannot be read.
    """
    others = evenly(reference_paths(request.references, source, opened), most=MANY)
    classifier = loaded(source, request.device)
    return Job(classifier, references_from(classifier, others), request)


def heading(job: Job, source: Source, images: int) -> str:
    """What an audit consists of, in two lines."""
    others = counted(others_of(job), "other image") if others_of(job) else "no other images"
    return (
        f"{introduced(job.classifier, source)}\n"
        f"{counted(images, 'image')} to audit with, {others}, "
        f"{counted(job.request.samples, 'draw')} of everything random, seed {job.request.seed}."
    )


def others_of(job: Job) -> int:
    """How many other images there are."""
    return 0 if job.references is None else len(job.references.x)


def audit_of(
    job: Job, paths: Sequence[Path], failures: Sequence[Failure], screen: Screen
) -> tuple[Audit | None, list[Failure]]:
    """The audit over all images that can be read, None if there are none; and all failures."""
    failed, images, found = list(failures), [], None
    with row(screen.bar, "", total=len(paths)) as task:
        for index, path in enumerate(paths):
            title = image_title(path.name, index, len(paths))
            update(screen.bar, task, title, completed=index)
            end = outcome(job, path)
            if isinstance(end, Failure):
                failed.append(end)
                screen.report(end)
                continue
            image, one = end
            images.append(image)
            found = one if found is None else together(found, one)
    if found is None:
        return None, failed
    return audit_from(job, images, found, len(failed)), failed


def audit_from(job: Job, images: Sequence[Audited], found: Findings, failed: int) -> Audit:
    """What was found, with what it was found with."""
    return Audit(
        classifier=job.classifier,
        labels=labels_of(job.classifier),
        images=tuple(images),
        failed=failed,
        references=others_of(job),
        samples=job.request.samples,
        seed=job.request.seed,
        found=found,
        software=versions(sys.modules),
    )


def outcome(job: Job, path: Path) -> tuple[Audited, Findings] | Failure:
    """One image's end, whatever it is."""
    try:
        return one(job, path)
    except Exception as error:  # noqa: BLE001  the other images are still to be done
        return failure_of(error, where=str(path))


def one(job: Job, path: Path) -> tuple[Audited, Findings]:
    """One image from its file to its numbers.

    Raises:
        MedCamError: if it cannot be read, or the classifier does not answer.
    """
    image = read_image(path, channels=job.classifier.channels)
    case, found = audited(
        job.classifier,
        image,
        references=job.references,
        samples=job.request.samples,
        seed=job.request.seed,
    )
    target = case.target
    label = target.labels[target.index] if case.predicted else None
    return Audited(path.name, image.sha256, label, target.p_image), found


def report(audit: Audit, seconds: float) -> Iterator[str]:
    """What is printed: tables, what was found, what it means."""
    cell = cell_side(audit.classifier.input_size)
    yield called(audit)
    for table in tables(audit.found, audit.labels, cell=cell):
        yield f"\n{as_text(table)}"
    yield "\nVerdict"
    yield from (f"- {sentence}" for sentence in verdicts(audit.found, audit.labels))
    yield "\nWhat it means for explanations"
    yield from (f"- {sentence}" for sentence in meanings(audit.found, audit.labels))
    yield f"\n{duration(seconds)}, {audit.found.passes:,} passes forward."


def called(audit: Audit) -> str:
    """What the whole images are called: answers can only be lost by labels that are given."""
    counts = zip(audit.found.own, audit.labels.names, strict=True)
    told = [f"{n} {name}" for n, name in sorted(counts, key=lambda pair: -pair[0]) if n]
    told += [f"{audit.found.undecided} no label"] if audit.found.undecided else []
    more = f" and {len(told) - SHOWN} more labels" if len(told) > SHOWN else ""
    return f"Answers on the whole images: {', '.join(told[:SHOWN])}{more}."
