"""The values that cross file boundaries. All frozen; none computes anything beyond a sum."""

from collections.abc import Mapping
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Reference:
    """What the frozen classifier says of the whole image (paper section 3.1).

    Attributes:
        target: index of the explained class.
        head: "softmax" or "sigmoid"; decides what `probabilities` are.
        required: probability of the target that the search asks of composites.
        logits: on the whole image.
        probabilities: on the whole image.
        activations: of the tapped layers on the whole image, in the order of the taps.
    """

    target: int
    head: str
    required: float
    logits: Float[Tensor, "1 k"]
    probabilities: Float[Tensor, "1 k"]
    activations: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the search: the weighted loss, its unweighted terms, the mean mask."""

    index: int
    loss: float
    terms: Mapping[str, float]
    area: float


@dataclass(frozen=True, slots=True)
class BackgroundResult:
    """How the mask fared over one background, and what that background alone is called.

    Attributes:
        name: as in `masking.BACKGROUNDS`.
        searched: whether the search and the claim rest on it, or it is only reported.
        draws: composites drawn.
        kept: draws on which the decision was kept (top-1 and the retained share).
        kept_top1: draws on which the target was merely top-1 (the paper's weaker figure).
        lowest: lowest probability of the target over the draws.
        mean: mean probability of the target over the draws.
        alone_label: the label most often given to the background without any evidence.
        alone_probability: mean probability of the target on the background alone.
        alone_kept: share of draws on which the background alone gives the target.
    """

    name: str
    searched: bool
    draws: int
    kept: int
    kept_top1: int
    lowest: float
    mean: float
    alone_label: str
    alone_probability: float
    alone_kept: float


@dataclass(frozen=True, slots=True)
class Check:
    """One tested property of the hard mask, with the number it was judged by.

    `value` and `threshold` are rates in [0, 1] over `trials` composites. `at_least` tells on
    which side of the threshold the value has to lie.
    """

    name: str
    value: float
    threshold: float
    trials: int
    at_least: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found of one hard mask, over a declared set of backgrounds.

    Attributes:
        searched: names of the backgrounds that the claim is relative to.
        checks: kept, shape, stable; the claim holds only if all passed.
        backgrounds: one result for each background, searched and unseen.
        full: probability of the target on the whole image.
        empty: mean probability of the target on the searched backgrounds alone.
        required: the probability that a composite has to reach.
        references: whence the other images of the shape test came, in words.
        warnings: sentences, each with the figure that triggered it.
        least_gap: how far `full` has to lie above `empty` for there to be anything to keep.
    """

    searched: tuple[str, ...]
    checks: tuple[Check, ...]
    backgrounds: tuple[BackgroundResult, ...]
    full: float
    empty: float
    required: float
    references: str
    warnings: tuple[str, ...]
    least_gap: float = 0.0

    @property
    def holds(self) -> bool:
        """Whether every check passed, and there was something to keep."""
        return not self.sufficiency_is_empty and all(check.passed for check in self.checks)

    @property
    def sufficiency_is_empty(self) -> bool:
        """Whether the backgrounds alone give the target about as well as the whole image does."""
        return self.full - self.empty < max(self.least_gap, 1e-9)


@dataclass(frozen=True, slots=True)
class Fallback:
    """The smallest mask that holds on the backgrounds the classifier can stand.

    Never verified on the full set: `claim.searched` says which backgrounds it is relative to,
    `dropped` which were given up.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim
    dropped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Passes:
    """Images sent through the classifier, forward and backward, by the whole explanation."""

    forward: int
    backward: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """A minimal region of one image, and what was proved of it.

    Attributes:
        target: index of the explained class.
        label: its name.
        labels: names of all classes.
        mask: true = evidence, in the source image's own pixels.
        soft: the searched scores in the classifier's frame, in [0, 1]; 1 = first to be kept.
        area: share of the source image's pixels in the mask, in [0, 1].
        status: how it ended, in one sentence.
        verified: true only if the claim holds on the mask as exported.
        before: probability of each class on the whole image.
        after: probability of each class on the evidence over the first searched background.
        kl: KL(before || after), in nats (Bernoulli, summed over outputs, for sigmoid heads).
        components: connected parts of the mask (8-neighbourhood).
        claim: checks, backgrounds, warnings.
        fallback: a smaller promise, if the full one failed; else None.
        steps: the course of the search.
        passes: classifier passes spent.
        seconds: wall time spent.
        taps: names of the layers whose activations were matched.
    """

    target: int
    label: str
    labels: tuple[str, ...]
    mask: Bool[Tensor, "h w"]
    soft: Float[Tensor, "h1 w1"]
    area: float
    status: str
    verified: bool
    before: tuple[float, ...]
    after: tuple[float, ...]
    kl: float
    components: int
    claim: Claim
    fallback: Fallback | None
    steps: tuple[Step, ...]
    passes: Passes
    seconds: float
    taps: tuple[str, ...]
