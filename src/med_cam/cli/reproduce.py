"""`med-cam reproduce`: a study's images explained, and the figure, tables and report of them."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from med_cam.cli.classifier import load_repeatable, source_of
from med_cam.cli.command_line import command_line
from med_cam.cli.data_check import study_named
from med_cam.cli.options.studies import ReproduceOptions
from med_cam.cli.references import references_from
from med_cam.cli.room import require_room
from med_cam.cli.run import Ended, Failure, exit_status, failure_of, report, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.signals import refuse_to_go_on
from med_cam.cli.tally import duration, image_begun, image_title
from med_cam.config.settings import Config
from med_cam.errors import ConfigError, DataError
from med_cam.report.files import write_file
from med_cam.report.installed import versions
from med_cam.report.wording import baselines, counted, percent, probability
from med_cam.results.step import OnStep
from med_cam_studies.data.collection import Collection, Item
from med_cam_studies.data.splits import Splits, split
from med_cam_studies.evaluation.item_result import Setting
from med_cam_studies.evaluation.measure import Measured, measured
from med_cam_studies.evaluation.reproduce import (
    Earlier,
    chosen,
    reference_items,
    reproduced,
    seen_before,
    taken_up,
)
from med_cam_studies.evaluation.rows import Row
from med_cam_studies.report.measured import measured_parts
from med_cam_studies.report.page import import_jinja2
from med_cam_studies.report.publish import FILES, Head, publish
from med_cam_studies.report.tables import HALF
from med_cam_studies.training.catalogue import Study

MEASURED = "measured.md"


@dataclass(frozen=True, slots=True)
class Run:
    """A study on disk, a classifier, and what is explained of one by the other."""

    study: Study
    collection: Collection
    splits: Splits
    setting: Setting
    items: tuple[Item, ...]


def run(options: ReproduceOptions, screen: Screen) -> int:
    """Reproduce what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun = time.perf_counter()
    study, config = study_named(options.study), settings(options)
    import_jinja2()
    require_room(options.out)
    with ExitStack() as opened:
        with row(screen.bar, "reading the data set and the classifier"):
            ready = prepared(options, study, config, opened, screen)
        found = measure(ready, screen)
        screen.say(heading(ready, found))
        lacking = missing(ready.collection)
        for failure in lacking:
            report(failure, screen)
        earlier = taken_up(ready.items, ready.setting)
        for sentence in earlier.outdated.values():
            screen.say(sentence)
        ended = explain_each(ready, earlier, screen)
    if ended.done:
        with row(screen.bar, "drawing"):
            published(ready, options, found, ended.done)
        screen.say(ending(ended.done, options, time.perf_counter() - begun))
    return exit_status([*lacking, *ended.failed])


def measure(ready: Run, screen: Screen) -> Measured:
    """The classifier on the test set."""
    classifier, splits = ready.setting.classifier, ready.splits
    with row(screen.bar, "measuring on the test set", total=len(splits.testing)) as task:
        return measured(
            classifier, splits, ready.study.classes, lambda n: screen.bar.advance(task, n)
        )


def prepared(
    options: ReproduceOptions, study: Study, config: Config, opened: ExitStack, screen: Screen
) -> Run:
    """Data set, classifier, reference images, and the images to explain.

    Raises:
        MedCamError: if one of them cannot be read.
    """
    if options.model is None and options.study != "brain-mri":
        raise ConfigError(
            f"give --model, a classifier of {study.title}; med-cam train {options.study} makes one"
        )
    source = source_of(options.model, opened, options.trust)
    classifier = load_repeatable(source, options.device)
    collection = study.collect(options.root)
    splits = split(collection.items, validated=study.validated, tested=study.tested)
    others = reference_items(splits.validation)
    setting = Setting(
        classifier=classifier,
        config=config,
        preset=options.preset,
        references=references_from(
            classifier, [item.path for item in others], classifier.white, screen
        ),
        tiles=options.tiles,
        classes=study.classes,
        out=options.out,
        software=versions(sys.modules),
        command=command_line(options, "reproduce"),
    )
    items = (*chosen(splits.testing, options.images), *collection.outlined)
    return Run(study, collection, splits, setting, items)


