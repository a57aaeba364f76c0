"""Images spread over processes, each with the classifier; a line of --out for each when done."""

import hashlib
import json
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import Progress
from study_images import Images

from med_cam.case.references import References, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.bundled import bundled_classifier, bundled_references
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.repeatable import repeatable_gpu
from med_cam.config.settings import Config
from med_cam.config.toml import as_table
from med_cam.errors import MedCamError
from med_cam.images.find import find_images
from med_cam.images.image import Image
from med_cam.images.read import read_image
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import sha256_of
from med_cam_studies.evaluation.json_lines import append_line, read_lines

Variant = str | int | None  # of the explanations of one image: a method, a seed


@dataclass(frozen=True)
class Bench:
    """What a worker holds between images."""

    classifier: Classifier
    references: References
    classes: Sequence[str]
    out: Path


@dataclass(frozen=True)
class Task:
    """One line that is missing: an image, and how it is explained."""

    item: Item
    variant: Variant
    config: Config


Explained = Callable[[Bench, Task, Image], dict]  # what else the line holds
BENCH: list[Bench] = []  # one in each worker process, set by `_ready`


def explain_missing(
    options: Namespace,
    images: Images,
    explained: Explained,
    configs: Mapping[Variant, Config],
    field: str = "",
) -> None:
    """Add a line to --out for every image and variant that it lacks.

    Args:
        options: model, out, workers and device of the command line.
        images: to explain.
        explained: a function of the benchmark's file, called in the workers.
        configs: settings by variant.
        field: of the line that names the variant; "" if there is but one.

    Raises:
        MedCamError: if --out has results of another classifier or of other settings.
    """
    with ExitStack() as stack:
        model = options.model or stack.enter_context(bundled_classifier())
        references = images.references or find_images([stack.enter_context(bundled_references())])
        classifier = load_classifier(model, device="cpu")  # only its name and weights are read
        work = missing(options.out, images.items, classifier, configs, field)
        given = (model, references, images.classes, options.out, options.device)
        _spread([(explained, field, task) for task in work], options.workers, given)


def missing(
    out: Path,
    items: Sequence[Item],
    classifier: Classifier,
    configs: Mapping[Variant, Config],
    field: str,
) -> list[Task]:
    """What has no line yet.

    Raises:
        MedCamError: if --out has results of another classifier or of other settings.
    """
    done = set()
    for line in read_lines(out):
        variant = line.get(field)
        if variant in configs:
            current = settings_of(configs[variant], classifier)
            if line.get("settings", current) != current:
                raise MedCamError(
                    f"{out} has results of another classifier, seed or of other settings; give "
                    "another file to --out."
                )
            done.add((line["sha256"], variant))
    return [
        Task(item, variant, config)
        for item in items
        for variant, config in configs.items()
        if (sha256_of(item.path), variant) not in done
    ]


def settings_of(config: Config, classifier: Classifier) -> str:
    """One short name for everything that a result depends on, except the code."""
    table = [as_table(config), classifier.name, classifier.sha256]
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()[:12]


def _spread(work: Sequence[tuple], workers: int, given: tuple) -> None:
    """Every line written, with a bar.

    The first error, or Ctrl-C, ends it: what has begun is finished, the rest is left.
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=_ready, initargs=given
    )
    with Progress(console=Console(stderr=True)) as progress, pool:
        bar = progress.add_task("explanations", total=len(work))
        futures = [pool.submit(_line, *task) for task in work]
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance(bar)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _ready(
    model: Path, references: Sequence[Path], classes: Sequence[str], out: Path, device: str
) -> None:
    """Load what every image needs; one thread per worker."""
    torch.set_num_threads(1)
    repeatable_gpu()
    classifier = load_classifier(model, device=device)
    seen = [read_image(path, channels=classifier.channels) for path in references]
    BENCH[:] = [Bench(classifier, prepare_references(classifier, seen), classes, out)]


def _line(explained: Explained, field: str, task: Task) -> None:
    (bench,) = BENCH
    image = read_image(task.item.path, channels=bench.classifier.channels)
    line = {
        "settings": settings_of(task.config, bench.classifier),
        "classifier": bench.classifier.name,
        "image": task.item.path.name,
        "sha256": image.sha256,
        "label": bench.classes[task.item.label],
    }
    named = {field: task.variant} if field else {}
    append_line(bench.out, line | named | explained(bench, task, image))
