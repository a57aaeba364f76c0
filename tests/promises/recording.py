"""A classifier that predicts by rule and records all that it was shown, and the noise in that.

Lit is what shows enough of a bright square. Of what a masked input hides, the noise is seen: it
tells which samples a stage used, whatever generator they came from. Three pixels of noise in a row
are as good as a fingerprint: 72 bits, wherever they lie.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import torch
from scipy.stats import binom, binomtest
from torch import nn

from med_cam.case.case import Case, observed
from med_cam.case.round_trip import exported
from med_cam.certification.certificate import claimed, response_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, Config, Refinement, Search, Verification
from med_cam.images.image import Image
from med_cam.masking.view import View
from med_cam.pipeline.propose import Found

SIDE, SQUARE, PATCH = 32, 6, 8
FIRST, SECOND, THIRD, FOURTH = (1, 1), (1, 25), (17, 9), (17, 17)  # each in a patch, margin 1
STRIP = SIDE - 1  # the row whose pixels may spoil a sample; no mask of these tests holds it

FAST = Config(
    search=Search(
        steps=4, grid=8, widths=(8,), places=5, radii=(0.6,), straight_from=0.0, jitter=1, maps=2
    ),
    refinement=Refinement(samples=2, rounds=6, attempts=4, shifts=(1,), leakage_trials=3),
    verification=Verification(
        consistency=0.0,  # below the floor: what may be called verified is of `IN_PICTURES`
        baselines=("gaussian", "grey"),
        unseen=("black",),
        samples=4,
        unseen_samples=1,
        shifts=(1,),
        leakage_trials=20,
        certified=0.8,  # 15 samples for the first mask
    ),
    certification=Certification(
        units="squares",  # of regions see test_region_masks.py
        budget=0,
        patch=PATCH,
        reduction_samples=8,
        pool=16,
        deletion_samples=6,
        reinsertion_trials=16,
        reinsertion_patch=16,
    ),
)
IN_PICTURES = replace(FAST, verification=replace(FAST.verification, consistency=0.05))
NEAR = 1e-5  # what a hard mask with a soft gradient may leave of rounding in the image's pixels
EACH = 6  # questions of a claim: three baselines, shape leakage, shift stability, specificity
SHIFTED = 8  # masked inputs of the question after shifts
WIDER = 5  # the same without the last: it is not asked of a necessary superset


class Toy(nn.Module):
    """Lit if one of some squares is; not where a pixel of the strip is above a limit.

    With `also`, such a sample is only harder: that square has to be lit too.
    """

    def __init__(self, squares=(FIRST,), *, also=None):
        super().__init__()
        self.act = nn.Identity()
        self.squares, self.also = squares, also
        self.column, self.limit = SIDE - 1, float("inf")
        self.bears_black = True
        self.seen: list[torch.Tensor] = []

    def forward(self, x):
        self.seen.append(x.detach().clone())
        x = self.act(x)
        lit = torch.stack([bright(x, square) for square in self.squares]).amax(dim=0)
        least = 0 * lit if self.also is None else torch.minimum(lit, bright(x, self.also))
        lit = torch.where(x[:, 0, STRIP, self.column] > self.limit, least, lit)
        if not self.bears_black:
            black = (x == -1).flatten(1).float().mean(dim=1) > 0.3
            lit = torch.where(black, 0 * lit, lit)
        z = 30 * (lit - 0.6)
        return torch.stack([torch.zeros_like(z), z], dim=1)


def bright(x, square):
    """How bright a square is: 1 in the image, 0 over grey, a third in noise."""
    row, column = square
    return x[:, 0, row : row + SQUARE, column : column + SQUARE].clamp(0, 1).mean(dim=(1, 2))


def classifier_of(module: nn.Module) -> Classifier:
    """White is 1, black -1, middle grey 0."""
    return Classifier(
        module,
        ("dark", "lit"),
        (SIDE, SIDE),
        1,
        (0.5,),
        (0.5,),
        hooked_layers=("act",),
        sha256="ab" * 32,
    )


def image_of(module: Toy) -> Image:
    """Dark, but for the squares."""
    pixels = torch.full((1, SIDE, SIDE), 0.3)
    for row, column in (*module.squares, *([module.also] if module.also else [])):
        pixels[:, row : row + SQUARE, column : column + SQUARE] = 1.0
    return Image(pixels)


@contextmanager
def the_case(
    module: Toy | None = None, config: Config = FAST, *, target: str | None = None
) -> Iterator[Case]:
    module = module or Toy()
    model = classifier_of(module)
    with hooks_attached(model) as forward:
        yield observed(forward, model, image_of(module), config, target=target)


def patches_mask(*patches: tuple[int, int]) -> torch.Tensor:
    """Whole patches of the grid."""
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    for row, column in patches:
        mask[..., row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH] = True
    return mask


def scores_around(square=FIRST) -> torch.Tensor:
    """Highest in the middle of a square, falling with the distance from it."""
    row, column = square
    i = torch.arange(SIDE)[:, None].float() - row - SQUARE / 2 + 0.5
    j = torch.arange(SIDE)[None].float() - column - SQUARE / 2 + 0.5
    return -torch.maximum(i.abs(), j.abs())[None, None] - 1e-4 * (i + 1.1 * j)


def found_on(case: Case, mask: torch.Tensor, square=FIRST) -> Found:
    """A mask as `smallest_mask` would hand it on."""
    source, response = exported(case, mask), response_of(case)
    claim = claimed(case, source, response, attempt=0)
    area = source.float().mean().item()
    return Found(source, area, scores_around(square), (claim,), response)


@dataclass(frozen=True)
class Call:
    """What was asked through one of a case's views: "outputs", "batched" or "claims"."""

    channel: str
    x: torch.Tensor


