"""Every number a user can set, with its reason, and the presets; from TOML."""

from dataclasses import dataclass, field, fields, replace

from med_cam.config.rules import (
    CERTIFICATION,
    CLAIM,
    OBJECTIVE,
    REFINEMENT,
    RUN,
    SEARCH,
    VERIFICATION,
    refuse,
    weight,
)
from med_cam.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of each loss term; the field names are the names of the terms."""

    activation: float = 1.0
    kl: float = 0.0
    cross_entropy: float = 1.0
    area: float = 0.0  # the area is set by a quantile, not by a weight
    binarization: float = 0.0  # straight-through masks are binary
    total_variation: float = 0.02
    robustness: float = 1.0
    failure: float = 0.0  # ours: a smooth count of composites that lose the decision

    def __post_init__(self) -> None:
        refuse("objective.weights", self, {f.name: weight for f in fields(self)})


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss.

    Attributes:
        weights: of the terms.
        distance: "mse" or "cosine", between activations; cosine has no scale to set by layer.
        layer_weights: the paper's alpha, one a tapped layer; empty = equal, summing to 1.
    """

    weights: Weights = field(default_factory=Weights)
    distance: str = "cosine"
    layer_weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        refuse("objective", self, OBJECTIVE)


@dataclass(frozen=True, slots=True)
class Search:
    """The training of one U-Net on one image.

    Attributes:
        form: how scores become masks: "sigmoid" (the paper's soft mask), "quantile" (ours).
        steps: optimiser steps.
        learning_rate: of Adam.
        widths: channels of the U-Net, finest level first, bottleneck last.
        transposed: up by transposed convolutions (the paper's comb) or bilinear.
        grid: side of the square of scores; 0 = one score a pixel. Coarse scores close the
            channel through which a mask draws the answer.
        masks: masks a step, each of its own area; each costs one pass over grey and one over a
            random background, forward and backward.
        smallest, largest: the areas drawn, log-uniformly.
        temperature: softness of the mask, in standard deviations of the scores.
        straight_from: share of the steps after which the mask is hard and its gradient soft.
        jitter: largest shift of the mask in a step, in pixels.
        places: discs a side of the first look, 0 = none; one forward pass each and radius.
        radii: of the discs, as shares of half the shorter side.
        maps: scores kept on the way, evenly spread, the last one included.
        look_weight: standard deviations of the look added to the U-Net's scores.
    """

    form: str = "quantile"
    steps: int = 32
    learning_rate: float = 1e-2
    widths: tuple[int, ...] = (16, 32, 64)
    transposed: bool = False
    grid: int = 20
    masks: int = 2
    smallest: float = 0.03
    largest: float = 0.30
    temperature: float = 0.25
    straight_from: float = 0.5
    jitter: int = 3
    places: int = 5
    radii: tuple[float, ...] = (0.6, 0.35)
    look_weight: float = 2.0
    maps: int = 4

    def __post_init__(self) -> None:
        refuse("search", self, SEARCH)
        if self.smallest >= self.largest:
            raise ConfigError(
                f"search.smallest must be below search.largest, got {self.smallest!r} and "
                f"{self.largest!r}"
            )
        levels = len(self.widths)
        if self.grid and levels and 2 * self.grid <= 2 ** (levels - 1):
            raise ConfigError(
                f"search.widths has {levels} levels, more than a grid of {self.grid} can be "
                "halved; give fewer widths or a larger search.grid"
            )


