"""`med_cam.explain`: a classifier and an image in any form that a program in Python has."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import replace
from pathlib import Path
from typing import Literal, SupportsIndex, TypeAlias

from torch import nn

from med_cam.case.fills import Fill, Paint
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.from_module import from_module
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.slide_scale import with_scale_said
from med_cam.config.given import given, refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.rules import one_of, refuse_value
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ImageError, MedCamError
from med_cam.images.from_python import ANY_IMAGE, AnyImage, image_of
from med_cam.images.image import Image
from med_cam.images.part import WHOLE, Part
from med_cam.images.white import White
from med_cam.notebook.explanation import Explanation, MadeFrom, shown
from med_cam.notebook.table import NotExplained
from med_cam.pipeline import explain as pipeline
from med_cam.results.step import OnStep
from med_cam_studies.methods.compared import Asked, beside, compared_names, maps_of

_LOG = logging.getLogger(__name__)

Model: TypeAlias = Classifier | nn.Module | str | Path
A_MODEL = "a Classifier, the path of a folder or file, or a torch.nn.Module with labels"


def explain(  # noqa: PLR0913  a keyword for each thing given
    model: Model,
    image: AnyImage,
    *,
    labels: Sequence[str] | None = None,
    white: White = None,
    part: Part = WHOLE,
    target: SupportsIndex | str | None = None,
    config: Config | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    on_step: OnStep | None = None,
    compare: Sequence[str] = (),
) -> Explanation:
    """Find a small region of an image that is sufficient for a classifier's prediction.

    Nothing is written, and the classifier is left as it was found. Gradients that are off,
    inference mode, autocast and a default device around the call change nothing.

    Args:
        model: a classifier: a `Classifier`, from `load_classifier` or `from_module`; the path of
            a folder or file, which is loaded; or a module in memory, where its labels are given
            and its input size, mean and std are known (`from_module` takes them otherwise).
        image: one image: an `Image`, the path of a file, an array or tensor h w, h w c or c h w,
            or a PIL image, as it was before resizing and normalisation. Bytes are divided by
            255, floats have to lie in [0, 1].
        labels: names of the outputs of a module.
        white: the value that is white where the image does not say it, as 4095 for 12 bits in
            16; see `read_image` and `image_from_array`.
        part: what is read of a file that holds more than one picture: the window or frame of
            DICOM, the slice of NIfTI, the region of a slide; see `read_image`.
        target: the class to explain, by index or label; by default the class predicted.
        config: a preset or settings of your own; `PRESETS["default"]` if not given.
        references: reference images for the test of the mask's shape, from `prepare_references`;
            without any, the image's own shuffled pixels stand in, a weaker test.
        fills: fills of your own, by the names that `config` has for them: a function from pixels
            c h w in [0, 1], black where hidden, a mask 1 h w, true = shown, and a generator to
            pixels c h w in [0, 1]; or what `load_fill` gives. See docs/method.md.
        on_step: called after every step of the search, for progress and records.
        compare: other methods, whose maps are cut to the area of the evidence and looked at:
            "grad_cam", "grad_cam_plus_plus", "attention_rollout", "rise",
            "extremal_perturbations".

    Returns:
        The mask in the image's own pixels, with all that was found of it.

    Raises:
        ClassifierError: if the model does not work as a classifier, or has no such target.
        ConfigError: if the settings do not suit the classifier or the references, or torch's
            default precision is not float32.
        ImageError: if the image cannot be read, its range is not known, or it cannot be fitted
            to the classifier.
    """
    classifier = classifier_of(model, labels)
    read = taken(image, classifier, white, part)
    settings = config if isinstance(config, Config) else PRESETS["default"]  # refused below
    asked = Asked(classifier, read, settings, references, fills, target)
    maps = maps_of(asked, compared_names(compare))
    found = pipeline.explain(
        classifier,
        read,
        target=target,
        config=config,
        references=references,
        fills=fills,
        on_step=on_step,
    )
    found = replace(found, compared=beside(asked, found, maps))
    return shown(found, MadeFrom(read, classifier, settings, references))


def explain_all(  # noqa: PLR0913  a keyword for each thing given
    model: Model,
    images: Iterable[AnyImage],
    *,
    labels: Sequence[str] | None = None,
    white: White = None,
    part: Part = WHOLE,
    config: Config | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    on_step: OnStep | None = None,
    compare: Sequence[str] = (),
    progress: bool = False,
    on_error: Literal["raise", "record"] = "raise",
) -> Iterator[Explanation | NotExplained]:
    """One explanation after the other, each as soon as it is done; see `explain`.

    Args:
        model: as `explain` takes it; loaded once.
        images: each as `explain` takes it.
        labels: names of the outputs of a module.
        white: the value that is white, where an image does not say it.
        part: what is read of each file.
        config: settings.
        references: reference images.
        fills: fills of your own.
        on_step: called after every step of each search.
        compare: other methods, as for `explain`.
        progress: whether a bar is shown on the screen.
        on_error: "raise", or "record": an image that cannot be explained becomes a
            `NotExplained` in its place, and the others go on.

    Raises:
        ConfigError: if `on_error` is neither.
        ImageError: if `images` is none, or something else among them; and what `explain` raises.
    """
    refuse_other("images", images, Iterable, f"a list, each {ANY_IMAGE}", ImageError)
    refuse_one_image(images)
    refuse_value("on_error", on_error, one_of("raise", "record"))
    classifier = classifier_of(model, labels)
    for index, image in enumerate(shown_as_done(images) if progress else images):
        try:
            yield explain(
                classifier,
                image,
                white=white,
                part=part,
                config=config,
                references=references,
                fills=fills,
                on_step=on_step,
                compare=compare,
            )
        except MedCamError as error:
            if on_error == "raise":
                raise
            path = str(image) if isinstance(image, str | Path) else getattr(image, "path", "")
            yield NotExplained(index, path, type(error).__name__, str(error))


def shown_as_done(images: Iterable[AnyImage]) -> Iterator[AnyImage]:
    """The images one by one, with a bar on stderr, or in the notebook, of how many are done."""
    from rich.console import Console
    from rich.progress import track

    total = len(images) if isinstance(images, Sized) else None
    bar = track(images, "explaining", total=total, console=Console(stderr=True))
    yield from bar


def refuse_one_image(images: Iterable[object]) -> None:
    """Check that many images are given, not the rows or channels of one.

    Raises:
        ImageError: it is a path, or an array or a tensor that is no batch.
    """
    if isinstance(images, str) or getattr(images, "ndim", 4) < 4:
        raise ImageError(f"images must be a list, or a batch n c h w, got {given(images)}.")


def classifier_of(model: Model, labels: Sequence[str] | None = None) -> Classifier:
    """The classifier in any of its forms.

    Raises:
        ClassifierError: it is none of them, labels are given with one that has its own, or it
            does not work as a classifier.
    """
    refuse_other("model", model, (Classifier, nn.Module, str, Path), A_MODEL, ClassifierError)
    if isinstance(model, nn.Module):
        return from_module(model, labels)
    if labels is not None:
        raise ClassifierError(
            "labels belong to a module; a Classifier and a classifier folder have their own."
        )
    return model if isinstance(model, Classifier) else load_classifier(model)


def taken(
    image: AnyImage, classifier: Classifier, white: White = None, part: Part = WHOLE
) -> Image:
    """The image as it is read for this classifier, whose white goes where none is given."""
    is_file = isinstance(image, str | Path)
    said = classifier.white if white is None and is_file else white
    read = image_of(image, channels=classifier.channels, white=said, part=part)
    read = with_scale_said(classifier, read)
    if read.sha256 or not read.notes or isinstance(image, Image):
        return read
    # A note of an array is for whoever gave it: what is saved are its pixels, in [0, 1].
    _LOG.warning("%s.", "; ".join(read.notes))
    return replace(read, notes=())
