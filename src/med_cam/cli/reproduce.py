"""`med-cam reproduce`: a study's images explained, and the figure, tables and report of them."""

import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from med_cam.cli.failures import Failure, exit_status, failure_of
from med_cam.cli.inputs import references_from, source_of
from med_cam.cli.installed import versions
from med_cam.cli.loaded import loaded
from med_cam.cli.progress import image_begun, image_title
from med_cam.cli.request import ReproduceRequest
from med_cam.cli.room import require_room
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.study_named import study_named
from med_cam.cli.tally import counted, duration
from med_cam.config.settings import Config
from med_cam.errors import ConfigError, DataError
from med_cam.report.wording import baselines, percent, probability
from med_cam.search.train import OnStep
from med_cam_studies.data.collection import Collection, Item
from med_cam_studies.data.splits import Splits, split
from med_cam_studies.evaluation.item_result import Setting
from med_cam_studies.evaluation.reproduce import chosen, reference_items, reproduced, seen_before
from med_cam_studies.evaluation.rows import Row
from med_cam_studies.report.page import import_jinja2
from med_cam_studies.report.publish import FILES, Head, publish
from med_cam_studies.report.tables import HALF
from med_cam_studies.training.catalogue import Study
from med_cam_studies.training.export import write_whole
from med_cam_studies.training.measure import Measured, measured
from med_cam_studies.training.model_card import measured_parts

MEASURED = "measured.md"


@dataclass(frozen=True, slots=True)
class Run:
    """A study on disk, a classifier, and what is explained of one by the other."""

    study: Study
    collection: Collection
    splits: Splits
    setting: Setting
    items: tuple[Item, ...]


def run(request: ReproduceRequest, screen: Screen) -> int:
    """Reproduce what was asked for; return the exit status.

    Raises:
        MedCamError: if the run cannot begin.
    """
    begun = time.perf_counter()
    study, config = study_named(request.study), settings(request)
    import_jinja2()
    require_room(request.out)
    with ExitStack() as opened:
        with row(screen.bar, "reading the data set and the classifier"):
            ready = prepared(request, study, config, opened)
        total = len(ready.splits.testing)
        with row(screen.bar, "measuring on Testing", total=total) as task:
            found = measured(
                ready.setting.classifier,
                ready.splits,
                study.classes,
                lambda n: screen.bar.advance(task, n),
            )
        screen.say(heading(ready, found))
        lacking = missing(ready.collection)
        for failure in lacking:
            screen.report(failure)
        rows, failures = worked_off(ready, screen)
    if rows:
        with row(screen.bar, "drawing"):
            published(ready, request, found, rows)
        screen.say(ending(rows, request, time.perf_counter() - begun))
    return exit_status([*lacking, *failures])


def prepared(request: ReproduceRequest, study: Study, config: Config, opened: ExitStack) -> Run:
    """Data set, classifier, other images, and the images to explain.

    Raises:
        MedCamError: if one of them cannot be had.
    """
    if request.model is None and request.study != "brain-mri":
        raise ConfigError(
            f"give --model, a classifier of {study.title}; med-cam train {request.study} makes one"
        )
    classifier = loaded(source_of(request.model, opened), request.device)
    collection = study.collect(request.root)
    splits = split(collection.items, validated=study.validated, tested=study.tested)
    others = reference_items(splits.validation)
    setting = Setting(
        classifier=classifier,
        config=config,
        preset=request.preset,
        references=references_from(classifier, [item.path for item in others]),
        tiles=request.tiles,
        classes=study.classes,
        out=request.out,
        software=versions(sys.modules),
    )
    items = (*chosen(splits.testing, request.images), *collection.outlined)
    return Run(study, collection, splits, setting, items)


def worked_off(ready: Run, screen: Screen) -> tuple[list[Row], list[Failure]]:
    """Every image explained, each shown when done."""
    steps, count = ready.setting.config.search.steps, len(ready.items)
    rows: list[Row] = []
    failures: list[Failure] = []
    with row(screen.bar, "", total=steps * count) as task:

        def on_item(item: Item, place: int) -> OnStep:
            title = image_title(item.path.name, place, count)
            return image_begun(screen.bar, task, title, before=steps * place, steps=steps)

        for end in reproduced(ready.items, ready.setting, on_item):
            if isinstance(end, Row):
                rows.append(end)
                screen.say(row_line(end), style="" if end.verified else "yellow")
            else:
                failures.append(failure_of(end[1], where=str(end[0].path)))
                screen.report(failures[-1])
    order = [item.name for item in ready.items]
    return sorted(rows, key=lambda done: order.index(done.image)), failures


