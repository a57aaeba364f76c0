"""How often the classifier is right on the images of a dossier, with intervals."""

from collections.abc import Sequence
from statistics import mean

import torch
from jaxtyping import Int
from torch import Generator, Tensor

from med_cam.report.wording import percent
from med_cam_studies.evaluation.metrics import accuracies, confusion
from med_cam_studies.evaluation.separation import separation
from med_cam_studies.report.blocks import Block, Facts, Said, Section, Tabled, measured, share
from med_cam_studies.report.explained import Explained
from med_cam_studies.report.tables import Table

TITLE = "Performance"
INDEPENDENT = (
    "The outputs of this classifier are independent of each other (sigmoid): that an image may "
    "have several labels or none, and the thresholds, are not looked at here."
)
BOTH = ("truth", "predicted")  # of an image, the row and the column of a confusion
HELP = "give --labels, or explain images in folders that are called as their labels"


def performance(every: Sequence[Explained], *, generator: Generator) -> Section:
    """The section, on the images of which the right label is known.

    Args:
        every: all images.
        generator: of the bootstrap.
    """
    known = [one for one in every if one.truth and one.made.classifier["contrast"] is None]
    if not known:
        text = f"Not measured: the right label is known of 0 of {len(every)} images; {HELP}."
        return Section("performance", TITLE, (Said(text),))
    labels = known[0].labels
    truth, predicted = (
        torch.tensor([labels.index(getattr(one, field)) for one in known]) for field in BOTH
    )
    counts = confusion(truth, predicted, len(labels))
    sigmoid = known[0].made.classifier["head"] == "sigmoid"
    blocks: list[Block] = [
        Facts(overall(counts, known)),
        Tabled("By label", by_label(known, generator=generator)),
        Tabled("Images by right label (row) and prediction (column)", counted(counts, labels)),
        *([Said(INDEPENDENT, alert=True)] if sigmoid else []),
        Said(
            "Shares have exact intervals (Clopper and Pearson), areas under the curve percentile "
            "intervals of a bootstrap. Predicted is the label with the highest probability. How "
            "often a predicted label is right depends on how common it is among these images."
        ),
    ]
    return Section("performance", TITLE, tuple(blocks))


def overall(counts: Int[Tensor, "k k"], known: Sequence[Explained]) -> dict[str, str]:
    """Numbers over all labels."""
    right, images, of = int(counts.diagonal().sum()), len(known), counts.sum(dim=1)
    *recalls, _ = accuracies(counts)
    found = [recall for recall in recalls if recall == recall]  # NaN without images
    confidence = mean(one.confidence for one in known)
    return {
        "Accuracy": share(right, images),
        "Balanced accuracy": f"{percent(mean(found))}, the mean over {len(found)} labels",
        "Largest label, which a constant prediction reaches": f"{int(of.max())} of {images}",
        "Mean probability of the predicted label": (
            f"{confidence:.2f} over {images} images; with honest probabilities it would be near "
            f"the accuracy, {right / images:.2f}"
        ),
    }


def by_label(known: Sequence[Explained], *, generator: Generator) -> Table:
    """Sensitivity, specificity, how often it is right where predicted, area under the curve."""
    labels = known[0].labels
    rows = [(label, *_of_label(known, k, generator)) for k, label in enumerate(labels)]
    head = ("label", "sensitivity", "specificity", "right where predicted", "AUROC")
    return Table(head, tuple(rows))


def counted(counts: Int[Tensor, "k k"], labels: Sequence[str]) -> Table:
    """Counts by right label and prediction."""
    rows = [
        (label, *map(str, row), str(sum(row)))
        for label, row in zip(labels, counts.tolist(), strict=True)
    ]
    return Table(("right label", *labels, "all"), tuple(rows))


def _of_label(known: Sequence[Explained], k: int, generator: Generator) -> tuple[str, ...]:
    label = known[0].labels[k]
    own = [one for one in known if one.truth == label]
    others = [one for one in known if one.truth != label]
    said = [one for one in known if one.predicted == label]
    area = separation(
        [one.probabilities[k] for one in own],
        [one.probabilities[k] for one in others],
        generator=generator,
    )
    return (
        share(sum(one.predicted == label for one in own), len(own)),
        share(sum(one.predicted != label for one in others), len(others)),
        share(sum(one.truth == label for one in said), len(said)),
        measured(area),
    )
