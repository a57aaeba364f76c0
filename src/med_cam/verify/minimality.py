"""Is every patch of the mask needed? Relative to a grid, and to masked inputs that have numbers.

A mask is sufficient here if the prediction is retained over each of some samples of baselines, and
with the mask shifted by the farthest of the claim's distances in eight directions, but for a few
shifts. A patch is needed if the mask without it is not sufficient; the sample that shows it is
its witness, so that one pass is enough to test it again.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.config.baselines import is_fixed
from med_cam.masking.masks import shifted
from med_cam.masking.samplers import baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled, joined as samples_joined
from med_cam.results.minimality import Patch
from med_cam.verify.decision import Decision, on_top, retains
from med_cam.verify.edge import slack
from med_cam.verify.shift_stability import DIRECTIONS

OFF_TOP = 2.0  # taken from the gap where the target is not on top: below any where it is
FIRST = 2  # masked inputs that are tried before all others
Place = tuple[int, int]  # row and column of a patch
Mask = Bool[Tensor, "1 1 h w"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Masked inputs on which a mask has to retain the prediction.

    Attributes:
        infill: their baselines.
        steps: by how much the mask is shifted in each, down and right.
        names: of each ("sample" or "shift", its number), see `trial_of`.
        decision: what retaining the prediction means.
        tolerance: shifts that may be lost; of the samples none.
    """

    infill: Sampled
    steps: tuple[tuple[int, int], ...]
    names: tuple[tuple[str, int], ...]
    decision: Decision
    tolerance: int = 0


def numbered(scene: Scene, names: Sequence[str], count: int, generator: Generator) -> Sampled:
    """Samples by number: each fixed baseline once, then `count` of the random ones in turn."""
    fixed = [name for name in names if is_fixed(name)]
    random = [name for name in names if not is_fixed(name)]
    turns = [random[i % len(random)] for i in range(count)] if random else []
    return samples_joined([baseline(name, scene, generator) for name in (*fixed, *turns)])


def trial_of(
    samples: Sampled,
    chosen: Sequence[int],
    shifts: Sequence[int],
    distance: int,
    decision: Decision,
    *,
    turn: int,
) -> Trial:
    """Masked inputs over some samples, and shifted ones.

    Args:
        samples: from `numbered`.
        chosen: numbers of the samples that the mask has to survive unshifted.
        shifts: numbers of the shifts: eight directions in turn.
        distance: of the shifts, in pixels.
        decision: what retaining the prediction means.
        turn: how many samples, the first ones, take turns around the shifted masks.
    """
    ways = [DIRECTIONS[i % len(DIRECTIONS)] for i in shifts]
    return Trial(
        infill=samples[[*chosen, *(i % turn for i in shifts)]],
        steps=(*((0, 0) for _ in chosen), *((dy * distance, dx * distance) for dy, dx in ways)),
        names=(*(("sample", i) for i in chosen), *(("shift", i) for i in shifts)),
        decision=decision,
    )


def survived(view: View[Tensor], mask: Mask, trial: Trial) -> Trial:
    """What this mask survives of a trial, the hardest first: failures of others show early."""
    gap = gaps(view, mask, trial)
    return part(trial, [i for i in gap.argsort(stable=True).tolist() if gap[i] >= 0])


def joined(first: Trial, second: Trial) -> Trial:
    """Both, the first before the second, whose decision and tolerance of shifts stay."""
    return replace(
        second,
        infill=samples_joined([first.infill, second.infill]),
        steps=first.steps + second.steps,
        names=first.names + second.names,
    )


def part(trial: Trial, chosen: Sequence[int]) -> Trial:
    """Some masked inputs of a trial, in this order."""
    return replace(
        trial,
        infill=trial.infill[list(chosen)],
        steps=tuple(trial.steps[i] for i in chosen),
        names=tuple(trial.names[i] for i in chosen),
    )


def gaps(view: View[Tensor], mask: Mask, trial: Trial) -> Float[Tensor, " m"]:
    """By how much the prediction is retained on each masked input; below 0 it is lost."""
    if not trial.names:
        return view.scene.x.new_zeros(0)
    return gap_of(predictions(view, mask, trial), trial.decision)


def predictions(view: View[Tensor], mask: Mask, trial: Trial) -> Float[Tensor, "m k"]:
    """Probabilities on each masked input."""
    soft = mask.to(view.scene.x)
    moved = torch.cat([shifted(soft, dy, dx) for dy, dx in trial.steps])
    return view.over(moved, trial.infill)


