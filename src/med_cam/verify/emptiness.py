"""What the backgrounds are called without any evidence, and the bar that follows from it."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Answer
from med_cam.config.settings import Verification
from med_cam.masking import Scene, nothing_shown
from med_cam.verify.decision import Decision, Question, decide, keeps
from med_cam.verify.sufficiency import drawn


@dataclass(frozen=True, slots=True)
class Emptiness:
    """Probabilities on each background alone, searched or only tried, and the bar.

    One for all claims of an image: draws that decide what has to be kept are never draws on which
    it is kept.
    """

    alone: Mapping[str, Float[Tensor, "_ k"]]
    decision: Decision


def emptiness(
    answer: Answer, scene: Scene, question: Question, rules: Verification, generator: Generator
) -> Emptiness:
    """Ask the classifier about the backgrounds alone.

    Args:
        answer: the classifier.
        scene: the image, of which no pixel is shown, unless a background is made of them.
        question: target, head, probability on the whole image.
        rules: backgrounds and how many draws of each.
        generator: for draws that nothing else uses.
    """
    unseen = [n for n in rules.unseen if n not in rules.backgrounds and can_draw(n, scene)]
    draws = drawn(scene, rules.backgrounds, rules.draws, generator)
    others = drawn(scene, unseen, rules.unseen_draws, generator)
    alone = {name: answer(nothing_shown(scene, d)) for name, d in (draws | others).items()}
    decision = decide(question, {name: alone[name] for name in draws}, rules.share)
    return Emptiness(alone, decision)


def can_draw(name: str, scene: Scene) -> bool:
    """Other images can be a background only where some were given."""
    return name != "others" or len(scene.others) > 0


def alone_rate(alone: Mapping[str, Float[Tensor, "_ k"]], decision: Decision) -> float:
    """How often the backgrounds without any evidence give the target; each name counts once."""
    rates = [keeps(p, decision).float().mean().item() for p in alone.values()]
    return sum(rates) / len(rates)