@dataclass(frozen=True, slots=True)
class Refinement:
    """From scores to the mask that is put to the claim.

    Attributes:
        cut: "smallest" bisects for the smallest passing share; "threshold" cuts the soft mask
            at one half, as the paper does.
        share: retained share asked of candidates. More than the claim asks, for the winner's
            curse: of masks bisected to the smallest that passes some draws, many fail on fresh
            ones.
        draws: of each random background, the same for every candidate.
        leakage_trials, shifts: fewer than the claim's, for cost.
        smallest: smallest share of the image tried.
        rounds: bisections.
        growth: factor on the area when a claim fails.
        attempts: claims tried before the whole image is taken.
        large: above this share of the image, the search is repeated on the backgrounds that the
            classifier can stand.
    """

    cut: str = "smallest"
    share: float = 0.65
    samples: int = 5
    leakage_trials: int = 4
    shifts: tuple[int, ...] = (3,)
    smallest: float = 0.01
    rounds: int = 6
    growth: float = 1.15
    attempts: int = 8
    large: float = 0.5

    def __post_init__(self) -> None:
        refuse("refinement", self, REFINEMENT)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a claim is relative to, and its bars.

    Attributes:
        backgrounds: searched, and claimed on; the paper's two by default.
        unseen: never used in the search, only reported.
        draws: of each random background among `backgrounds`.
        unseen_samples: of each random one among `unseen`.
        share: of the way from the empty to the full probability that must be retained.
        minimum_effect: how far the full probability must lie above the empty one. Below, sufficiency
            is empty: a network that calls noise "notumor" with 0.99 keeps it with any mask.
        leakage_trials: composites of the mask over other contents, at least.
        leakage_margin: how much more often than emptiness the shape may give the target.
        shifts: distances of the shift test, in pixels of the classifier's frame.
        stability_rate: share of shifts that must keep the decision.
        certified: bound asked for on the probability of keeping the decision; decides how many
            draws a certificate takes (63 for the first mask, all of which have to keep it).
        confidence: of the bounds; masks tried for one certificate share what is left of 1.
    """

    baselines: tuple[str, ...] = ("grey", "gaussian")
    unseen: tuple[str, ...] = ("black", "mean", "uniform", "shuffled", "others")
    samples: int = 8
    unseen_samples: int = 2
    share: float = 0.5
    minimum_effect: float = 0.1
    leakage_trials: int = 20
    leakage_margin: float = 0.10
    shifts: tuple[int, ...] = (1, 2, 3)
    stability_rate: float = 0.9
    certified: float = 0.95
    confidence: float = 0.95

    def __post_init__(self) -> None:
        refuse("verification", self, VERIFICATION)


@dataclass(frozen=True, slots=True)
class Certification:
    """What is proved of the mask, and how far.

    Attributes:
        rounds: masks after the discrete stage that are put to a certificate, before the mask that
            it began with is.
        grown: larger masks that are put to a certificate after that.
        cell: side of the cells that the discrete stage takes away, in pixels of the classifier's
            frame; 0 = no discrete stage.
        most_patches: of a mask; cells are made twice as large until there are no more. 0 = any.
        reduction_samples: random backgrounds that a smaller mask has to keep the decision on at first.
        pool: further ones that it is tried on before the certificate; those that break it join.
        without: random backgrounds around the complement.
        hidden: composites with random patches of the hidden part shown again.
        reinsertion_wanted: bound on how often the answer has to stay then.
        reinsertion_patch: side of those patches, in pixels of the classifier's frame.
        alternatives: further disjoint masks to look for.
        enlarge: whether to grow the mask until it is necessary too.
        seeds: masks to compare, the explanation's own included.
    """

    rounds: int = 2
    grown: int = 2
    patch: int = 16
    most_patches: int = 40
    reduction_samples: int = 16
    pool: int = 32
    without: int = 16
    reinsertion: int = 59
    reinsertion_wanted: float = 0.9
    reinsertion_patch: int = 16
    alternatives: int = 0
    necessary_superset: bool = False
    seeds: int = 1

    def __post_init__(self) -> None:
        refuse("certification", self, CERTIFICATION)


@dataclass(frozen=True, slots=True)
class Config:
    """One run."""

    objective: Objective = field(default_factory=Objective)
    search: Search = field(default_factory=Search)
    refinement: Refinement = field(default_factory=Refinement)
    verification: Verification = field(default_factory=Verification)
    certification: Certification = field(default_factory=Certification)
    seed: int = 0

    def __post_init__(self) -> None:
        refuse("", self, RUN)
        refuse("verification", self.verification, CLAIM)


def relative_to(config: Config, names: tuple[str, ...]) -> Config:
    """The same run, searched and claimed on other backgrounds."""
    given_up = tuple(n for n in config.verification.baselines if n not in names)
    unseen = (*given_up, *(n for n in config.verification.unseen if n not in names))
    rules = replace(config.verification, baselines=names, unseen=unseen)
    return replace(config, verification=rules)
