"""Reference images as the classifier sees them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.counting import BATCH, predictor
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.colours import ASSUMED, REFERENCES, Colours, fault_of
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.given import refuse_other
from med_cam.errors import ClassifierError, ConfigError, ImageError
from med_cam.images.image import AN_IMAGE, Image


@dataclass(frozen=True, slots=True)
class References:
    """Reference images as the classifier sees them, and what it says of each.

    Attributes:
        x: the images, prepared.
        probabilities: of each class on them.
        digests: SHA-256 of each file, or of the pixels of one made in memory.
        left_out: files beside them that could not be read.
    """

    x: Float[Tensor, "n c h w"]
    probabilities: Float[Tensor, "n k"]
    digests: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def sha256(self) -> str:
        """Of all of them in their order: the same only for the same images."""
        return hashlib.sha256("\n".join(self.digests).encode()).hexdigest()


@ordinary_torch()
def prepare_references(classifier: Classifier, images: Sequence[Image]) -> References:
    """Reference images for the shape test, prepared and labelled once for many explanations.

    Costs one forward pass per image, which no explanation counts again.

    Raises:
        ClassifierError: if the classifier is none.
        ImageError: if there are no images, or something else among them.
    """
    refuse_other("classifier", classifier, Classifier, A_CLASSIFIER, ClassifierError)
    refuse_other("images", images, Sequence, f"a list, each {AN_IMAGE}", ImageError)
    for image in images:
        refuse_other("each reference image", image, Image, AN_IMAGE, ImageError)
    if not images:
        raise ImageError("images is empty; give reference images, or no references at all.")
    x = torch.cat([classifier.prepare(image) for image in images])
    with hooks_attached(classifier) as forward:
        p = predictor(forward, classifier, BATCH)(x)
    return References(x, p, tuple(digest(image) for image in images))


def refuse_others_references(references: References, classifier: Classifier) -> None:
    """Check that reference images were prepared for this classifier.

    Raises:
        ConfigError: if they have another size, other classes, or lie on another device.
    """
    shape = (classifier.channels, *classifier.input_size)
    x, p = references.x, references.probabilities
    if x.shape[1:] != shape or p.shape[1] != len(classifier.labels):
        raise ConfigError(
            f"references are images of {tuple(x.shape[1:])} and {p.shape[1]} classes, the "
            f"classifier takes {shape} and has {len(classifier.labels)}; prepare_references makes "
            "those of a classifier."
        )
    if x.device != classifier.device:
        raise ConfigError(
            f"references lie on {x.device}, the classifier on {classifier.device}; call "
            "prepare_references with the classifier where it is now."
        )


def relabelled(references: References, classifier: Classifier) -> References:
    """The same images before another classifier that prepares them alike."""
    with hooks_attached(classifier) as forward:
        p = predictor(forward, classifier, BATCH)(references.x)
    return replace(references, probabilities=p)


def painted_from(
    classifier: Classifier, references: References | None
) -> tuple[Classifier, References | None]:
    """The classifier with the reference images' colours as its baselines, where it needs them.

    That is where its own mean and std do not standardise pixels (`classifiers/colours.py`). The
    references are the same pixels, standardised anew. Channel by channel, rounded to the 10,000th
    of white, so that every machine finds the same colours.
    """
    if references is None or classifier.painted.source != ASSUMED:
        return classifier, references
    pixels = classifier.pixels_of(references.x).double()
    grey, spread = (
        tuple(round(value, 4) for value in found.tolist())
        for found in (pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3), correction=0))
    )
    if fault_of(grey, spread):
        return classifier, references
    painted = replace(classifier, colours=Colours(grey, spread, REFERENCES))
    return painted, replace(references, x=painted.normalise(pixels).to(references.x))


def digest(image: Image) -> str:
    """Of the image's file; of its pixels, as 32-bit floats, if there is none."""
    if image.sha256:
        return image.sha256
    pixels = image.pixels.detach().cpu().float().contiguous().numpy()
    return hashlib.sha256(pixels.tobytes()).hexdigest()
