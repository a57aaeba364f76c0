"""`med-cam verify`: each saved explanation put to its claims again, whatever becomes of others."""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.cli.failures import DONE, INTERRUPTED, REFUTED, Failure, exit_status, failure_of
from med_cam.cli.inputs import evenly, reference_paths, references_from, source_of
from med_cam.cli.loaded import MANY, loaded
from med_cam.cli.request import VerifyRequest
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import baselines_named
from med_cam.cli.tally import counted, duration
from med_cam.errors import ConfigError, OutputError
from med_cam.recheck.compare import Verdict
from med_cam.recheck.recheck import Options, Rechecked, rechecked
from med_cam.report.saved import Saved, found_results, read_saved
from med_cam.report.specificity import specificity, specificity_lines
from med_cam.verify.warnings import floored


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all results of a run."""

    classifier: Classifier
    references: References | None
    options: Options


@dataclass(frozen=True, slots=True)
class Verified:
    """One result, and how its claims came out."""

    saved: Saved
    found: Rechecked


def run(request: VerifyRequest, screen: Screen) -> int:
    """Verify what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun = time.perf_counter()
    folders = found_results(request.folders)
    options = asked_of(request)
    with ExitStack() as opened:
        source = source_of(request.model, opened)
        with row(screen.bar, "loading the classifier"):
            classifier = loaded(source, request.device)
            others = evenly(reference_paths(request.references, source, opened), most=MANY)
            references = references_from(classifier, others)
        screen.say(f"Classifier: {classifier.name}, SHA-256 {classifier.sha256 or 'unknown'}.")
        return worked_off(Job(classifier, references, options), folders, screen, begun)


def asked_of(request: VerifyRequest) -> Options:
    """The options, checked.

    Raises:
        ConfigError: if one is out of range.
    """
    if request.confidence is not None and not 0 < request.confidence < 1:
        raise ConfigError(f"the confidence is {request.confidence}; give one between 0 and 1")
    names = request.baselines
    return Options(
        baselines=None if names is None else baselines_named(names),
        samples=request.samples,
        confidence=request.confidence,
        seed=request.seed,
        batch=request.batch,
    )


def worked_off(job: Job, folders: Sequence[Path], screen: Screen, begun: float) -> int:
    """All results one after the other, each shown when done; return the exit status."""
    done: list[Verified] = []
    failed: list[Failure] = []
    try:
        with row(screen.bar, "verifying", total=len(folders)) as task:
            for end in outcomes(job, folders):
                screen.bar.advance(task)
                if isinstance(end, Failure):
                    failed.append(end)
                    screen.report(end)
                else:
                    done.append(end)
                    screen.say(told(end), style="" if end.found.holds else "red")
    except KeyboardInterrupt:
        screen.complain(f"interrupted; {len(done)} of {counted(len(folders), 'result')} verified.")
        return INTERRUPTED
    for line in ending(done, failed, time.perf_counter() - begun):
        screen.say(line)
    if failed:
        return exit_status(failed)
    return DONE if all(end.found.holds for end in done) else REFUTED


def outcomes(job: Job, folders: Sequence[Path]) -> Iterator[Verified | Failure]:
    """Each result's end, whatever it is."""
    for folder in folders:
        try:
            yield verified(job, folder)
        except Exception as error:  # noqa: BLE001  the other results are still to be done
            yield failure_of(error, where=str(folder))


def verified(job: Job, folder: Path) -> Verified:
    """One result.

    Raises:
        MedCamError: if its files are not those that were written, or the classifier or the other
            images are not those that it was explained with.
    """
    saved = read_saved(folder, job.classifier.channels)
    told = saved.document["sha256"]["references"]
    if told is not None and job.references is None:
        raise OutputError(
            f"{folder} was explained beside other images; give the same ones with --references"
        )
    if told is not None and job.references is not None and told != job.references.sha256:
        raise OutputError(
            f"{folder} was explained beside other reference images (SHA-256 of all {told[:12]}) "
            f"than those given ({job.references.sha256[:12]}); give the same ones to --references"
        )
    references = None if told is None else job.references
    return Verified(saved, rechecked(job.classifier, saved, references, job.options))


def told(end: Verified) -> str:
    """A result in a line, and below it every claim that fails or was not made."""
    found, name = end.found, end.saved.folder.name
    claimed = [verdict for verdict in found.verdicts if verdict.claimed]
    held = sum(verdict.now for verdict in claimed)
    certificate = found.claim.certificate if found.claim is not None else None
    bound = "" if certificate is None else f"; sufficient in at least {floored(certificate.bound)}"
    word = "all hold" if found.holds else "REFUTED"
    head = f"{name}  {held} of {counted(len(claimed), 'claim')} again: {word}{bound}"
    return "\n".join([head, *lines(found.verdicts)])


def lines(verdicts: Sequence[Verdict]) -> list[str]:
    """What does not hold, and what was never claimed."""
    shown = []
    for verdict in verdicts:
        figures = f" (saved {verdict.was}; now {verdict.figure})" if verdict.figure else ""
        if verdict.refuted:
            shown.append(f"    REFUTED: {verdict.name}{figures}")
        elif not verdict.claimed:
            now = ", though it holds now" if verdict.now else ""
            shown.append(f"    not claimed{now}: {verdict.name}{figures}")
    return shown


def ending(done: Sequence[Verified], failed: Sequence[Failure], seconds: float) -> Iterator[str]:
    """The end of a run."""
    if not done:
        return
    held = sum(end.found.holds for end in done)
    passes = sum(end.found.passes.forward for end in done)
    yield ""
    yield (
        f"{counted(len(done), 'result')} verified; all that was claimed holds in {held}. "
        f"{passes:,} passes, {duration(seconds)}."
    )
    table = specificity([end.saved.document for end in done])
    if len(table) > 1:
        yield from ("", *specificity_lines(table))
    if failed:
        yield f"{counted(len(failed), 'result')} could not be verified."
