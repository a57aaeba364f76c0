"""`med-cam explain`: each image to its explanation on disk, whatever becomes of the others."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import torch
from rich.progress import Progress

from med_cam.case.references import References, relabelled
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.cli.failures import INTERRUPTED, Failure, exit_status, failure_of
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
from med_cam.cli.progress import image_begun, image_title
from med_cam.cli.request import Request
from med_cam.cli.room import require_room
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.tally import Done, counted, done, summary
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.geometry import Image
from med_cam.images.read import read_image, unique_stems
from med_cam.pipeline.explain import explain
from med_cam.report.line import summary_line
from med_cam.report.origin import provenance
from med_cam.report.wording import baselines
from med_cam.report.write import refuse_foreign_files, write
from med_cam.search.train import OnStep


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all images of a run."""

    classifier: Classifier
    config: Config
    references: References | None
    request: Request
    software: Mapping[str, str]


def run(request: Request, screen: Screen) -> int:
    """Explain what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun = time.perf_counter()
    config = settings(request)
    with ExitStack() as opened:
        source = source_of(request.model, opened)
        paths, failures = images_of(request.images, source, opened)
        for failure in failures:
            screen.report(failure)
        if not paths:
            return exit_status(failures)
        require_room(request.out)
        with row(screen.bar, "loading the classifier"):
            job = job_of(request, config, source, opened)
        screen.say(heading(job, source, len(paths)))
        return worked_off(job, paths, failures, screen, begun)


def job_of(request: Request, config: Config, source: Source, opened: ExitStack) -> Job:
    """The classifier, loaded, and the other images, as it sees them.

    Raises:
        MedCamError: if one of them cannot be read, or they do not suit what was asked for.
    """
    others = evenly(reference_paths(request.references, source, opened), most=MANY)
    if "others" in config.verification.baselines and not others:
        raise ConfigError("the background 'others' needs other images; give --references FOLDER")
    classifier = loaded(source, request.device)
    refuse_unknown_label(request.target, classifier.labels)
    refuse_unknown_label(request.against, classifier.labels)
    references = references_from(classifier, others)
    return Job(classifier, config, references, request, versions(sys.modules))


def refuse_unknown_label(target: str | None, labels: Sequence[str]) -> None:
    """Check the label that was asked for, once for all images.

    Raises:
        ClassifierError: if the classifier does not know it.
    """
    if target is None or target in labels:
        return
    close = get_close_matches(target, labels, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    raise ClassifierError(
        f"the classifier has no label {target!r}; {hint} knows {', '.join(labels[:SHOWN])}{more}"
    )


def heading(job: Job, source: Source, images: int) -> str:
    """What a run consists of, in two lines: the classifier, and what it is asked."""
    others = "no" if job.references is None else f"{len(job.references.x)}"
    claimed = baselines(job.config.verification.baselines)
    return (
        f"{introduced(job.classifier, source)}\n"
        f"{counted(images, 'image')} to explain over {claimed}; "
        f"{others} other images for the shape test."
    )


def worked_off(
    job: Job, paths: Sequence[Path], failures: list[Failure], screen: Screen, begun: float
) -> int:
    """All images one after the other, each shown when done; return the exit status."""
    finished: list[Done] = []
    failed = list(failures)
    try:
        for end in outcomes(job, paths, screen.bar):
            if isinstance(end, Failure):
                failed.append(end)
                screen.report(end)
            else:
                finished.append(end)
                screen.say(end.line, style="" if end.verified else "yellow")
    except KeyboardInterrupt:
        screen.complain(interrupted(len(finished), len(paths), job.request.out))
        return INTERRUPTED
    if finished:
        seconds, out = time.perf_counter() - begun, job.request.out
        claimed = job.config.verification.baselines
        screen.say(summary(finished, failed, claimed=claimed, seconds=seconds, out=out))
    return exit_status(failed)


def interrupted(finished: int, of: int, out: Path) -> str:
    """The one line after Ctrl-C."""
    if not finished:
        return "interrupted before an image was finished; nothing was written."
    return f"interrupted; {finished} of {counted(of, 'image')} finished, results are in {out}."


def outcomes(job: Job, paths: Sequence[Path], bar: Progress) -> Iterator[Done | Failure]:
    """Each image's end, as soon as it has come."""
    steps = job.config.search.steps
    with row(bar, "", total=steps * len(paths)) as task:
        for index, (path, stem) in enumerate(zip(paths, unique_stems(paths), strict=True)):
            title = image_title(path.name, index, len(paths))
            on_step = image_begun(bar, task, title, before=steps * index, steps=steps)
            yield outcome(job, path, job.request.out / stem, on_step)


def outcome(job: Job, path: Path, folder: Path, on_step: OnStep) -> Done | Failure:
    """One image's end, whatever it is."""
    try:
        return explained(job, path, folder, on_step)
    except Exception as error:  # noqa: BLE001  the other images are still to be done
        return failure_of(error, where=str(path))


def explained(job: Job, path: Path, folder: Path, on_step: OnStep) -> Done:
    """One image from its file to its result folder.

    Raises:
        MedCamError: if it cannot be read, explained or written; nothing is written then.
    """
    refuse_foreign_files(folder)
    require_room(folder.parent)
    image = read_image(path, channels=job.classifier.channels)
    asked = before(job, image)
    found = explain(
        asked.classifier,
        image,
        target=asked.target,
        config=job.config,
        references=asked.references,
        on_step=on_step,
    )
    origin = provenance(
        image,
        job.classifier,
        job.config,
        preset=job.request.preset,
        software=job.software,
        references=asked.references,
        against=job.request.against or "",
    )
    write(found, image, folder, origin)
    return done(summary_line(folder.name, found), found)


@dataclass(frozen=True, slots=True)
class Asked:
    """What one image is put before: the classifier, or two labels of it."""

    classifier: Classifier
    references: References | None
    target: str | None


def before(job: Job, image: Image) -> Asked:
    """The classifier as it is; with --against, asked only to tell two labels apart.

    Raises:
        ClassifierError: if the answer is the label itself that it is to be told from.
    """
    target, rival = job.request.target, job.request.against
    if rival is None:
        return Asked(job.classifier, job.references, target)
    target = target or answered(job.classifier, image)
    if target == rival:
        raise ClassifierError(f"the answer is {rival} itself; name with --target what it is not")
    pair = pairwise(job.classifier, target, rival)
    others = None if job.references is None else relabelled(job.references, pair)
    return Asked(pair, others, target)


def answered(classifier: Classifier, image: Image) -> str:
    """The classifier's own answer, for one pass more."""
    with hooks_attached(classifier) as forward, torch.no_grad():
        logits = forward(classifier.prepare(image)).logits
    return classifier.labels[int(logits[0].argmax())]
