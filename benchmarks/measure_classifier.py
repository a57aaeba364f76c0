"""How good a Brain Tumor MRI classifier is, and what it says of emptiness.

    python benchmarks/measure_classifier.py --root BRAIN_MRI [--model DIR] [--draws 8] [--seed 1]

Images: Testing without what Training holds byte for byte; then again without near copies, whose
32 x 32 thumbnail correlates with that of some Training image with 0.999 or more. They are read,
prepared and answered one at a time, exactly as `med-cam explain` does it.

Emptiness: images without content, in the classifier's frame: grey (zero after normalisation),
black, white, Gaussian noise and uniform noise. Printed are the mean probability of each class and
the highest of any class in any draw.
"""

import argparse
import math
from contextlib import ExitStack
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import track

from med_cam.classifiers.base import Classifier, attached
from med_cam.classifiers.bundled import bundled_classifier
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError, MedCamError
from med_cam.images.read import read_image
from med_cam.observe import answers
from med_cam.studies.datasets import BRAIN_MRI_CLASSES, Labelled, Splits, brain_mri, near_copies
from med_cam.studies.metrics import accuracies, blank, confusion, emptiness


def main() -> int:
    """Print the tables."""
    asked = arguments()
    try:
        with ExitStack() as stack:
            model = asked.model or stack.enter_context(bundled_classifier())
            classifier = load_classifier(model, device="cpu")
        print(measured(classifier, brain_mri(asked.root), draws=asked.draws, seed=asked.seed))
    except MedCamError as error:
        print(f"measure_classifier: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder with Training/, Testing/")
    parser.add_argument("--model", type=Path, help="classifier; the bundled one by default")
    parser.add_argument("--draws", type=int, default=8, help="of each kind of noise")
    parser.add_argument("--seed", type=int, default=1, help="of the noise")
    return parser.parse_args()


def measured(classifier: Classifier, splits: Splits, *, draws: int = 8, seed: int = 1) -> str:
    """All tables as Markdown.

    Raises:
        ClassifierError: if the classifier does not know a class of the data set.
    """
    index = torch.tensor([label_index(classifier, name) for name in BRAIN_MRI_CLASSES])
    truth = index[torch.tensor([item.label for item in splits.testing])]
    shown = track(splits.testing, "images", console=Console(stderr=True))
    given = torch.tensor([answered(classifier, item) for item in shown])
    apart = ~near_copies(splits.testing, [*splits.fit, *splits.validation])
    k = len(classifier.labels)
    counts = confusion(truth, given, k)
    head = (
        f"{classifier.name} (SHA-256 {classifier.sha256[:12]}): {len(splits.fit):,} images to fit "
        f"on, {len(splits.validation):,} to validate, {len(splits.testing):,} to test; "
        f"{splits.dropped:,} byte-identical copies dropped."
    )
    return "\n\n".join(
        [
            head,
            accuracy_table(classifier, counts, confusion(truth[apart], given[apart], k)),
            confusion_table(classifier, counts),
            emptiness_table(classifier, draws, seed),
        ]
    )


def label_index(classifier: Classifier, name: str) -> int:
    """Which output speaks for a class of the data set."""
    if name not in classifier.labels:
        known = ", ".join(classifier.labels)
        raise ClassifierError(
            f"{classifier.name} knows no {name!r}, only {known}; --model takes classifiers of "
            "Brain Tumor MRI."
        )
    return classifier.labels.index(name)


def answered(classifier: Classifier, item: Labelled) -> int:
    """The answer to one file."""
    x = classifier.prepare(read_image(item.path, channels=classifier.channels))
    with attached(classifier) as forward:
        return int(answers(forward, classifier, 1)(x).argmax())


def accuracy_table(classifier: Classifier, counts: torch.Tensor, apart: torch.Tensor) -> str:
    """Images and accuracy by class, with and without near copies."""
    rows = []
    for words, table in (("", counts), (" without near copies", apart)):
        of = [*table.sum(dim=1).tolist(), table.sum().item()]
        rows += [
            [f"images{words}", *(f"{n:,}" for n in of)],
            [f"accuracy{words}", *(percent(share) for share in accuracies(table))],
        ]
    return markdown(["", *classifier.labels, "all"], rows)


def confusion_table(classifier: Classifier, counts: torch.Tensor) -> str:
    """What each class is called."""
    rows = [
        [name, *(str(n) for n in row)]
        for name, row in zip(classifier.labels, counts.tolist(), strict=True)
    ]
    return markdown(["of class ... called", *classifier.labels], rows)


def emptiness_table(classifier: Classifier, draws: int, seed: int) -> str:
    """Mean probability of each class where there is no content, and the highest of any."""
    generator = torch.Generator().manual_seed(seed)
    with attached(classifier) as forward:
        answer = answers(forward, classifier, 1)
        found = emptiness(answer, blank(classifier), draws=draws, generator=generator)
    rows = [
        [
            name if len(p) == 1 else f"{name}, {len(p)} draws",
            *(f"{share:.2f}" for share in p.mean(dim=0).tolist()),
            f"{p.max().item():.2f}",
        ]
        for name, p in found.items()
    ]
    return markdown(["without content", *classifier.labels, "highest"], rows)


def percent(share: float) -> str:
    return "-" if math.isnan(share) else f"{share:.1%}"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