def missing(collection: Collection) -> list[Failure]:
    """Files that are not there, and tables that disagree, as failures of the data set."""
    faults = [f"{name} is missing" for name in collection.missing]
    return [failure_of(DataError(fault)) for fault in (*faults, *collection.contradictions)]


def published(ready: Run, request: ReproduceRequest, found: Measured, rows: Sequence[Row]) -> None:
    """Figure, tables, report, and the classifier's measures beside them."""
    study, out = ready.study, request.out
    parts = [f"# {ready.setting.classifier.name}", *filter(None, measured_parts(found))]
    text = "\n\n".join(part.strip() for part in parts)
    write_whole(out / MEASURED, f"{text}\n".encode())
    title = f"{study.title}: evidence for the decisions of {ready.setting.classifier.name}"
    head = Head(title, study.classes, facts(ready, request, found), notes(ready))
    publish(head, rows, {item.name: item for item in ready.items}, out)


def facts(ready: Run, request: ReproduceRequest, found: Measured) -> dict[str, str]:
    """What the figures rest on, by name."""
    setting, testing = ready.setting, found.testing
    low, high = testing.accuracy_interval
    told = {
        "Classifier": setting.classifier.name,
        "SHA-256 of its weights": setting.classifier.sha256,
        "Accuracy on Testing": (
            f"{testing.accuracy:.1%} of {sum(map(sum, testing.counts)):,} images (95% interval "
            f"{low:.1%} to {high:.1%}); balanced {testing.balanced_accuracy:.1%}; the majority "
            f"class alone {testing.majority:.1%}"
        ),
    }
    architecture, accuracy = ready.study.paper
    if architecture:
        told["The paper reports"] = f"{accuracy:.0%} with {architecture}"
    told |= {
        "Images": f"of each class the first {request.images} of Testing by SHA-256 of the file",
        "Claims rest on": baselines(setting.config.verification.baselines),
        "Settings": f"preset {request.preset}, seed {setting.config.seed}"
        + (f", tiles of {setting.tiles} pixels" if setting.tiles else ""),
    }
    return told


def notes(ready: Run) -> tuple[str, ...]:
    """What a reader has to know besides."""
    outlined = ready.collection.outlined
    if not outlined:
        return ()
    seen = seen_before(outlined, [*ready.splits.fit, *ready.splits.validation])
    names = ", ".join(item.path.stem for item in seen)
    told = f"{counted(len(outlined), 'image')} with outlined findings are no part of Testing"
    known = f"; {names} are, nearly or exactly, images that were trained on" if seen else ""
    return (f"{told}{known}.",)


def heading(ready: Run, found: Measured) -> str:
    """What the run consists of."""
    testing, name = found.testing, ready.setting.classifier.name
    return (
        f"{ready.study.title}: {name}, accuracy {testing.accuracy:.1%} on "
        f"{counted(sum(map(sum, testing.counts)), 'image')} of Testing.\n"
        f"{counted(len(ready.items), 'image')} to explain over "
        f"{baselines(ready.setting.config.verification.baselines)}."
    )


def row_line(line: Row) -> str:
    """One image, for the terminal."""
    verdict = "verified" if line.verified else f"NOT VERIFIED: {line.status}"
    change = f"{probability(line.before)} -> {probability(line.after)}"
    return "  ".join(
        [line.image, line.label, change, f"{percent(line.area)} of the image", verdict]
    )


def ending(rows: Sequence[Row], request: ReproduceRequest, seconds: float) -> str:
    """How it ended, and where everything is."""
    verified = [line for line in rows if line.verified]
    small = sum(line.area < HALF for line in verified)
    return (
        f"\n{counted(len(rows), 'image')} explained, {len(verified)} verified, {small} of them on "
        f"less than half of the image; {duration(seconds)}.\n"
        f"In {request.out}: {', '.join(FILES)}, images/."
    )