def explain_each(ready: Run, earlier: Earlier, screen: Screen) -> Ended[Row]:
    """Every image explained, each shown when done; in the order of the images.

    Raises:
        UnwritableError: if there is no room for a result, before the image is explained.
    """
    steps, count = ready.setting.config.search.steps, len(ready.items)
    with row(screen.bar, "", total=steps * count) as task:

        def on_item(item: Item, place: int) -> OnStep:
            refuse_to_go_on()
            require_room(ready.setting.out)
            title = image_title(item.path.name, place, count)
            return image_begun(screen.bar, task, title, before=steps * place, steps=steps)

        ends = (
            end if isinstance(end, Row) else failure_of(end[1], where=str(end[0].path))
            for end in reproduced(ready.items, ready.setting, earlier, on_item)
        )
        ended = show_each(
            ends, screen, line=lambda end: (row_line(end), "" if end.verified else "yellow")
        )
    order = [item.name for item in ready.items]
    rows = sorted(ended.done, key=lambda done: order.index(done.image))
    return Ended(tuple(rows), ended.failed)


def missing(collection: Collection) -> list[Failure]:
    """Files that are not there, and tables that disagree, as failures of the data set."""
    faults = [f"{name} is missing" for name in collection.missing]
    return [failure_of(DataError(fault)) for fault in (*faults, *collection.contradictions)]


def published(ready: Run, options: ReproduceOptions, found: Measured, rows: Sequence[Row]) -> None:
    """Figure, tables, report, and the classifier's measures beside them."""
    study, out = ready.study, options.out
    parts = [f"# {ready.setting.classifier.name}", *filter(None, measured_parts(found))]
    text = "\n\n".join(part.strip() for part in parts)
    write_file(out / MEASURED, f"{text}\n".encode())
    title = f"{study.title}: evidence for the decisions of {ready.setting.classifier.name}"
    head = Head(title, study.classes, facts(ready, options, found), notes(ready))
    publish(head, rows, {item.name: item for item in ready.items}, out)


def facts(ready: Run, options: ReproduceOptions, found: Measured) -> dict[str, str]:
    """What the figures rest on, by name."""
    setting, testing = ready.setting, found.testing
    low, high = testing.accuracy_interval
    lines = {
        "Classifier": setting.classifier.name,
        "SHA-256 of its weights": setting.classifier.sha256,
        "Accuracy on the test set": (
            f"{testing.accuracy:.1%} of {sum(map(sum, testing.counts)):,} images (95% interval "
            f"{low:.1%} to {high:.1%}); balanced {testing.balanced_accuracy:.1%}; the majority "
            f"class alone {testing.majority:.1%}"
        ),
    }
    architecture, accuracy = ready.study.paper
    if architecture:
        lines["The paper reports"] = f"{accuracy:.0%} with {architecture}"
    lines |= {
        "Images": f"the first {options.images} of each class of the test set, by SHA-256",
        "Baselines": baselines(setting.config.verification.baselines),
        "Settings": f"preset {options.preset}, seed {setting.config.seed}"
        + (f", tiles of {setting.tiles} pixels" if setting.tiles else ""),
    }
    return lines


def notes(ready: Run) -> tuple[str, ...]:
    """What a reader has to know in addition."""
    outlined = ready.collection.outlined
    if not outlined:
        return ()
    seen = seen_before(outlined, [*ready.splits.fit, *ready.splits.validation])
    names = ", ".join(item.path.stem for item in seen)
    outside = (
        f"{counted(len(outlined), 'image')} with outlined findings are not part of the test set"
    )
    known = f"; {names} are, nearly or exactly, images that were trained on" if seen else ""
    return (f"{outside}{known}.",)


def heading(ready: Run, found: Measured) -> str:
    """What the run consists of."""
    testing, name = found.testing, ready.setting.classifier.name
    return (
        f"{ready.study.title}: {name}, accuracy {testing.accuracy:.1%} on "
        f"{counted(sum(map(sum, testing.counts)), 'image')} of the test set.\n"
        f"{counted(len(ready.items), 'image')} to explain with "
        f"{baselines(ready.setting.config.verification.baselines)} as baselines."
    )


def row_line(line: Row) -> str:
    """One image, for the terminal."""
    verdict = "sufficiency test passed" if line.verified else f"TEST FAILED: {line.status}"
    change = f"{probability(line.before)} -> {probability(line.after)}"
    return "  ".join(
        [line.image, line.label, change, f"{percent(line.area)} of the image", verdict]
    )


def ending(rows: Sequence[Row], options: ReproduceOptions, seconds: float) -> str:
    """How it ended, and where everything is."""
    passed = [line for line in rows if line.verified]
    small = sum(line.area < HALF for line in passed)
    return (
        f"\n{counted(len(rows), 'image')} explained, {len(passed)} passed the sufficiency test, "
        f"{small} of these with less than half of the image; {duration(seconds)}.\n"
        f"Results in {options.out}: {', '.join(FILES)}, images/."
    )
