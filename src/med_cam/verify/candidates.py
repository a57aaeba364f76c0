"""Judge many candidate masks of one image on the same samples, stopping at the first failure."""

from collections.abc import Callable
from dataclasses import dataclass

from jaxtyping import Bool
from torch import Generator, Tensor

from med_cam.config.settings import Verification
from med_cam.masking.view import View
from med_cam.removal.samples import joined
from med_cam.verify.baseline_response import baseline_rate
from med_cam.verify.consistency import consistency, pictures
from med_cam.verify.decision import Decision, Target, decide, retains
from med_cam.verify.shape_leakage import other_contents, shape_leakage
from med_cam.verify.shift_stability import shift_stability
from med_cam.verify.sufficiency import alternating, drawn

Passes = Callable[[Bool[Tensor, "1 1 h w"]], bool]


@dataclass(frozen=True, slots=True)
class Judge:
    """Tells of hard masks, on the same samples for every one, whether they pass.

    Attributes:
        decision: on these samples.
        suffices: every check but that of consistency.
        moves: the check of consistency.
    """

    decision: Decision
    suffices: Passes
    moves: Passes

    def passes(self, mask: Bool[Tensor, "1 1 h w"]) -> bool:
        """Every check."""
        return self.suffices(mask) and self.moves(mask)


def candidate_judge(
    view: View[Tensor], target: Target, rules: Verification, generator: Generator
) -> Judge:
    """The decision on these samples, and functions that tell whether a hard mask passes them.

    The same samples for every candidate, so that a bisection compares like with like. A claim
    needs samples of its own: of masks bisected to the smallest that passes, many fail on fresh
    ones.

    Args:
        view: the image before the classifier, many images per pass.
        target: the explained class.
        rules: usually stricter in `share` than the claim's, and with fewer trials.
        generator: for the samples.
    """
    samples = drawn(view.scene, rules.baselines, rules.samples, generator)
    infill = alternating(samples)  # m c h w
    every = joined(list(samples.values()))  # n c h w
    sizes = [len(s) for s in samples.values()]
    baseline_p = dict(zip(samples, view.hidden(every).split(sizes), strict=True))
    decision = decide(target, baseline_p, rules.share, rules.minimum_effect)
    limit = baseline_rate(baseline_p, decision) + rules.leakage_margin
    contents = other_contents(view.scene, rules.leakage_trials, generator)
    among = pictures(view, target, rules)

    few = joined([s[:1] for s in samples.values()])  # most failures show here already
    rest = joined([s[1:] for s in samples.values()])

    def suffices(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        for part in (few, rest):
            if len(part) and not bool(retains(view.over(mask, part), decision).all()):
                return False
        if not shift_stability(view, mask, infill, decision, rules).passed:
            return False
        return shape_leakage(view, contents, mask, infill, decision, limit=limit).passed

    def moves(mask: Bool[Tensor, "1 1 h w"]) -> bool:
        return all(c.passed for c in consistency(view, mask, among, target, rules))

    return Judge(decision, suffices, moves)
