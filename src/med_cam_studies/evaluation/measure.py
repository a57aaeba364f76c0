"""A classifier on the test set of a data set, read and prepared as `med-cam explain` does it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.counting import predictor
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.errors import ClassifierError, ImageError
from med_cam.images.read import read_image
from med_cam.masking.scene import Scene
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import near_copies
from med_cam_studies.data.splits import Splits
from med_cam_studies.evaluation.metrics import blank_predictions
from med_cam_studies.evaluation.performance import Performance, performance

BATCH = 32  # images per pass
SAMPLES = 8  # of each kind of noise
SEED = 1  # of the noise

OnImages = Callable[[int], None]  # called with how many more images are done


@dataclass(frozen=True, slots=True)
class Empty:
    """Predictions for one kind of image without content.

    Attributes:
        samples: images of it.
        mean: probability of each class.
        highest: of any class in any sample.
    """

    samples: int
    mean: tuple[float, ...]
    highest: float


@dataclass(frozen=True, slots=True)
class Measured:
    """What a classifier reaches on the test set of a data set.

    Attributes:
        labels: names of its classes, in the order of `testing.counts`.
        testing: on every image of the test set that can be read.
        apart: the same without near copies of images that are trained or validated on; None where
            nothing is left.
        near: how many near copies there are.
        empty: predictions for images without content, by baseline.
        broken: sentences on files that cannot be read.
    """

    labels: tuple[str, ...]
    testing: Performance
    apart: Performance | None
    near: int
    empty: Mapping[str, Empty]
    broken: tuple[str, ...]


def measured(
    classifier: Classifier,
    splits: Splits,
    classes: Sequence[str],
    on_images: OnImages = lambda _: None,
) -> Measured:
    """The test set read once: performance with and without near copies; blank predictions.

    Args:
        classifier: that was trained on these splits.
        splits: of the data set.
        classes: of the data set, in the order of its labels.
        on_images: called with the number of images of every batch when it is done.

    Raises:
        ClassifierError: if the classifier does not know a class of the data set.
        DataError: if no image of the test set can be read.
    """
    index = [label_index(classifier, name) for name in classes]
    items, probabilities, broken = predicted(classifier, splits.testing, on_images)
    truth = torch.tensor([index[item.label] for item in items])
    apart = ~near_copies(items, [*splits.fit, *splits.validation])
    return Measured(
        labels=classifier.labels,
        testing=performance(truth, probabilities),
        apart=performance(truth[apart], probabilities[apart]) if apart.any() else None,
        near=int((~apart).sum()),
        empty=empty_predictions(classifier),
        broken=broken,
    )


def label_index(classifier: Classifier, name: str) -> int:
    """Which output is that of a class of the data set.

    Raises:
        ClassifierError: if none does.
    """
    if name not in classifier.labels:
        raise ClassifierError(
            f"{classifier.name} knows no {name!r}, only {', '.join(classifier.labels)}; give a "
            "classifier of this data set."
        )
    return classifier.labels.index(name)


def predicted(
    classifier: Classifier, items: Sequence[Item], on_images: OnImages
) -> tuple[list[Item], Float[Tensor, "n k"], tuple[str, ...]]:
    """The items that can be read, their probabilities, and a sentence on each of the others."""
    done: list[Item] = []
    parts: list[Tensor] = [torch.zeros(0, len(classifier.labels))]
    broken: list[str] = []
    with hooks_attached(classifier) as forward:
        predict = predictor(forward, classifier, BATCH)
        for start in range(0, len(items), BATCH):
            batch = []
            for item in items[start : start + BATCH]:
                try:
                    image = read_image(item.path, channels=classifier.channels)
                    batch.append(classifier.prepare(image))
                    done.append(item)
                except ImageError as error:
                    broken.append(str(error))
            if batch:
                parts.append(predict(torch.cat(batch)).cpu())
            on_images(len(items[start : start + BATCH]))
    return done, torch.cat(parts), tuple(broken)


def empty_predictions(classifier: Classifier) -> Mapping[str, Empty]:
    """Probabilities where there is no content; 1 / k for each class is the best there."""
    generator = Generator().manual_seed(SEED)
    with hooks_attached(classifier) as forward:
        predict = predictor(forward, classifier, BATCH)
        found = blank_predictions(predict, blank(classifier), samples=SAMPLES, generator=generator)
    return {
        name: Empty(len(p), tuple(p.mean(dim=0).tolist()), p.max().item())
        for name, p in found.items()
    }


def blank(classifier: Classifier) -> Scene:
    """A model input without an image in it."""
    x = torch.zeros(1, classifier.channels, *classifier.input_size, device=classifier.device)
    white = classifier.normalise(torch.ones_like(x[..., :1, :1]))
    valid = torch.ones_like(x[:, :1], dtype=torch.bool)
    return Scene(x=x, valid=valid, black=classifier.black(), white=white, others=x[:0])
