"""What the backgrounds are called without any evidence, and the bar that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Predict
from med_cam.config.settings import Verification
from med_cam.masking import Scene, nothing_shown
from med_cam.verify.decision import Decision, Target, decide, retains
from med_cam.verify.sufficiency import drawn


@dataclass(frozen=True, slots=True)
class BaselineResponse:
    """Probabilities on each background alone, searched or only tried, and the bar.

    One for all claims of an image: draws that decide what has to be kept are never draws on which
    it is kept.
    """

    predictions: Mapping[str, Float[Tensor, "_ k"]]
    decision: Decision


def baseline_response(
    predict: Predict, scene: Scene, target: Target, rules: Verification, generator: Generator
) -> BaselineResponse:
    """Ask the classifier about the backgrounds alone.

    Args:
        answer: the classifier.
        scene: the image, of which no pixel is shown, unless a background is made of them.
        question: target, head, probability on the whole image.
        rules: backgrounds and how many draws of each.
        generator: for draws that nothing else uses.
    """
    unseen = [n for n in rules.unseen if n not in rules.baselines and can_draw(n, scene)]
    samples = drawn(scene, rules.baselines, rules.samples, generator)
    others = drawn(scene, unseen, rules.unseen_samples, generator)
    baseline_p = {name: predict(nothing_shown(scene, d)) for name, d in (samples | others).items()}
    decision = decide(target, {name: baseline_p[name] for name in samples}, rules.share)
    return BaselineResponse(baseline_p, decision)


def can_draw(name: str, scene: Scene) -> bool:
    """Other images can be a background only where some were given."""
    return name != "others" or len(scene.others) > 0


def baseline_rate(baseline_p: Mapping[str, Float[Tensor, "_ k"]], decision: Decision) -> float:
    """How often the backgrounds without any evidence give the target; each name counts once."""
    rates = [retains(p, decision).float().mean().item() for p in baseline_p.values()]
    return sum(rates) / len(rates)
