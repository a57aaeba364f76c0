"""The model card: what a classifier is, what it was trained on, what it reaches, in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

from med_cam.report.text_table import markdown
from med_cam_studies.data.collection import Item, counts
from med_cam_studies.data.splits import Splits
from med_cam_studies.evaluation.measure import Measured
from med_cam_studies.report.measured import measured_parts
from med_cam_studies.training.catalogue import Study
from med_cam_studies.training.recipes import Recipe
from med_cam_studies.training.train import Epoch


def model_card(
    name: str,
    study: Study,
    stages: Mapping[str, Recipe],
    splits: Splits,
    epochs: Sequence[Epoch],
    found: Measured,
) -> str:
    """All of it; the numbers are those of the classifier as written."""
    parts = [
        f"# {name}",
        "Not a medical device. Not for diagnosis, triage or any use on patients.",
        "## Data",
        f"{study.title}; {study.licence}.",
        data_table(study.classes, splits),
        dropped(splits),
        "## Training",
        recipe_table(stages),
        epochs_line(epochs, stages),
        "## Measured",
        f"On the test set, read once, at the end{beside_the_paper(study)}.",
        *measured_parts(found),
    ]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def beside_the_paper(study: Study) -> str:
    """What the paper reports, as the end of a sentence."""
    architecture, accuracy = study.paper
    return f"; the paper reports {accuracy:.0%} with {architecture}" if architecture else ""


def data_table(classes: Sequence[str], splits: Splits) -> str:
    """Images of each class in each part."""
    parts = {"training": splits.fit, "validation": splits.validation, "test": splits.testing}
    rows = [[name, *counted(items, len(classes))] for name, items in parts.items()]
    return markdown(["images", *classes, "all"], rows)


def counted(items: Sequence[Item], classes: int) -> list[str]:
    """Images of each class, and in all."""
    return [f"{n:,}" for n in (*counts(items, classes), len(items))]


def dropped(splits: Splits) -> str:
    """What was left out of the parts, in a sentence."""
    gone = splits.dropped
    return (
        f"Left out: {gone.total:,} byte-identical copies ({len(gone.within):,} within a part, "
        f"{len(gone.across):,} of the test set that the training set holds, "
        f"{len(gone.contradictory):,} with different labels)."
    )


def recipe_table(stages: Mapping[str, Recipe]) -> str:
    """Every number of every stage."""
    tables = [asdict(recipe) for recipe in stages.values()]
    rows = [
        [field.name, *(f"{table[field.name]}" for table in tables)] for field in fields(Recipe)
    ]
    return markdown(["", *stages], rows)


def epochs_line(known: Sequence[Epoch], stages: Mapping[str, Recipe]) -> str:
    """How the training went, in one sentence per stage; every epoch is in training.csv."""
    lines = []
    for stage, recipe in stages.items():
        epochs = [epoch for epoch in known if epoch.stage == stage]
        best = max(epochs, key=lambda e: e.score) if recipe.patience else epochs[-1]
        lines.append(
            f"`{stage}`: {len(epochs)} of at most {recipe.epochs} epochs, training loss "
            f"{epochs[0].loss:.3f} to {epochs[-1].loss:.3f}; the weights are those of epoch "
            f"{best.number} (validation: accuracy {best.accuracy:.1%}, balanced "
            f"{best.balanced:.1%}). Every epoch is in `training.csv`."
        )
    return "\n".join(lines)
