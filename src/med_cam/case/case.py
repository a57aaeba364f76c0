"""One image before one classifier, as known before the search (paper section 3.1)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import SupportsIndex

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.case.asked_once import asked_once
from med_cam.case.counting import BATCH, counted, predictor
from med_cam.case.fills import Fill, Paint, fills_of, painters, refuse_unsteady
from med_cam.case.references import References
from med_cam.case.scene import scene_of, with_references
from med_cam.case.target import target_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Forward, Outputs
from med_cam.config.baselines import INSIDE, OF_REFERENCES, hard, is_fixed, is_own
from med_cam.config.settings import Config
from med_cam.errors import ConfigError
from med_cam.images.geometry import Geometry
from med_cam.images.image import Image
from med_cam.masking.samplers import SAMPLERS
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from med_cam.results.passes import Passes
from med_cam.results.reference import Reference
from med_cam.results.removal import BaselineColours, OwnFill
from med_cam.verify.decision import Target, on_top


@dataclass(frozen=True, slots=True)
class Case:
    """One image before one classifier under one set of settings, ready to be searched and judged.

    A question about the same image under another seed or on other baselines is another case:
    `dataclasses.replace(case, config=...)`.

    Attributes:
        classifier: as the user gave it; called only through the three views.
        config: every setting.
        outputs: logits and activations with gradients; counted.
        batched: probabilities, many images per pass; counted, none asked for twice.
        claims: the same for claims, of which a re-check may ask other batches.
        geometry: from the source image to the model input and back.
        source: the image in its own pixels.
        target: the explained class.
        whole: the classifier on the whole image.
        before: its probabilities there.
        cost: the passes counted so far.
        open: where evidence may lie, in the model input: wherever the image does, less any masks
            found before.
        fills: of the user's own, what is known of them.
        older: whether it is a result of schema version 1, whose claims were sampled otherwise.
    """

    classifier: Classifier
    config: Config
    outputs: View[Outputs]
    batched: View[Tensor]
    claims: View[Tensor]
    geometry: Geometry
    source: Image
    target: Target
    whole: Outputs
    before: Float[Tensor, "1 k"]
    cost: Callable[[], Passes]
    open: Bool[Tensor, "1 1 h w"]
    fills: tuple[OwnFill, ...] = ()
    older: bool = False

    @property
    def scene(self) -> Scene:
        """The image as the classifier sees it, and reference images predicted otherwise."""
        return self.batched.scene

    @property
    def nothing_painted(self) -> bool:
        """Whether every removal of the claim works inside the network."""
        return {hard(name) for name in self.config.verification.baselines} <= INSIDE

    @property
    def predicted(self) -> bool:
        """Whether the classifier predicts the target for the whole image."""
        return bool(on_top(self.before, self.target)[0])


def observed(  # noqa: PLR0913  what `explain` is given
    forward: Forward,
    classifier: Classifier,
    image: Image,
    config: Config,
    *,
    target: SupportsIndex | str | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    further: Sequence[str] = (),
) -> Case:
    """The case of one image (paper section 3.1).

    Args:
        forward: the classifier as a function, from `hooks_attached`; not counted yet.
        classifier: what else is known of it.
        image: the image to explain.
        config: settings; they have to suit the case.
        target: the class to explain, by index or label; by default the class predicted.
        references: reference images.
        fills: of the user's own, by name.
        further: baselines of a later case of this image, whose fills are wanted too.

    Raises:
        ClassifierError: if there is no such target.
        ConfigError: if a baseline cannot be drawn, or layers and their weights do not match.
        ImageError: if the image cannot be fitted to the classifier.
    """
    forward, cost = counted(forward)
    x, whole = seen_whole(forward, classifier, image)
    before = classifier.probabilities(whole.logits)
    explained = target_of(classifier, before, target)
    rules, geometry = config.verification, classifier.geometry(image)
    said = (*rules.baselines, *rules.beside, *rules.unseen)
    own = fills_of((*said, *further), fills)
    bare = scene_of(classifier, x, geometry.valid(), feather=rules.feather)
    scene = with_references(bare, references, explained)
    scene = replace(scene, fills=painters(own, classifier, x))
    batched = View(asked_once(predictor(forward, classifier, BATCH)), scene)
    case = Case(
        classifier=classifier,
        config=config,
        outputs=View(forward, scene),
        batched=batched,
        claims=batched,
        geometry=geometry,
        source=image,
        target=explained,
        whole=whole,
        before=before,
        cost=cost,
        open=scene.valid,
        fills=tuple(own[name].source for name in fills_of(said, fills)),
    )
    refuse_unfit(case)
    return case


def at_work(classifier: Classifier, config: Config) -> Classifier:
    """The classifier to attach hooks to: not folded where a removal works inside the network.

    Such a pass spends its time on what it fills in, and gains little by it.
    """
    rules = config.verification
    inside = INSIDE & {hard(name) for name in (*rules.baselines, *rules.beside)}
    return replace(classifier, foldable=()) if inside else classifier


def seen_whole(
    forward: Forward, classifier: Classifier, image: Image
) -> tuple[Float[Tensor, "1 c h w"], Outputs]:
    """The image as the classifier sees it, and what it says of it; checked where it can be."""
    x = classifier.prepare(image)
    if classifier.check is not None:
        classifier.check(classifier.at_the_door(x))
    with torch.no_grad():
        return x, forward(x)


def refuse_unfit(case: Case) -> None:
    """Check what the settings ask for against what is there.

    Raises:
        ClassifierError: if a removal inside the network is not exact before this classifier.
        ConfigError: if a baseline cannot be drawn, or layers and their weights do not match.
    """
    rules, alphas = case.config.verification, case.config.objective.layer_weights
    asked = (*rules.baselines, *rules.beside)
    for name in sorted({*asked, *rules.unseen} & INSIDE):
        refuse_unable(case, name)
    made_of_others = [name for name in asked if name in OF_REFERENCES]
    if made_of_others and len(case.scene.others) == 0:
        raise ConfigError(
            f"the baseline {made_of_others[0]!r} needs reference images that the classifier does "
            f"not call {case.target.label}; give --references"
        )
    refuse_unsteady(case.scene.fills, (*asked, *rules.unseen), case.scene.x)
    for name in asked:
        if is_the_image(case, name):
            raise ConfigError(
                f"the baseline {name!r} is this image itself, within one grey level of 255, so "
                "that nothing is hidden by it; choose others with --removal"
            )
    layers = case.classifier.hooked_layers
    if alphas and len(alphas) != len(layers):
        raise ConfigError(
            f"objective.layer_weights has {len(alphas)} numbers for {len(layers)} hooked layers "
            f"({', '.join(layers)}); give one each"
        )


def refuse_unable(case: Case, name: str) -> None:
    """Test a removal inside the network on the image of a case; five passes.

    Raises:
        ClassifierError: if it is not exact before this classifier.
    """
    own, scene = case.whole.logits, case.scene
    refuse_inexact(name, logits_under(case), scene.x, own, scene.others)


def logits_under(case: Case) -> Callable[[Tensor, Hidden], Tensor]:
    """The logits for images under masks that work inside the network."""

    @torch.no_grad()
    def logits(x: Tensor, hidden: Hidden) -> Tensor:
        return case.outputs.classifier(x, hidden).logits

    return logits


def is_the_image(case: Case, name: str) -> bool:
    """Whether a fixed baseline differs from the image nowhere."""
    if not is_fixed(name) or name in INSIDE or is_own(name) or hard(name) == "inpainted":
        return False
    drawn = SAMPLERS[hard(name)](case.scene, Generator())
    pixels = case.classifier.pixels_of
    return float((pixels(drawn) - pixels(case.scene.x)).abs().max()) < 1 / 255


def baseline_colours(case: Case) -> BaselineColours:
    """What the baselines grey and Gaussian noise are, in grey levels."""
    painted = case.classifier.painted
    grey, spread = (
        tuple(round(255 * share, 3) for share in shares)
        for shares in (painted.grey, painted.spread)
    )
    return BaselineColours(grey, spread, painted.source)


def reference_of(case: Case, threshold: float) -> Reference:
    """What the search compares masked inputs with."""
    return Reference(
        target=case.target.index,
        head=case.target.head,
        threshold=threshold,
        logits=case.whole.logits,
        probabilities=case.before,
        activations=case.whole.activations,
    )
