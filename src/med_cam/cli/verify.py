"""`med-cam verify`: every claim of each saved explanation re-checked."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from med_cam.case.fills import Fill
from med_cam.case.references import References
from med_cam.cli.classifier import load_repeatable, source_of
from med_cam.cli.fills import loaded
from med_cam.cli.images import images_by_hash
from med_cam.cli.inputs import Ready, code_of
from med_cam.cli.options.verify import VerifyOptions
from med_cam.cli.references import reference_paths, references_from
from med_cam.cli.run import (
    DONE,
    REFUTED,
    Ended,
    Failure,
    attempt_each,
    exit_status,
    failure_of,
    report,
    show_each,
)
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import removal_names
from med_cam.cli.tally import duration
from med_cam.config.baselines import fill_name, is_own
from med_cam.errors import OutputError
from med_cam.images.part import Window
from med_cam.images.white import White
from med_cam.recheck.cause import likely_cause
from med_cam.recheck.fills import loadable
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.recheck.references import same_references
from med_cam.recheck.words import Rechecked, result_lines
from med_cam.report.found_results import found_results
from med_cam.report.manifest import checked_id, refuse_changed_run
from med_cam.report.saved import Saved, read_saved
from med_cam.report.saved_image import declared, part_of
from med_cam.report.specificity import specificity, specificity_lines
from med_cam.report.wording import counted

ReadReferences = Callable[[White, Window], References | None]
ReadFills = Callable[[tuple[str, ...]], Mapping[str, Fill]]


def run(options: VerifyOptions, screen: Screen) -> int:
    """Verify what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun, changed = time.perf_counter(), changed_runs(options.folders)
    for failure in changed:
        report(failure, screen)
    folders, otherwise = found_results(options.folders), asked_of(options)
    images = images_by_hash(options.image or ())
    with ExitStack() as opened:
        source = source_of(options.model, opened, options.trust)
        paths = reference_paths(options.references, source, opened)
        with row(screen.bar, "loading the classifier"):
            ready = Ready(source, load_repeatable(source, options.device), None)

        @cache
        def references(white: White, window: Window) -> References | None:
            return references_from(ready.classifier, paths, white, screen, window=window)

        @cache
        def fills(names: tuple[str, ...]) -> Mapping[str, Fill]:
            return loaded(names, ready.classifier, source, options.trust)

        sha256 = ready.classifier.sha256 or "unknown"
        code = code_of(ready.classifier)
        screen.say(f"Classifier: {ready.classifier.name}, SHA-256 {sha256}.{code}")
        ended = recheck_each(ready, (references, fills), otherwise, folders, images, screen)
    for line in ending(ended, time.perf_counter() - begun):
        screen.say(line)
    if changed or ended.failed:
        return exit_status((*changed, *ended.failed))
    return DONE if all(end.found.holds for end in ended.done) else REFUTED


def changed_runs(folders: Sequence[Path]) -> list[Failure]:
    """The folders whose results are no longer those that their run wrote."""
    failures = []
    for folder in folders:
        try:
            refuse_changed_run(folder)
        except OutputError as error:
            failures.append(failure_of(error))
    return failures


def asked_of(options: VerifyOptions) -> Options:
    """What is to be done otherwise than it was saved.

    Raises:
        ConfigError: if a baseline is unknown.
    """
    names = options.removal
    return Options(
        baselines=None if names is None else removal_names(names),
        samples=options.samples,
        confidence=options.confidence,
        seed=options.seed,
        batch=options.batch,
    )


def recheck_each(
    ready: Ready,
    read: tuple[ReadReferences, ReadFills],
    otherwise: Options,
    folders: Sequence[Path],
    images: Mapping[str, Path],
    screen: Screen,
) -> Ended[Rechecked]:
    """All results one after the other, each shown when done."""
    with row(screen.bar, "re-checking", total=len(folders)) as task:

        def one(index: int, folder: Path) -> Rechecked:
            screen.bar.update(task, completed=index)
            return recheck(ready, read, otherwise, folder, images)

        return show_each(
            attempt_each(folders, one),
            screen,
            line=lambda end: (result_lines(end), "" if end.found.holds else "red"),
            interrupted=lambda done: (
                f"interrupted; {done} of {counted(len(folders), 'result')} re-checked."
            ),
        )


def recheck(
    ready: Ready,
    read: tuple[ReadReferences, ReadFills],
    otherwise: Options,
    folder: Path,
    images: Mapping[str, Path],
) -> Rechecked:
    """One result, with reference images read as its image was; `images` by their SHA-256.

    Raises:
        MedCamError: if its files are not those that were written, or the classifier or the
            reference images are not those that it was explained with.
    """
    result_id = checked_id(folder)
    saved = read_saved(folder, ready.classifier.channels, images)
    references, fills = read
    others = references_of(saved, references)
    asked = [fill_name(name) for name in otherwise.baselines or () if is_own(name)]
    own = fills((*loadable(saved.document), *asked))
    found = rechecked(ready.classifier, saved, others, otherwise, own)
    return Rechecked(saved, found, likely_cause(saved, found, ready.classifier), result_id)


def references_of(saved: Saved, read: ReadReferences) -> References | None:
    """The reference images of an explanation; None if it had none.

    Raises:
        OutputError: if those given are not the ones that it was made with.
    """
    if saved.document["sha256"]["reference_images"] is None:
        return None
    given = read(declared(saved.document), part_of(saved.document).window)
    return same_references(saved, given, "with --references")


def ending(ended: Ended[Rechecked], seconds: float) -> Iterator[str]:
    """The end of a run."""
    if not ended.done:
        return
    held = sum(end.found.holds for end in ended.done)
    passes = sum(end.found.passes.forward for end in ended.done)
    yield ""
    yield (
        f"{counted(len(ended.done), 'result')} re-checked; all claims hold again in {held}. "
        f"{passes:,} forward passes, {duration(seconds)}."
    )
    table = specificity([end.saved.document for end in ended.done])
    if len(table) > 1:
        yield from ("", *specificity_lines(table))
    if ended.failed:
        yield f"{counted(len(ended.failed), 'result')} could not be re-checked."
