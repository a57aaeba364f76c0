"""All checks of one hard mask, and the claim they add up to."""

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Answer
from med_cam.config.settings import Verification
from med_cam.masking import Scene
from med_cam.results import Claim
from med_cam.verify.certificate import certificate
from med_cam.verify.emptiness import Emptiness, alone_rate
from med_cam.verify.shape_leakage import other_contents, shape
from med_cam.verify.shift_stability import stable
from med_cam.verify.sufficiency import background_result, drawn, kept, over_backgrounds
from med_cam.verify.warnings import warnings_of


def verify(
    answer: Answer,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    empty: Emptiness,
    rules: Verification,
    generator: Generator,
) -> Claim:
    """Put a hard mask of any origin to every check, on draws of its own.

    Args:
        answer: the classifier, from normalised images to probabilities.
        scene: the image, and other images that the classifier labels otherwise.
        mask: true = evidence, in the classifier's frame.
        empty: what is answered without evidence, and hence required with it; on other draws.
        rules: backgrounds, draws, bars.
        generator: for the draws of this claim alone.
    """
    decision = empty.decision
    draws = drawn(scene, rules.backgrounds, rules.draws, generator)
    unseen = [name for name in empty.alone if name not in draws]
    others = drawn(scene, unseen, rules.unseen_draws, generator)
    seen = over_backgrounds(answer, scene, mask, draws | others)
    searched = {name: seen[name] for name in draws}
    results = tuple(
        background_result(name, seen[name], empty.alone[name], decision, searched=name in draws)
        for name in seen
    )
    around = alternating(draws)
    contents = other_contents(scene, rules.shape_trials, generator)
    limit = alone_rate({n: empty.alone[n] for n in draws}, decision) + rules.shape_margin
    checks = (
        kept(results),
        shape(answer, contents, mask, around, decision, limit=limit),
        stable(answer, scene, mask, around, decision, rules),
    )
    return Claim(
        searched=tuple(rules.backgrounds),
        checks=checks,
        backgrounds=results,
        full=decision.question.full,
        empty=decision.empty,
        required=decision.required,
        references=f"{len(scene.others)} other images" if len(scene.others) else OWN_PIXELS,
        warnings=warnings_of(results, decision, others_given=len(scene.others) > 0),
        least_gap=rules.least_gap,
        certificate=certificate(
            searched, decision, wanted=rules.certified, confidence=rules.confidence
        ),
    )


OWN_PIXELS = "the image's own pixels, shuffled"


def alternating(
    draws: dict[str, Float[Tensor, "_ c h w"]],
) -> Float[Tensor, "m c h w"]:
    """Backgrounds in turn: each name as often as any other, each draw before any repeats."""
    longest = max(len(d) for d in draws.values())
    return torch.stack([d[i % len(d)] for i in range(longest) for d in draws.values()])
