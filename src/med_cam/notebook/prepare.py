"""`med_cam.prepare_proposal`: images in any form to a network that proposes masks."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from med_cam.case.arguments import SOME_REFERENCES
from med_cam.case.references import References, painted_from, refuse_others_references
from med_cam.classifiers.base import hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch, refuse_inference_weights
from med_cam.config.given import refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config, Preparation
from med_cam.config.toml import A_CONFIG
from med_cam.errors import ImageError
from med_cam.images.from_python import ANY_IMAGE, AnyImage
from med_cam.images.part import WHOLE, Part
from med_cam.images.white import White
from med_cam.notebook.explain import Model, classifier_of, refuse_one_image, taken
from med_cam.pipeline.prepare import example, proposal_of, training_of
from med_cam.search.proposal import Proposal

_LOG = logging.getLogger(__name__)


@ordinary_torch()
def prepare_proposal(  # noqa: PLR0913  a keyword for each thing given
    model: Model,
    images: Iterable[AnyImage],
    *,
    labels: Sequence[str] | None = None,
    white: White = None,
    part: Part = WHOLE,
    config: Config | None = None,
    references: References | None = None,
    epochs: int | None = None,
) -> Proposal:
    """Train a small network to propose masks for a classifier, on images without labels.

    `explain(..., proposal=...)` then takes a fifth of the passes for its search; what it claims
    is tested as always. The classifier is left as it was found. The same images and seed on the
    same machine give the same network.

    Args:
        model: as `explain` takes it.
        images: a few hundred of the kind that will be explained, each as `explain` takes it; at
            least 32. One that cannot be prepared is left out, counted, and told as a warning.
        labels: names of the outputs of a module.
        white: the value that is white, where an image does not say it.
        part: what is read of each file.
        config: the settings of the explanations: the proposal is for their removals alone.
        references: reference images, where a removal is made of them.
        epochs: how often the network sees each image; 40 by default.

    Raises:
        ClassifierError: if the model does not work as a classifier.
        ConfigError: if there are too few images, or the settings do not suit.
        ImageError: if `images` is none.
    """
    refuse_other("images", images, Iterable, f"a list, each {ANY_IMAGE}", ImageError)
    refuse_one_image(images)
    refuse_other("config", config, (Config, type(None)), A_CONFIG)
    refuse_other("references", references, (References, type(None)), SOME_REFERENCES)
    classifier = classifier_of(model, labels)
    refuse_inference_weights(classifier.module, name=classifier.name)
    if references is not None:
        refuse_others_references(references, classifier)
    classifier, references = painted_from(classifier, references)
    rules = Preparation() if epochs is None else replace(Preparation(), epochs=epochs)
    examples, left_out = [], 0
    with hooks_attached(classifier) as forward:
        training = training_of(
            forward, classifier, config or PRESETS["default"], rules, references
        )
        for number, each in enumerate(images):
            try:
                image = taken(each, classifier, white, part)
                examples.append(example(training, image, number))
            except ImageError as error:
                left_out += 1
                _LOG.warning("image left out: %s", error)
        return proposal_of(training, examples, left_out)
