"""The arguments of the public calls: each of its kind, before anything begins."""

from med_cam.case.references import References, refuse_others_references
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.config.given import given, refuse_other
from med_cam.config.settings import Config
from med_cam.config.toml import A_CONFIG
from med_cam.errors import ClassifierError, ConfigError, ImageError
from med_cam.images.image import AN_IMAGE, Image

SOME_REFERENCES = "References, as prepare_references makes them, or None"


def refuse_other_arguments(
    classifier: object,
    image: object,
    *,
    config: object = None,
    references: object = None,
    on_step: object = None,
) -> None:
    """Check what a caller gave to `explain` and its like.

    Raises:
        ClassifierError: if the classifier is none.
        ImageError: if the image is none, or its pixels do not lie in [0, 1].
        ConfigError: if another argument is of another kind, or the references belong to another
            classifier.
    """
    refuse_other("classifier", classifier, Classifier, A_CLASSIFIER, ClassifierError)
    refuse_other("image", image, Image, AN_IMAGE, ImageError)
    refuse_other("config", config, (Config, type(None)), A_CONFIG)
    refuse_other("references", references, (References, type(None)), SOME_REFERENCES)
    if on_step is not None and not callable(on_step):
        raise ConfigError(f"on_step must be a function of one Step, got {given(on_step)}.")
    if isinstance(image, Image):
        refuse_other_range(image)
    if isinstance(references, References) and isinstance(classifier, Classifier):
        refuse_others_references(references, classifier)


def refuse_other_range(image: Image) -> None:
    """Check the values of an image.

    Raises:
        ImageError: if one is not a number, or not in [0, 1].
    """
    if image.pixels.is_meta:
        raise ImageError("the pixels of the image are on the device meta, without values.")
    lowest, highest = (end.item() for end in image.pixels.aminmax())
    if not (lowest >= 0 and highest <= 1):  # NaN is neither
        raise ImageError(
            f"the pixels of an image lie in [0, 1], got {lowest:g} to {highest:g}; give them as "
            "the file has them, neither normalised nor in bytes."
        )
