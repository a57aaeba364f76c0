"""What is known of a network that was prepared to propose masks."""

from dataclasses import dataclass

from med_cam.results.passes import Passes
from med_cam.results.ranges import Count, Positive


@dataclass(frozen=True, slots=True)
class Prepared:
    """A network that proposes masks, trained beforehand on unlabelled images of a classifier.

    Attributes:
        sha256: of its file.
        classifier: SHA-256 of the identity of the classifier that it was prepared for.
        input_size: height and width that this classifier takes.
        removal: names of the removals that it was trained on.
        images: that it was trained on.
        left_out: images that could not be read or prepared.
        epochs: how often it saw each image.
        seed: of its training.
        passes: inputs sent through the classifier for it.
        widths: channels of its U-Net, finest level first.
        grid: side of its square of scores.
    """

    sha256: str
    classifier: str
    input_size: tuple[Positive, Positive]
    removal: tuple[str, ...]
    images: Positive
    left_out: Count
    epochs: Positive
    seed: Count
    passes: Passes
    widths: tuple[Positive, ...]
    grid: Positive
