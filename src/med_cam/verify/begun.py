"""A claim of which a part has been looked at, so that a bad mask is given up early.

Samples are looked at a few at a time. As soon as more of them are lost than the certificate
may lose, no sample that is left can save it: it is refused then and there. A mask is never
certified this way, and none is refused that would be certified on all of its samples, so that
every bound stays what it is (curtailed sampling, Wald 1947, Sequential Analysis).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Verification
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled
from med_cam.results.check import Check
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import retains
from med_cam.verify.shape_leakage import other_contents
from med_cam.verify.shift_stability import DIRECTIONS
from med_cam.verify.sufficiency import alternating, drawn, over_baselines

FEW = 8  # samples looked at together: a classifier answers to several faster than to each alone


@dataclass(frozen=True, slots=True)
class Begun:
    """A claim whose samples are drawn.

    Attributes:
        view, mask, response, rules: what is claimed of, see `verify`.
        generator: for what the claim draws after its samples.
        samples: of the searched baselines.
        others: of those that are only reported.
        contents: that the mask is laid over, for the check of its shape.
        around: samples of the searched baselines in turn, for the checks besides sufficiency.
        seen: probabilities on the first samples of searched baselines, by name.
        checked: what was found by the first checks besides sufficiency, in their order.
    """

    view: View[Tensor]
    mask: Bool[Tensor, "1 1 h w"]
    response: BaselineResponse
    rules: Verification
    generator: Generator
    samples: Mapping[str, Sampled]
    others: Mapping[str, Sampled]
    contents: Float[Tensor, "n c h w"]
    around: Sampled
    seen: Mapping[str, Float[Tensor, "_ k"]]
    checked: tuple[tuple[Check, ...], ...] = ()

    @property
    def random(self) -> int:
        """How many samples of random baselines there are."""
        return sum(len(s) for name, s in self.samples.items() if not is_fixed(name))


def begun(
    view: View[Tensor],
    mask: Bool[Tensor, "1 1 h w"],
    response: BaselineResponse,
    rules: Verification,
    generator: Generator,
    *,
    older: bool = False,
) -> Begun:
    """Draw the samples of a claim; no pass yet.

    The other checks have samples of their own: they may refuse a mask before one of its samples
    is looked at, which costs no risk only if they tell nothing of these.

    Args:
        view: the image before the classifier, and reference images with other labels.
        mask: true = evidence, in the model input.
        response: predictions without evidence.
        rules: baselines, samples.
        generator: for the samples of this claim alone.
        older: as in schema version 1, where the other checks took the same samples.
    """
    samples = drawn(view.scene, rules.baselines, rules.samples, generator)
    unseen = [name for name in response.predictions if name not in samples]
    others = drawn(view.scene, unseen, rules.unseen_samples, generator)
    contents = other_contents(view.scene, rules.leakage_trials, generator)
    turns = max(rules.leakage_trials, len(rules.shifts) * len(DIRECTIONS))
    each = -(-turns // len(rules.baselines))
    apart = samples if older else drawn(view.scene, rules.baselines, each, generator)
    around = alternating(apart)
    return Begun(view, mask, response, rules, generator, samples, others, contents, around, {})


def until_lost(claim: Begun, allowed: int) -> tuple[Begun, bool]:
    """Look at a few samples at a time until the claim can only be refused.

    Args:
        claim: without samples seen.
        allowed: samples of random baselines that may be lost; of fixed ones none may.

    Returns:
        The claim with what was seen, and whether it is to be refused.
    """
    seen: dict[str, list[Tensor]] = {name: [] for name in claim.samples}
    lost = 0
    for name, few in in_turn(claim.samples):
        p = claim.view.over(claim.mask, claim.samples[name][few])
        seen[name].append(p)
        lost_now = len(p) - int(retains(p, claim.response.decision).sum())
        lost += lost_now * (allowed + 1 if is_fixed(name) else 1)
        if lost > allowed:
            break
    looked = {name: torch.cat(several) for name, several in seen.items() if several}
    return replace(claim, seen=looked), lost > allowed


def in_turn(samples: Mapping[str, Sampled]) -> Iterator[tuple[str, slice]]:
    """Fixed baselines first, then a few samples of each random one, and again."""
    order = sorted(samples, key=lambda name: not is_fixed(name))
    for start in range(0, max(map(len, samples.values())), FEW):
        few = slice(start, start + FEW)
        yield from ((name, few) for name in order if start < len(samples[name]))


def seen_on_all(claim: Begun) -> dict[str, Float[Tensor, "_ k"]]:
    """Probabilities on every sample, searched baselines first; no sample is asked for twice."""
    left = {name: s[len(claim.seen.get(name, ())) :] for name, s in claim.samples.items()}
    asked = {name: s for name, s in (left | dict(claim.others)).items() if len(s)}
    new = over_baselines(claim.view, claim.mask, asked)
    return {
        name: torch.cat([seen[name] for seen in (claim.seen, new) if name in seen])
        for name in (*claim.samples, *claim.others)
    }
