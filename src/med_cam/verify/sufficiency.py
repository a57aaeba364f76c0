"""Is the prediction retained on every sample of every baseline the claim is about?"""

from collections.abc import Mapping, Sequence

from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.config.baselines import is_fixed
from med_cam.masking.samplers import baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled, joined
from med_cam.results.check import SUFFICIENCY, BaselineResult, Check
from med_cam.verify.decision import Decision, on_top, retained_share, retains
from med_cam.verify.edge import edge_of_either, edge_of_retention, joint


def drawn(
    scene: Scene, names: Sequence[str], count: int, generator: Generator
) -> dict[str, Sampled]:
    """`count` samples of each random baseline, one of each that is fixed."""
    counts = {name: 1 if is_fixed(name) else count for name in names}
    return {
        name: joined([baseline(name, scene, generator) for _ in range(n)])
        for name, n in counts.items()
    }


def alternating(samples: Mapping[str, Sampled]) -> Sampled:
    """Baselines in turn: each name as often as any other, each sample before any repeats."""
    longest = max(len(s) for s in samples.values())
    turns = ((s, i % len(s)) for i in range(longest) for s in samples.values())
    return joined([s[i : i + 1] for s, i in turns])


def over_baselines(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    samples: Mapping[str, Sampled],
) -> dict[str, Float[Tensor, "_ k"]]:
    """Probabilities on the evidence over each sample, by baseline."""
    return {name: view.over(mask, infill) for name, infill in samples.items()}


def baseline_result(
    name: str,
    p: Float[Tensor, "n k"],
    baseline_p: Float[Tensor, "m k"],
    decision: Decision,
    *,
    searched: bool,
) -> BaselineResult:
    """One baseline's line of the claim."""
    target = decision.target
    most_often = int(baseline_p.mean(dim=0).argmax())
    return BaselineResult(
        name=name,
        searched=searched,
        samples=len(p),
        retained=int(retains(p, decision).sum()),
        retained_top1=int(on_top(p, target).sum()),
        lowest=p[:, target.index].min().item(),
        mean=p[:, target.index].mean().item(),
        baseline_label=target.labels[most_often],
        baseline_probability=baseline_p[:, target.index].mean().item(),
        baseline_retained=retained_share(baseline_p, decision),
        edge=joint([edge_of_either(p, decision), edge_of_retention(baseline_p, decision)]),
    )


def sufficiency(results: Sequence[BaselineResult]) -> Check:
    """Passed if every sample of every searched baseline retains the prediction."""
    searched = [result for result in results if result.searched]
    trials = sum(result.samples for result in searched)
    rate = sum(result.retained for result in searched) / trials
    near = joint(result.edge for result in searched)
    return Check(SUFFICIENCY, rate, 1.0, trials, at_least=True, passed=rate >= 1.0, edge=near)