class Watch:
    """A case whose every question is recorded until it is taken."""

    def __init__(self, case: Case) -> None:
        self.calls: list[Call] = []
        views = {name: getattr(case, name) for name in ("outputs", "batched", "claims")}
        self.case = replace(case, **{name: self.tagged(name, v) for name, v in views.items()})

    def tagged(self, name: str, view: View) -> View:
        def classifier(x):
            self.calls.append(Call(name, x.detach().clone()))
            return view.classifier(x)

        return replace(view, classifier=classifier)

    def take(self, channel: str | None = None) -> list[Call]:
        """What was asked since; of one channel only, if one is named."""
        taken, self.calls[:] = list(self.calls), []
        return taken if channel is None else of(taken, channel)


def of(calls: Iterable[Call], channel: str) -> list[Call]:
    return [call for call in calls if call.channel == channel]


def noise(shown: Iterable[Call | torch.Tensor], x: torch.Tensor) -> np.ndarray:
    """The fingerprints of all noise in what was shown of an image."""
    known = np.unique(torch.cat([x.unique(), x.new_tensor([-1.0, 0.0, 1.0])]).numpy())
    prints = [np.empty(0, np.int64)]
    for part in shown:
        values = (part.x if isinstance(part, Call) else part).detach().cpu().numpy()
        prints.append(fingerprints(values, known))
    return np.unique(np.concatenate(prints))


