"""`med-cam audit`: what a classifier predicts where nothing is shown, over all images given."""

import sys
import time
from collections.abc import Iterator, Sequence
from functools import reduce
from pathlib import Path

from med_cam.audit.ask import audited
from med_cam.audit.findings import Findings, together
from med_cam.audit.predictions import labels_of
from med_cam.audit.recommended import choice_of
from med_cam.audit.shapes import patch_side
from med_cam.cli.inputs import SHOWN, Ready, over_images, painted
from med_cam.cli.options.audit import AuditOptions
from med_cam.cli.run import Ended, Failure, attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.tally import duration, image_title, update
from med_cam.images.read import read_image
from med_cam.report.audit_document import Audit, Audited, write_audit
from med_cam.report.audit_tables import as_text, removal_table, tables
from med_cam.report.audit_text import meanings, verdicts
from med_cam.report.choice_text import choice_sentence
from med_cam.report.installed import versions
from med_cam.report.wording import counted
from med_cam.results.removal import RemovalChoice

Found = tuple[Audited, Findings]  # one image, and its numbers


def run(options: AuditOptions, screen: Screen) -> int:
    """Audit what was asked for; return the exit status.

    Raises:
        MedCamError: if it cannot begin, or its files cannot be written.
    """
    begun = time.perf_counter()

    def work(ready: Ready, paths: list[Path], failures: list[Failure]) -> int:
        ready = painted(ready)
        screen.say(heading(options, ready, len(paths)))
        ended = audit_each(options, ready, paths, screen)
        failed = (*failures, *ended.failed)
        if ended.done:
            with row(screen.bar, "removals on the reference images"):
                choice = choice_of(ready.classifier, ready.references, whole=True)
            audit = audit_of(options, ready, Ended(ended.done, failed), choice)
            for paragraph in paragraphs(audit, time.perf_counter() - begun):
                screen.say(paragraph)
            if options.out is not None:
                write_audit(audit, options.out)
                screen.say(f"\nWritten to {options.out}: audit.json, audit.md.")
        return exit_status(failed)

    return over_images(options, "audit", screen, work)


def heading(options: AuditOptions, ready: Ready, images: int) -> str:
    """What an audit consists of, in two lines."""
    count = references_in(ready)
    references = counted(count, "reference image") if count else "no reference images"
    return (
        f"{ready.introduction}\n"
        f"{counted(images, 'image')} to audit with, {references}, "
        f"{counted(options.samples, 'random sample')} of each kind per image, "
        f"seed {options.seed}. "
        f"{ready.colours}"
    )


def references_in(ready: Ready) -> int:
    """How many reference images there are."""
    return 0 if ready.references is None else len(ready.references.x)


def audit_each(
    options: AuditOptions, ready: Ready, paths: Sequence[Path], screen: Screen
) -> Ended[Found]:
    """All images one after the other."""
    with row(screen.bar, "", total=len(paths)) as task:

        def one(index: int, path: Path) -> Found:
            title = image_title(path.name, index, len(paths))
            update(screen.bar, task, title, completed=index)
            return audit_one(options, ready, path)

        return show_each(attempt_each(paths, one), screen)


def audit_one(options: AuditOptions, ready: Ready, path: Path) -> Found:
    """One image from its file to its numbers.

    Raises:
        MedCamError: if it cannot be read, or the classifier does not answer.
    """
    image = read_image(
        path, channels=ready.classifier.channels, white=ready.white, part=ready.part
    )
    case, found = audited(
        ready.classifier,
        image,
        references=ready.references,
        samples=options.samples,
        seed=options.seed,
    )
    target = case.target
    label = target.labels[target.index] if case.predicted else None
    name = path.name if image.dicom is None else ""  # which may be the patient's
    return Audited(name, image.sha256, label, target.p_image), found


def audit_of(
    options: AuditOptions, ready: Ready, ended: Ended[Found], choice: RemovalChoice
) -> Audit:
    """What was found, with what it was found with; at least one image could be read."""
    images, numbers = zip(*ended.done, strict=True)
    return Audit(
        classifier=ready.classifier,
        labels=labels_of(ready.classifier),
        images=images,
        failed=len(ended.failed),
        references=references_in(ready),
        samples=options.samples,
        seed=options.seed,
        found=reduce(together, numbers),
        choice=choice,
        software=versions(sys.modules),
    )


def paragraphs(audit: Audit, seconds: float) -> Iterator[str]:
    """What is printed: tables, what was found, what it means."""
    side = patch_side(audit.classifier.input_size)
    yield predictions(audit)
    for table in tables(audit.found, audit.labels, patch=side):
        yield f"\n{as_text(table)}"
    if audit.choice.figures:
        yield f"\n{as_text(removal_table(audit.choice))}"
    yield "\nVerdict"
    yield from (f"- {sentence}" for sentence in verdicts(audit.found, audit.labels))
    yield "\nWhat it means for explanations"
    yield from (f"- {sentence}" for sentence in meanings(audit.found, audit.labels))
    yield "\nRecommended"
    yield f"- {choice_sentence(audit.choice)}"
    passes = audit.found.passes + audit.choice.passes
    yield f"\n{duration(seconds)}, {passes:,} forward passes."


def predictions(audit: Audit) -> str:
    """What is predicted for the whole images: only these predictions can be lost."""
    counts = zip(audit.found.own, audit.labels.names, strict=True)
    parts = [f"{n} {name}" for n, name in sorted(counts, key=lambda pair: -pair[0]) if n]
    parts += [f"{audit.found.undecided} no label"] if audit.found.undecided else []
    more = f" and {len(parts) - SHOWN} more labels" if len(parts) > SHOWN else ""
    return f"Predictions on the whole images: {', '.join(parts[:SHOWN])}{more}."
