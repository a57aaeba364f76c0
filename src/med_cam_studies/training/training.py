"""From a data set's folder to a measured classifier's folder: what `med-cam train` does."""

import csv
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch import nn

from med_cam.classifiers.description import FILE
from med_cam.classifiers.load import load_classifier
from med_cam.errors import OutputError
from med_cam.report.files import write_files
from med_cam.report.leftovers import sweep
from med_cam_studies.data.collection import Item
from med_cam_studies.data.examples import Examples, examples
from med_cam_studies.data.splits import Splits
from med_cam_studies.evaluation.measure import Measured, OnImages, measured
from med_cam_studies.training.catalogue import Study
from med_cam_studies.training.export import write_classifier
from med_cam_studies.training.model_card import model_card
from med_cam_studies.training.recipes import Recipe
from med_cam_studies.training.start import started
from med_cam_studies.training.train import Epoch, OnEpoch, train_stages

CARD, MEASURED, EPOCHS, CHECKPOINTS = (
    "model-card.md",
    "measured.json",
    "training.csv",
    "checkpoints",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be trained, on what, from what, where.

    Attributes:
        study: data set and title.
        root: the data set's folder.
        stages: recipes by name.
        init: "timm", "random" or a weights file.
        device: to train on.
        out: gets classifier.toml, model.safetensors, model-card.md, measured.json, training.csv
            and checkpoints/.
    """

    study: Study
    root: Path
    stages: Mapping[str, Recipe]
    init: str
    device: torch.device
    out: Path

    @property
    def name(self) -> str:
        """The classifier's name in reports."""
        return f"{next(iter(self.stages.values())).architecture}, {self.study.title}"


@dataclass(frozen=True, slots=True)
class Watch:
    """What is called with the progress: a stage in words, an epoch, images measured."""

    on_stage: Callable[[str], None] = lambda _: None
    on_epoch: OnEpoch = lambda _: None
    on_images: OnImages = lambda _: None


@dataclass(frozen=True, slots=True)
class Trained:
    """What came of it.

    Attributes:
        measured: on the test set, of the classifier as written.
        epochs: every epoch.
        faults: sentences on files that were left out.
    """

    measured: Measured
    epochs: tuple[Epoch, ...]
    faults: tuple[str, ...]


def trained(plan: Plan, watch: Watch) -> Trained:
    """Train, write the classifier's folder, measure what was written on the test set, once.

    The same call continues after the last full epoch of one that was stopped.

    Raises:
        DataError: if the folder does not hold the data set.
        ClassifierError: if the starting weights cannot be had or do not fit, or a checkpoint in
            `out` is of another training.
        OutputError: if `out` cannot be written, or holds a classifier of another training.
    """
    study, first = plan.study, next(iter(plan.stages.values()))
    refuse_other_classifier(plan)
    for folder in (plan.out, plan.out / CHECKPOINTS):
        sweep(folder)
    watch.on_stage("reading the data set")
    collection = study.collect(plan.root)
    splits = study.split(collection.items)
    model = started(plan.init, first, len(study.classes)).to(plan.device)
    fit, validation = (
        read(items, study, first.input_size) for items in (splits.fit, splits.validation)
    )
    watch.on_stage("training")
    epochs = train_stages(
        model, fit, validation, plan.stages, plan.out / CHECKPOINTS, watch.on_epoch
    )
    export(model, plan)
    watch.on_stage("measuring on the test set")
    classifier = load_classifier(plan.out, device=str(plan.device))
    found = measured(classifier, splits, study.classes, watch.on_images)
    missing = tuple(f"{name} is missing" for name in collection.missing)
    faults = (*collection.contradictions, *missing, *fit.broken, *validation.broken)
    document(plan, splits, epochs, replace(found, broken=(*faults, *found.broken)))
    return Trained(found, epochs, (*faults, *found.broken))


def refuse_other_classifier(plan: Plan) -> None:
    """Check that a classifier in the output folder is of this training: none is replaced.

    Raises:
        OutputError: it has not the checkpoints of these stages, all of them and no others.
    """
    found = {path.stem for path in (plan.out / CHECKPOINTS).glob("*.ckpt")}
    whole = (plan.out / FILE).exists()
    if found - plan.stages.keys() or (whole and found != plan.stages.keys()):
        raise OutputError(
            f"{plan.out} holds {'a classifier' if whole else 'the checkpoints'} of another "
            "training; give another --out, or remove it."
        )


def read(items: Sequence[Item], study: Study, size: int) -> Examples:
    """Files as the study trains on them."""
    return examples(items, size=size, channels=study.channels, classes=len(study.classes))


def export(model: nn.Module, plan: Plan) -> None:
    """The folder that `--model` takes."""
    write_classifier(
        {key: value.cpu() for key, value in model.state_dict().items()},
        plan.out,
        recipe=list(plan.stages.values())[-1],
        name=plan.name,
        classes=plan.study.classes,
        licence=plan.study.licence,
    )


def document(plan: Plan, splits: Splits, epochs: Sequence[Epoch], found: Measured) -> None:
    """The card, the numbers and the epochs beside the weights."""
    card = model_card(plan.name, plan.study, plan.stages, splits, epochs, found)
    numbers = json.dumps(plain(asdict(found)), indent=2, ensure_ascii=False)
    contents = {CARD: card, MEASURED: f"{numbers}\n", EPOCHS: epochs_csv(epochs)}
    write_files(plan.out, {name: text.encode() for name, text in contents.items()})


def epochs_csv(epochs: Sequence[Epoch]) -> str:
    """Every epoch as a line."""
    text = StringIO()
    writer = csv.DictWriter(text, list(asdict(epochs[0])), lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(epoch) for epoch in epochs)
    return text.getvalue()


def plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """NaN, which JSON lacks, as null."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value
