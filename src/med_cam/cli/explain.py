"""`med-cam explain`: each image to its explanation on disk, whatever becomes of the others."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from med_cam.cli.choice import choice_for
from med_cam.cli.explain_each import explain_each
from med_cam.cli.export import asked
from med_cam.cli.fills import loaded, named_in
from med_cam.cli.inputs import Ready, over_images, painted
from med_cam.cli.job import Job, refuse_unfit_options
from med_cam.cli.kept import Plan, planned
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.overview import joined
from med_cam.cli.places import places_of, refuse_unfit_region
from med_cam.cli.private import names_hidden
from med_cam.cli.record import write_records
from med_cam.cli.run import Ended, Failure, exit_status, report
from med_cam.cli.screen import Screen
from med_cam.cli.settings import settings
from med_cam.cli.tally import Done, remarkable, summary
from med_cam.config.settings import Config, relative_to
from med_cam.report.choice_text import choice_sentence, choice_table
from med_cam.report.circumstances import now
from med_cam.report.export import export, refuse_missing
from med_cam.report.file_names import PM_FILE
from med_cam.report.installed import versions
from med_cam.report.leftovers import sweep
from med_cam.report.manifest import forget_run_manifest
from med_cam.report.wording import baselines, counted
from med_cam.results.removal import RemovalChoice
from med_cam_studies.methods.compared import compared_names


def run(options: ExplainOptions, screen: Screen) -> int:
    """Explain what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun, created, said = time.perf_counter(), now(), settings(options)
    refuse_missing(asked(options))
    refuse_unfit_region(options)
    compared_names(options.compare)

    def work(ready: Ready, paths: list[Path], failures: list[Failure]) -> int:
        job = job_of(options, said, ready, paths, screen)
        every, unreadable = places_of(options, job.ready, paths, screen)
        failures = [*failures, *unreadable]
        if not every:
            return exit_status(failures)
        sweep(options.out)
        plan = planned(job, every, screen)
        screen.say(heading(job, plan))
        for sentence in (*plan.broken, *without_scores(options, plan)):
            screen.say(sentence, style="yellow")
        images = {str(image.file): image for image in plan.kept}
        try:
            export_kept(options, plan)
            ended = explain_each(job, plan, screen, images)
        finally:  # of an interrupted run too
            write_records(job, created, images, failures=failures, every=every)
        whole = Ended(ended.done, (*failures, *ended.failed))
        if plan.shard is not None and (ended.done or plan.kept):
            joined(options.out)
        seconds = time.perf_counter() - begun
        for text in closing(job, plan, whole, seconds=seconds, width=screen.width):
            screen.say(text)
        for failure in ended.failed:
            report(failure, screen)
        return exit_status(whole.failed)

    return over_images(options, "explain", screen, work, at_end=True)


def closing(
    job: Job, plan: Plan, whole: Ended[Done], *, seconds: float, width: int
) -> Iterator[str]:
    """What is said at the end, if anything was explained or kept: a summary, what to look at."""
    if whole.done or plan.kept:
        yield summary(
            whole,
            claimed=job.config.verification.baselines,
            seconds=seconds,
            out=job.options.out,
            with_image=not job.options.no_source,
            choosing=passes_of(job.choice),
            kept=len(plan.kept),
        )
    if first := remarkable(whole.done, width=width):
        yield first


def job_of(
    options: ExplainOptions, said: Config, ready: Ready, paths: Sequence[Path], screen: Screen
) -> Job:
    """What is the same for all images: the settings with the removals that were chosen, the fills.

    Raises:
        MedCamError: if the settings do not suit the classifier or the references.
    """
    ready = painted(ready)
    choice = choice_for(options, ready, screen)
    config = said if choice is None else relative_to(said, choice.removal)
    refuse_unfit_options(options, config, ready)
    fills = loaded(named_in(config), ready.classifier, ready.source, options.trust)
    hidden = names_hidden(options, paths)
    return Job(options, config, ready, versions(sys.modules), choice, fills, hidden)


def passes_of(choice: RemovalChoice | None) -> int:
    """Passes that the choice took in this run."""
    return choice.passes if choice and choice.source == "measured" else 0


def export_kept(options: ExplainOptions, plan: Plan) -> None:
    """The exports that were asked for, also of results that are kept.

    Raises:
        OutputError: if they cannot be written.
    """
    names = asked(options)
    for kept in plan.kept if names else ():
        forget_run_manifest(options.out)
        images = {str(kept.sha256): Path(str(kept.file))}
        folder, identity = options.out / str(kept.folder), options.keep_identity
        export(folder, names, images=images, keep_identity=identity)


def without_scores(options: ExplainOptions, plan: Plan) -> Iterator[str]:
    """That kept results have no map of scores, where one was asked for."""
    bare = [k for k in plan.kept if not (options.out / str(k.folder) / PM_FILE).exists()]
    if options.dicom_scores and bare:
        yield (
            f"{counted(len(bare), 'kept result')} without {PM_FILE}: scores are not saved; "
            "--existing replace explains the images again"
        )


def heading(job: Job, plan: Plan) -> str:
    """What a run consists of, in two lines, and how its removals were chosen."""
    kept = f"{counted(len(plan.kept), 'image')} kept, {len(plan.todo):,} to do. "
    references = job.ready.references
    count = "no" if references is None else f"{len(references.x)}"
    return (
        f"{job.ready.introduction}\n"
        f"{kept if plan.kept else ''}{counted(len(plan.todo), 'image')} to explain with "
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
