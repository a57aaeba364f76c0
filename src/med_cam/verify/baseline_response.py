"""What the classifier predicts for baselines without any evidence, and the threshold from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.config.baselines import OF_REFERENCES, fill_name, is_own
from med_cam.config.settings import Verification
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.verify.consistency import Pictures, pictures
from med_cam.verify.decision import Decision, Target, decide, retained_share
from med_cam.verify.sufficiency import drawn


@dataclass(frozen=True, slots=True)
class BaselineResponse:
    """Predictions on each baseline alone, searched or unseen, and the decision that follows.

    One for all claims of an image: samples that decide what has to be retained are never samples
    on which it is retained.

    Attributes:
        predictions: probabilities on samples of each baseline, by its name.
        decision: the target with its threshold.
        pictures: what the evidence is laid into for the check of consistency.
    """

    predictions: Mapping[str, Float[Tensor, "_ k"]]
    decision: Decision
    pictures: Pictures | None = None


def baseline_response(
    view: View[Tensor], target: Target, rules: Verification, generator: Generator
) -> BaselineResponse:
    """Predict every baseline alone.

    Args:
        view: the image, of which no pixel is shown, unless a baseline is made of them.
        target: the explained class.
        rules: baselines, and how many samples of each.
        generator: for samples that nothing else uses.
    """
    scene = view.scene
    unseen = [n for n in rules.unseen if n not in rules.baselines and can_draw(n, scene)]
    samples = drawn(scene, rules.baselines, rules.samples, generator)
    others = drawn(scene, unseen, rules.unseen_samples, generator)
    predictions = {name: view.hidden(infill) for name, infill in (samples | others).items()}
    searched = {name: predictions[name] for name in samples}
    decision = decide(target, searched, rules.share, rules.minimum_effect)
    return BaselineResponse(predictions, decision, pictures(view, target, rules))


def can_draw(name: str, scene: Scene) -> bool:
    """Whether a baseline can be drawn: one of others only where reference images were given.

    One of the user's own only where its fill was given.
    """
    if is_own(name):
        return fill_name(name) in scene.fills
    return name not in OF_REFERENCES or len(scene.others) > 0


def baseline_rate(baseline_p: Mapping[str, Float[Tensor, "_ k"]], decision: Decision) -> float:
    """How often baselines alone retain the prediction; each name counts once."""
    rates = [retained_share(p, decision) for p in baseline_p.values()]
    return sum(rates) / len(rates)
