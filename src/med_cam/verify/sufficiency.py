"""Is the decision kept on every draw of every background the claim is about?"""

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Answer
from med_cam.masking import FIXED, Scene, background, composite
from med_cam.results import BackgroundResult, Check
from med_cam.verify.decision import Decision, keeps, on_top


def drawn(
    scene: Scene, names: Sequence[str], count: int, generator: Generator
) -> dict[str, Float[Tensor, "_ c h w"]]:
    """`count` draws of each background, one of those that are the same at every draw."""
    counts = {name: 1 if name in FIXED else count for name in names}
    return {
        name: torch.cat([background(name, scene, generator) for _ in range(n)])
        for name, n in counts.items()
    }


def over_backgrounds(
    answer: Answer,
    scene: Scene,
    mask: Bool[Tensor, "1 1 h w"],
    draws: Mapping[str, Float[Tensor, "_ c h w"]],
) -> dict[str, Float[Tensor, "_ k"]]:
    """Probabilities on the evidence over each draw, by background."""
    return {name: answer(composite(scene.x, mask.to(scene.x), d)) for name, d in draws.items()}


def background_result(
    name: str,
    p: Float[Tensor, "n k"],
    alone: Float[Tensor, "m k"],
    decision: Decision,
    *,
    searched: bool,
) -> BackgroundResult:
    """One background's line of the claim."""
    question = decision.question
    most_often = int(alone.mean(dim=0).argmax())
    return BackgroundResult(
        name=name,
        searched=searched,
        draws=len(p),
        kept=int(keeps(p, decision).sum()),
        kept_top1=int(on_top(p, question).sum()),
        lowest=p[:, question.target].min().item(),
        mean=p[:, question.target].mean().item(),
        alone_label=question.labels[most_often],
        alone_probability=alone[:, question.target].mean().item(),
        alone_kept=keeps(alone, decision).float().mean().item(),
    )


def kept(results: Sequence[BackgroundResult]) -> Check:
    """Every draw of every searched background, or it fails."""
    searched = [result for result in results if result.searched]
    trials = sum(result.draws for result in searched)
    rate = sum(result.kept for result in searched) / trials
    return Check("kept", rate, 1.0, trials, at_least=True, passed=rate >= 1.0)