def gap_of(p: Float[Tensor, "n k"], decision: Decision) -> Float[Tensor, " n"]:
    """Probability of the target above the threshold; far below 0 where it is not on top."""
    gap = p[:, decision.target.index] - decision.threshold
    return gap - OFF_TOP * (~on_top(p, decision.target)).to(gap)


def lost(
    view: View[Tensor], mask: Mask, trial: Trial, hint: tuple[str, int] | None = None
) -> tuple[str, int] | None:
    """The sample on which the mask fails, by name, or ("shift", -1); None if it survives.

    Args:
        view: the image before the classifier.
        mask: on trial.
        trial: the hardest first: a few masked inputs are tried, then twice as many, and so on.
        hint: on what a larger mask failed; tried first.
    """
    order = sorted(range(len(trial.names)), key=lambda i: not alike(trial.names[i], hint))
    shifts, done = 0, 0
    while done < len(order):
        some = order[done : 2 * done + FIRST]
        gap = gaps(view, mask, part(trial, some)).tolist()
        fell = {trial.names[i]: g for i, g in zip(some, gap, strict=True) if g < 0}
        samples = {name: g for name, g in fell.items() if name[0] == "sample"}
        if samples:
            return min(samples, key=lambda name: samples[name])
        shifts += len(fell)
        if shifts > trial.tolerance:
            return "shift", -1
        done += len(some)
    return None


def alike(name: tuple[str, int], reported: tuple[str, int] | None) -> bool:
    """Whether a masked input is one of those reported; -1 is any number."""
    return reported is not None and name[0] == reported[0] and reported[1] in (name[1], -1)


def places(mask: Mask, side: int) -> list[Place]:
    """The patches that hold evidence, row by row; the grid begins in the upper left corner."""
    rows, columns = mask[0, 0].nonzero(as_tuple=True)
    return sorted(set(zip((rows // side).tolist(), (columns // side).tolist(), strict=True)))


def without(mask: Mask, patches: Sequence[Place], side: int) -> Mask:
    """The mask less these patches."""
    left = mask.clone()
    for row, column in patches:
        left[..., row * side : (row + 1) * side, column * side : (column + 1) * side] = False
    return left


def outcome(view: View[Tensor], mask: Mask, trial: Trial) -> tuple[bool, float]:
    """Whether a mask loses the prediction on a trial, and how near that is to the contrary.

    As `lost`, but every masked input is tried. The distance is infinite if there are none.
    """
    if not trial.names:
        return False, math.inf
    p = predictions(view, mask, trial)
    of_shift = torch.tensor([kind == "shift" for kind, _ in trial.names])
    by, fell = slack(p, trial.decision).cpu(), ~retains(p, trial.decision).cpu()
    decides = [
        *by[~of_shift].tolist(),
        *by[of_shift].sort().values[trial.tolerance :][:1].tolist(),
    ]
    gone = bool(fell[~of_shift].any()) or int(fell[of_shift].sum()) > trial.tolerance
    return gone, abs(min(decides, default=math.inf))


def still_needed(
    view: View[Tensor], mask: Mask, side: int, trial: Trial, reported: Sequence[Patch]
) -> tuple[tuple[Patch, ...], tuple[float, ...]]:
    """Every patch of a mask, needed only if its witness shows it again.

    Also how near each is to the contrary.

    Args:
        view: the image before the classifier.
        mask: as exported.
        side: of a patch.
        trial: what the mask has to survive.
        reported: not believed, but tried.
    """
    smaller = {place: without(mask, [place], side) for place in places(mask, side)}
    return needed_again(view, smaller, trial, reported)


def parts_needed(
    view: View[Tensor],
    mask: Mask,
    parts: Mapping[Place, Mask],
    trial: Trial,
    reported: Sequence[Patch],
) -> tuple[tuple[Patch, ...], tuple[float, ...]]:
    """The same of the parts of a mask, each with its pixels."""
    smaller = {place: mask & ~part for place, part in parts.items()}
    return needed_again(view, smaller, trial, reported)


def needed_again(
    view: View[Tensor], smaller: Mapping[Place, Mask], trial: Trial, reported: Sequence[Patch]
) -> tuple[tuple[Patch, ...], tuple[float, ...]]:
    """Every patch, needed only if the mask without it loses the prediction on its witness."""
    said = {(patch.row, patch.column): patch for patch in reported}
    found, distances = [], []
    for place, less in smaller.items():
        patch = said.get(place, Patch(*place, ""))
        shown = [
            i for i, name in enumerate(trial.names) if alike(name, (patch.witness, patch.number))
        ]
        again, distance = outcome(view, less, part(trial, shown))
        found.append(patch if again else Patch(*place, ""))
        distances.append(distance)
    return tuple(found), tuple(distances)
