"""`med-cam verify`: every claim of each saved explanation re-checked."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from med_cam.case.fills import Fill
from med_cam.case.references import References
from med_cam.cli.fills import loaded
from med_cam.cli.inputs import (
    MANY,
    Ready,
    code_of,
    evenly,
    images_by_hash,
    load_repeatable,
    reference_paths,
    references_from,
    source_of,
)
from med_cam.cli.options.verify import VerifyOptions
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
from med_cam.cli.tally import counted, duration
from med_cam.config.baselines import fill_name, is_own
from med_cam.errors import OutputError
from med_cam.images.part import Window
from med_cam.images.white import White
from med_cam.recheck.cause import cause_of
from med_cam.recheck.compare import Verdict
from med_cam.recheck.fills import loadable
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Recheck
from med_cam.recheck.recheck import rechecked
from med_cam.report.installed import versions
from med_cam.report.manifest import SHOWN, checked_id, refuse_changed_run
from med_cam.report.saved import Saved, declared, found_results, part_of, read_saved
from med_cam.report.specificity import specificity, specificity_lines
from med_cam.verify.warnings import floored

ReadReferences = Callable[[White, Window], References | None]
ReadFills = Callable[[tuple[str, ...]], Mapping[str, Fill]]


@dataclass(frozen=True, slots=True)
class Rechecked:
    """One result, how its claims came out and why, and its ID ("" if it has no manifest)."""

    saved: Saved
    found: Recheck
    cause: str
    result_id: str


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
        paths = evenly(reference_paths(options.references, source, opened), most=MANY)
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
    device = str(ready.classifier.device)
    numeric = bool(found.numeric) and not found.differences
    cause = cause_of(saved.document, versions(sys.modules), device, numeric=numeric)
    return Rechecked(saved, found, cause, result_id)


def references_of(saved: Saved, read: ReadReferences) -> References | None:
    """The reference images of an explanation; None if it had none.

    Raises:
        OutputError: if those given are not the ones that it was made with.
    """
    digest = saved.document["sha256"]["reference_images"]
    if digest is None:
        return None
    given = read(declared(saved.document), part_of(saved.document).window)
    if given is None:
        raise OutputError(
            f"{saved.folder} was explained with reference images; give the same ones with "
            "--references"
        )
    if digest != given.sha256:
        raise OutputError(
            f"{saved.folder} was explained with other reference images (SHA-256 of all "
            f"{digest[:12]}) than those given ({given.sha256[:12]}); give the same ones with "
            "--references"
        )
    return given


def result_lines(end: Rechecked) -> str:
    """A result in a line, and below it what fails, what differs and what was not claimed."""
    found, name = end.found, end.saved.folder.name
    claimed = [verdict for verdict in found.verdicts if verdict.claimed]
    number = counted(len(claimed), "claim")
    certificate = found.claim.certificate if found.claim is not None else None
    bound = floored(certificate.bound) if certificate is not None else ""
    if found.holds:
        head = f"{number} re-checked, all hold again"
    else:
        failed = sum(not verdict.now for verdict in claimed)
        other = counted(len(found.differences), "saved value")
        head = f"NOT REPRODUCED: {failed} of {number}, {other}"
    rate = f"; retention rate at least {bound}" if bound else ""
    known = f"; result {end.result_id[:SHOWN]}" if end.result_id else ""
    lines = [f"{name}  {head}{rate}{known}"]
    if not end.result_id:
        lines.append("    no manifest: pictures are not re-checked")
    lines += [*verdict_lines(found.verdicts), *difference_lines(found)]
    if found.numeric or not found.holds:
        lines.append(f"    {end.cause}")
    return "\n".join([*lines, *([f"    {found.note}"] if found.note else [])])


MOST = 8  # differences of one result that are shown; one lie may change many figures


def difference_lines(found: Recheck) -> list[str]:
    """The fields that were saved otherwise than they come out, the first ones of many."""
    lines = []
    for what, many in (
        ("NOT REPRODUCED", found.differences),
        ("numerically different", found.numeric),
    ):
        lines += [f"    {what}: {other}" for other in many[:MOST]]
        more = len(many) - MOST
        lines += [f"    and {counted(more, 'further value')}"] if more > 0 else []
    return lines


def verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """What does not hold, and what was never claimed."""
    shown = []
    for verdict in verdicts:
        figures = f" (saved {verdict.was}; now {verdict.figure})" if verdict.figure else ""
        if verdict.refuted:
            shown.append(f"    NOT REPRODUCED: {verdict.name}{figures}")
        elif not verdict.claimed:
            now = ", but it holds now" if verdict.now else ""
            shown.append(f"    not claimed{now}: {verdict.name}{figures}")
    return shown


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
