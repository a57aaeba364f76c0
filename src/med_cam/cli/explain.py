"""`med-cam explain`: each image to its explanation on disk, whatever becomes of the others."""

import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import torch

from med_cam.case.fills import Fill
from med_cam.case.references import References, relabelled
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.cli.choice import choice_for
from med_cam.cli.command_line import command_line
from med_cam.cli.fills import loaded, named_in
from med_cam.cli.inputs import SHOWN, Ready, over_images, painted, require_room
from med_cam.cli.installed import versions
from med_cam.cli.options import ExplainOptions
from med_cam.cli.record import recorded, write_records
from med_cam.cli.run import Ended, Failure, attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.tally import Done, counted, done, image_begun, image_title, summary
from med_cam.config.baselines import OF_REFERENCES
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.find import result_names
from med_cam.images.geometry import Image
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam.report.choice_text import choice_sentence, choice_table
from med_cam.report.circumstances import now
from med_cam.report.files import UnwritableError
from med_cam.report.leftovers import sweep
from med_cam.report.line import summary_line
from med_cam.report.manifest import forget_run_manifest
from med_cam.report.origin import provenance
from med_cam.report.run_record import EXPLAINED, RunImage
from med_cam.report.wording import baselines
from med_cam.report.write import refuse_foreign_files, refuse_other_image, write
from med_cam.results import OnStep, RemovalChoice

NAMELESS = 16  # hexadecimal digits of the hash that a folder is called by with --no-source


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all images of a run."""

    options: ExplainOptions
    config: Config
    ready: Ready
    software: Mapping[str, str]
    choice: RemovalChoice | None = None
    fills: Mapping[str, Fill] = field(default_factory=dict)


def run(options: ExplainOptions, screen: Screen) -> int:
    """Explain what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun, created, said = time.perf_counter(), now(), settings(options)

    def work(ready: Ready, paths: list[Path], failures: list[Failure]) -> int:
        ready = painted(ready)
        choice = choice_for(options, ready, screen)
        config = said if choice is None else relative_to(said, choice.removal)
        refuse_unfit_options(options, config, ready)
        fills = loaded(named_in(config), ready.classifier, ready.source, options.trust)
        job = Job(options, config, ready, versions(sys.modules), choice, fills)
        sweep(options.out)
        screen.say(heading(job, len(paths)))
        images: list[RunImage] = []
        try:
            ended = explain_each(job, paths, screen, images)
        finally:  # of an interrupted run too
            write_records(options, created, images, failures=failures, paths=paths)
        every = Ended(ended.done, (*failures, *ended.failed))
        if ended.done:
            claimed, seconds = config.verification.baselines, time.perf_counter() - begun
            told = summary(
                every,
                claimed=claimed,
                seconds=seconds,
                out=options.out,
                with_image=not options.no_source,
                choosing=choice.passes if choice and choice.source == "measured" else 0,
            )
            screen.say(told)
        return exit_status(every.failed)

    return over_images(options, "explain", screen, work)


def refuse_unfit_options(options: ExplainOptions, config: Config, ready: Ready) -> None:
    """Check what was asked for against classifier and reference images, once for all images.

    Raises:
        ClassifierError: if the classifier does not know a label.
        ConfigError: if reference images are needed and there are none.
    """
    asked = (*config.verification.baselines, *config.verification.beside)
    made_of_others = [name for name in asked if name in OF_REFERENCES]
    if made_of_others and ready.references is None:
        raise ConfigError(
            f"the baseline {made_of_others[0]!r} needs reference images; give --references FOLDER"
        )
    named = [label for label in (options.target, options.contrast) if label is not None]
    for label in named:
        refuse_unknown_label(label, ready.classifier.labels)
    if len(set(named)) < len(named):
        raise ClassifierError(
            f"--target and --contrast are both {named[0]!r}; give one of them another label"
        )


def refuse_unknown_label(label: str, labels: Sequence[str]) -> None:
    """Check a label.

    Raises:
        ClassifierError: if the classifier does not know it.
    """
    if label in labels:
        return
    close = get_close_matches(label, labels, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    raise ClassifierError(
        f"the classifier has no label {label!r}; {hint} knows {', '.join(labels[:SHOWN])}{more}"
    )


def heading(job: Job, images: int) -> str:
    """What a run consists of, in two lines, and how its removals were chosen."""
    references = job.ready.references
    count = "no" if references is None else f"{len(references.x)}"
    return (
        f"{job.ready.introduction}\n"
        f"{counted(images, 'image')} to explain with "
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


def explain_each(
    job: Job, paths: Sequence[Path], screen: Screen, images: list[RunImage]
) -> Ended[Done]:
    """All images one after the other, each shown when done and put down in `images`."""
    steps, stems = job.config.search.steps, result_names(paths, job.options.images or ())
    for place in {(job.options.out / stem).parent for stem in stems}:
        sweep(place)
    with row(screen.bar, "", total=steps * len(paths)) as task:

        def one(index: int, path: Path) -> Done:
            title = image_title(path.name, index, len(paths))
            on_step = image_begun(screen.bar, task, title, before=steps * index, steps=steps)
            return explain_one(job, path, stems[index], on_step)

        return show_each(
            recorded(attempt_each(paths, one, last=UnwritableError), paths, images),
            screen,
            line=lambda end: (end.line, "" if end.verified else "yellow"),
            interrupted=partial(interrupted, of=len(paths), out=job.options.out),
        )


def interrupted(finished: int, *, of: int, out: Path) -> str:
    """The one line after Ctrl-C, if anything was finished."""
    if not finished:
        return ""  # nothing to add
    return f"interrupted; {finished} of {counted(of, 'image')} finished, results are in {out}."


def explain_one(job: Job, path: Path, stem: str, on_step: OnStep) -> Done:
    """One image from its file to its result folder.

    Args:
        job: what is the same for all images.
        path: of the image.
        stem: name of the folder, but for one that may not tell the image's name.
        on_step: called after every step of the search.

    Raises:
        MedCamError: if it cannot be read, explained or written; nothing is written then.
    """
    options, classifier = job.options, job.ready.classifier
    require_room(options.out)
    image = read_image(path, channels=classifier.channels, white=job.ready.white)
    folder = options.out / (image.sha256[:NAMELESS] if options.no_source else stem)
    refuse_foreign_files(folder)
    refuse_other_image(folder, image.sha256)
    task = task_of(job, image)
    found = explain(
        task.classifier,
        image,
        target=task.target,
        config=job.config,
        references=task.references,
        fills=job.fills,
        on_step=on_step,
    )
    found = replace(found, removal_choice=job.choice)
    origin = provenance(
        image,
        classifier,
        job.config,
        preset=options.preset,
        software=job.software,
        references=task.references,
        contrast=options.contrast or "",
        image_name=str(Path(stem).parent / path.name),
        command=command_line(options, "explain", named=False, paths=not options.no_source),
    )
    forget_run_manifest(options.out)
    place = folder.relative_to(options.out).as_posix()
    result = write(found, image, folder, origin, with_image=not options.no_source)
    entry = RunImage(str(path), image.sha256, EXPLAINED, place, result)
    name = f"{stem} in {folder.name}" if options.no_source else place
    return done(summary_line(name, found), found, entry)


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
