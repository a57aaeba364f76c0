"""What the classifier says of the whole image, and all else that is known before the search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.counting import BATCH, counted, predictor
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier, Forward, Outputs, Predict
from med_cam.config.settings import Config
from med_cam.config.toml import nearest
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.geometry import Geometry, Image
from med_cam.masking import BASELINES, Scene
from med_cam.results import Passes, Reference
from med_cam.verify.decision import Target, on_top


@dataclass(frozen=True, slots=True)
class Case:
    """One image before one classifier, ready to be searched and judged.

    Attributes:
        classifier: as the user gave it; asked only through the three functions that follow.
        forward: logits and activations, with gradients; counted.
        answer: probabilities, many images at a time; counted.
        singly: probabilities, batch size one, for claims; counted.
        geometry: from the source image to the classifier's frame and back.
        source: the image in its own pixels.
        scene: the image in that frame, and other images that are labelled otherwise.
        question: what is asked of composites.
        whole: the classifier on the whole image.
        before: its probabilities there.
        spent: the passes counted so far.
        open: where evidence may lie, in the classifier's frame: wherever the image does, but for
            masks that were found before.
    """

    classifier: Classifier
    forward: Forward
    predict: Predict
    predict_one: Predict
    geometry: Geometry
    source: Image
    scene: Scene
    target: Target
    whole: Outputs
    before: Float[Tensor, "1 k"]
    cost: Callable[[], Passes]
    open: Bool[Tensor, "1 1 h w"]

    @property
    def decided(self) -> bool:
        """Whether the classifier gives the target on the whole image: else nothing can be kept."""
        return bool(on_top(self.before, self.target)[0])


def observed(
    forward: Forward,
    classifier: Classifier,
    image: Image,
    target: int | str | None,
    references: References | None,
    config: Config | None = None,
) -> Case:
    """The case of one image (paper section 3.1).

    Args:
        forward: the classifier as a function, from `attached`; not counted yet.
        classifier: what else is known of it.
        image: the image to explain.
        target: the class to explain, by index or label; by default the classifier's own answer.
        references: other images.
        config: settings that have to suit the case; not checked if not given.

    Raises:
        ClassifierError: if there is no such target.
        ConfigError: if a background cannot be drawn, or layers and their weights do not match.
        ImageError: if the image cannot be fitted to the classifier.
    """
    forward, cost = counted(forward)
    geometry = classifier.geometry(image)
    x = classifier.prepare(image)  # 1 c h w
    if classifier.check is not None:
        classifier.check(x)
    with torch.no_grad():
        whole = forward(x)
    before = classifier.probabilities(whole.logits)
    target = target_of(classifier, before, target)
    scene = Scene(
        x=x,
        valid=geometry.valid().to(x.device),
        black=classifier.black(),
        white=classifier.normalise(torch.ones_like(x[..., :1, :1])),
        others=labelled_otherwise(references, target, x),
    )
    batched, predict_one = predictor(forward, classifier, BATCH), predictor(forward, classifier, 1)
    case = Case(
        classifier=classifier,
        forward=forward,
        predict=batched,
        predict_one=predict_one,
        geometry=geometry,
        source=image,
        scene=scene,
        target=target,
        whole=whole,
        before=before,
        cost=cost,
        open=scene.valid,
    )
    if config is not None:
        refuse_unfit(case, config)
    return case


def refuse_unfit(case: Case, config: Config) -> None:
    """Check what settings ask for against what is there.

    Raises:
        ConfigError: if a background cannot be drawn, or layers and their weights do not match.
    """
    rules, alphas = config.verification, config.objective.layer_weights
    for name in (*rules.baselines, *rules.unseen):
        if name not in BASELINES:
            raise ConfigError(f"there is no background {name!r}{nearest(name, BASELINES)}")
    if "others" in rules.baselines and len(case.scene.others) == 0:
        label = case.target.labels[case.target.index]
        raise ConfigError(
            "the background 'others' needs other images that the classifier does not call "
            f"{label}; give --references"
        )
    hooked_layers = case.classifier.hooked_layers
    if alphas and len(alphas) != len(hooked_layers):
        raise ConfigError(
            f"objective.layer_weights has {len(alphas)} numbers for {len(hooked_layers)} matched layers "
            f"({', '.join(hooked_layers)}); give one each"
        )


def reference_of(case: Case, threshold: float) -> Reference:
    """What the search compares composites with."""
    return Reference(
        target=case.target.index,
        head=case.target.head,
        threshold=threshold,
        logits=case.whole.logits,
        probabilities=case.before,
        activations=case.whole.activations,
    )


def target_of(
    classifier: Classifier, before: Float[Tensor, "1 k"], target: int | str | None
) -> Target:
    """The target, by index, by label or as the classifier's own answer."""
    index = target_index(classifier.labels, target, default=int(before.argmax()))
    output_threshold = classifier.thresholds[index] if classifier.head == "sigmoid" else 0.0
    full = before[0, index].item()
    return Target(index, classifier.labels, classifier.head, output_threshold, full)


def target_index(labels: Sequence[str], target: int | str | None, *, default: int) -> int:
    """The index that a target names.

    Raises:
        ClassifierError: if the labels do not have it.
    """
    if target is None:
        return default
    if isinstance(target, str) and target in labels:
        return list(labels).index(target)
    if isinstance(target, int) and 0 <= target < len(labels):
        return target
    raise ClassifierError(f"no class {target!r}; the classifier knows {', '.join(labels)}")


def labelled_otherwise(
    references: References | None, target: Target, x: Float[Tensor, "1 c h w"]
) -> Float[Tensor, "n c h w"]:
    """The references that the classifier does not call the target."""
    if references is None:
        return x[:0]
    return references.x[~on_top(references.probabilities, target)]