def fingerprints(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    three = [np.ascontiguousarray(values[..., i : values.shape[-1] - 2 + i]) for i in range(3)]
    a, b, c = three
    free = (a != b) & (b != c) & (a != c)
    for each in three:
        near = np.searchsorted(known, each).clip(1, len(known) - 1)
        free &= np.minimum(abs(each - known[near - 1]), abs(each - known[near])) > NEAR
    bits = [each[free].view(np.int32).astype(np.int64) for each in three]
    with np.errstate(over="ignore"):
        return (bits[0] * 1_000_003 + bits[1]) * 998_244_353_777 + bits[2] * 7_919_000_123


def shared(one: np.ndarray, other: np.ndarray) -> int:
    """How much of the noise of two stages is the same."""
    return len(np.intersect1d(one, other))


def chunks(calls: Sequence[Call], size: int) -> list[list[Call]]:
    return [list(calls[i : i + size]) for i in range(0, len(calls), size)]


def evidence(call: Call, x: torch.Tensor) -> torch.Tensor:
    """The pixels that masked inputs over noise show of an image, alike in all of them."""
    return (call.x == x).all(dim=0, keepdim=True)


def predicting(case: Case, predict_one: Callable) -> Case:
    """A case whose claims are put to another function."""
    return replace(case, claims=replace(case.claims, classifier=predict_one))


def hides(x: torch.Tensor) -> str:
    """What masked inputs hide the strip with: "grey", "black", "noise", or several of these."""
    kinds = {0.0: "grey", -1.0: "black"}
    found = {kinds.get(value, "noise") for value in x[:, 0, STRIP, 0].tolist()}
    return found.pop() if len(found) == 1 else "several"


def losing(case: Case, failures: Sequence[int], *, stable: Sequence[bool] = ()) -> Case:
    """A case whose n-th mask loses so many samples of noise, its shifts if not stable.

    The last ones, so that a certificate that is given up has seen most. Beyond those listed,
    masks are predicted as the classifier does. The check of the shape comes first for each mask,
    grey first of its samples.
    """
    draw, paid, seen, begun, before = -1, 0, 0, False, ""

    def predict_one(x):
        nonlocal draw, paid, seen, begun, before
        p, kind = case.claims.classifier(x), hides(x)
        if of_shape(x, before):
            draw, seen, begun = draw + 1, 0, False
        elif kind == "grey" and len(x) == 1:
            paid, begun = paid + 1, True
        elif kind == "noise" and 0 <= draw < len(failures):
            number = paid if begun else paid + 1  # grey comes last where all is asked for
            samples = samples_needed(number, case.config.verification.certified)
            for row in p:
                seen += 1
                if samples - failures[draw] < seen <= samples:
                    row[:] = p.new_tensor([1.0, 0.0])
        elif len(x) == SHIFTED and draw < len(stable) and not stable[draw]:
            p[:] = p.new_tensor([1.0, 0.0])
        before = kind
        return p

    return predicting(case, predict_one)


def of_shape(x: torch.Tensor, before: str) -> bool:
    """Whether this is the check of a mask's shape, which begins what is asked of it.

    That of specificity has as many masked inputs, and follows what is hidden with black.
    """
    return len(x) == FAST.verification.leakage_trials and before != "black"


def certificates(calls: Sequence[Call], count: int) -> tuple[list[list[Call]], list[Call]]:
    """What was asked of each of so many masks, and after them.

    Each begins with the check of its shape; one that is judged ends with that of specificity.
    """
    kinds = ["", *(hides(call.x) for call in calls)]
    trials = FAST.verification.leakage_trials
    starts = [i for i, call in enumerate(calls) if of_shape(call.x, kinds[i])][:count]
    last = [
        i + 1
        for i, call in enumerate(calls)
        if i > starts[-1] and len(call.x) == trials and kinds[i] == "black"
    ]
    cuts = [*starts, last[0] if last else len(calls)]
    return [list(calls[a:b]) for a, b in pairwise(cuts)], list(calls[cuts[-1] :])


def samples_asked(calls: Sequence[Call]) -> list[Call]:
    """Of what was asked of a mask: its samples, grey first, and what follows them."""
    starts = [i for i, call in enumerate(calls) if hides(call.x) == "grey" and len(call.x) == 1]
    return list(calls[starts[0] :]) if starts else []


# The arithmetic of a certificate, from scipy and from the sentence in the docs.


def risk_for(tried: int, confidence: float = 0.95) -> float:
    """Four fifths of what the masks before have left."""
    left = 1 - confidence
    for _ in range(tried - 1):
        left -= 0.8 * left
    return 0.8 * left


def exact(retained: int, samples: int, risk: float) -> float:
    """The bound of Clopper and Pearson, by scipy."""
    return binomtest(retained, samples, alternative="greater").proportion_ci(1 - risk, "exact").low


def samples_needed(tried: int, wanted: float, confidence: float = 0.95) -> int:
    """The fewest of which at most 1, 2, 4, ... are lost as seldom as the risk, at that rate."""
    allowed, risk = max(1, 2 * (tried - 1)), risk_for(tried, confidence)
    samples = np.arange(allowed + 1, 3000)
    return int(samples[binom.cdf(allowed, samples, 1 - wanted) <= risk * (1 + 1e-9)][0])
