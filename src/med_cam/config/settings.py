"""Every number a user can set: its default, its range, its reason."""

from dataclasses import dataclass, field, replace

from med_cam.config import rules
from med_cam.config.baselines import BASELINES, is_own
from med_cam.config.rules import nearest, refuse, refuse_value, shown, whole
from med_cam.errors import ConfigError

CLAIMED = whole(20, 1000, why=f"fewer for candidates only; {rules.KEPT}")  # leakage trials


@dataclass(frozen=True, slots=True)
class Weights:
    """Weight of each loss term; the field names are the names of the terms."""

    activation: rules.Weight = 1.0
    kl: rules.Weight = 0.0
    cross_entropy: rules.Weight = 1.0
    area: rules.Weight = 0.0  # the area is set by a quantile, not by a weight
    binarization: rules.Weight = 0.0  # straight-through masks are binary
    total_variation: rules.Weight = 0.02
    robustness: rules.Weight = 1.0
    failure: rules.Weight = 0.0  # ours: a smooth count of masked inputs that lose the prediction

    def __post_init__(self) -> None:
        refuse("objective.weights", self)


@dataclass(frozen=True, slots=True)
class Objective:
    """The loss.

    Attributes:
        weights: of the terms.
        distance: "mse" or "cosine", between activations; cosine has no scale to set by layer.
        layer_weights: the paper's alpha, one per hooked layer; empty = equal, summing to 1.
    """

    weights: Weights = field(default_factory=Weights)
    distance: rules.Distance = "cosine"
    layer_weights: rules.Weights = ()

    def __post_init__(self) -> None:
        refuse("objective", self)


@dataclass(frozen=True, slots=True)
class Search:
    """The training of one U-Net on one image.

    Attributes:
        form: how scores become masks: "sigmoid" (the paper's soft mask), "quantile" (ours).
        steps: optimiser steps.
        learning_rate: of Adam.
        widths: channels of the U-Net, finest level first, bottleneck last.
        transposed: up by transposed convolutions (the paper's comb) or bilinear.
        grid: side of the square of scores; 0 = one score per pixel. Coarse scores close the
            channel through which a mask leaks the label by its outline.
        masks: masks per step, each of its own area; each costs one pass over grey and one over a
            random baseline, forward and backward.
        smallest, largest: the areas drawn, log-uniformly.
        temperature: softness of the mask, in standard deviations of the scores.
        straight_from: share of the steps after which the mask is hard and its gradient soft.
        jitter: largest shift of the mask in a step, in pixels.
        places: discs per side of the disc map, 0 = none; one forward pass each and radius.
        radii: of the discs, as shares of half the shorter side.
        maps: scores kept on the way, evenly spread, the last one included.
        look_weight: standard deviations of the disc map added to the U-Net's scores.
        sparse_from, sparse_until: shares of the steps between which the terms of area,
            binarisation and variation come in, from nothing to their weights; both 0 = they are
            there from the start. Where these outweigh the rest, as in the paper's presets, they
            empty the mask before the others have ordered its pixels.
        sharpness: factor on the scores of a soft mask at the end of the search; 1 = none.
        sharper_from: share of the steps after which that factor rises, by the same part in each.
        slower_from: share of the steps after which the learning rate falls, along a cosine, to a
            twentieth; 1 = never.
        starts: trainings at most, each from other first weights: another one follows where the
            masks of all before, cut at one half, have a higher loss than an empty mask. Above 1
            the map whose cut mask has the lowest loss is taken, not the last one.
    """

    form: rules.Form = "quantile"
    steps: rules.Steps = 16
    learning_rate: rules.Rate = 1e-2
    widths: rules.Widths = (16, 32, 64)
    transposed: rules.Switch = False
    grid: rules.Grid = 20
    masks: rules.Masks = 2
    smallest: rules.Area = 0.03
    largest: rules.Area = 0.30
    temperature: rules.Temperature = 0.25
    straight_from: rules.Share = 0.5
    jitter: rules.Jitter = 3
    places: rules.Places = 5
    radii: rules.Radii = (0.6, 0.35)
    look_weight: rules.Pull = 4.0
    maps: rules.Maps = 4
    sparse_from: rules.Share = 0.0
    sparse_until: rules.Share = 0.0
    sharpness: rules.Sharpness = 1.0
    sharper_from: rules.Share = 1.0
    slower_from: rules.Share = 1.0
    starts: rules.Starts = 1

    def __post_init__(self) -> None:
        refuse("search", self)
        if self.smallest >= self.largest:
            raise ConfigError(
                f"search.smallest must be below search.largest, got {self.smallest!r} and "
                f"{self.largest!r}"
            )
        if self.sparse_from > self.sparse_until:
            raise ConfigError(
                f"search.sparse_from must not be above search.sparse_until, got "
                f"{self.sparse_from!r} and {self.sparse_until!r}"
            )
        levels = len(self.widths)
        if self.grid and levels and 2 * self.grid <= 2 ** (levels - 1):
            raise ConfigError(
                f"search.widths has {levels} levels, more than a grid of {self.grid} can be "
                "halved; give fewer widths or a larger search.grid"
            )


@dataclass(frozen=True, slots=True)
class Refinement:
    """From scores to the mask that a claim is made on.

    Attributes:
        cut: "smallest" bisects for the smallest passing share; "threshold" cuts the soft mask
            at one half, as the paper does.
        share: retained share asked of candidates. More than the claim asks, for the winner's
            curse: of masks bisected to the smallest that passes some samples, many fail on fresh
            ones.
        samples: of each random baseline, the same for every candidate.
        leakage_trials, consistency_trials, shifts: fewer than the claim's, for cost.
        smallest: smallest share of the image tried.
        rounds: bisections.
        growth: factor on the area when a claim fails.
        attempts: claims tried before the whole image is taken.
        large: above this share of the image, the search is repeated on the baselines that the
            classifier is robust to, and weaker claims are tried; where a mask begins with more,
            the deletion map is tried too.
    """

    cut: rules.Cut = "smallest"
    share: rules.Share = 0.65
    samples: rules.Samples = 5
    leakage_trials: rules.Samples = 4
    consistency_trials: rules.Samples = 4
    shifts: rules.Distances = (3,)
    smallest: rules.Area = 0.01
    rounds: rules.Bisections = 5
    growth: rules.Growth = 1.15
    attempts: rules.Attempts = 8
    large: rules.Part = 0.5

    def __post_init__(self) -> None:
        refuse("refinement", self)


@dataclass(frozen=True, slots=True)
class Verification:
    """What a claim is relative to, and its thresholds.

    Attributes:
        baselines: searched, and claimed on; the paper's two by default. A name with a colon is a
            fill of your own, see `load_fill`.
        unseen: never used in the search, only reported.
        beside: for a second claim, with a search, a mask and a certificate of its own.
        samples: of each random baseline among `baselines`.
        unseen_samples: of each random one among `unseen`.
        share: of the way from p_baseline to p_image that must be retained.
        minimum_effect: how far p_image must lie above what each baseline alone gets. Below, any
            mask is sufficient: a network that calls noise "notumor" with 0.99 does so with any.
        leakage_trials: masks laid over other contents, at least.
        leakage_margin: how much more often than baselines alone the shape may give the target.
        shifts: distances of the shift test, in pixels of the model input.
        stability_rate: share of shifts that must retain the prediction.
        specificity_rate: share of smooth random masks of twice the area, as many as
            `leakage_trials`, that must lose the prediction, where no reference images are given.
            On the bundled samples a fifth and more do; 0 = not tested.
        consistency: share of the way to the image's log-odds by which the evidence has to move a
            picture that it is laid into; 0 = not tested.
        consistency_rate: share of those pictures that it has to move; of the image itself,
            blurred, which stands in where there are no reference images, at least 85%, and of
            its pictures at least 85% have to move at all, with reference images too.
        consistency_trials: reference images that are tried for it, at most; half as many of those
            of use are taken, each in two ways.
        certified: bound asked for on the retention rate; decides how many samples a certificate
            takes (99 for the first mask, of which one may lose the prediction).
        confidence: of the bounds; masks tried for one certificate share what is left of 1.
        feather: width of the soft edge inside the mask, for baselines with a feathered edge, as a
            share of the shorter side.
    """

    baselines: rules.SomeNames = ("grey", "gaussian")
    unseen: rules.Names = ("black", "mean", "uniform", "shuffled", "others")
    beside: rules.Names = ()
    samples: rules.Samples = 8
    unseen_samples: rules.Samples = 2
    share: rules.Share = 0.5
    minimum_effect: rules.Share = 0.2
    leakage_trials: rules.Samples = 20
    leakage_margin: rules.Share = 0.10
    shifts: rules.Distances = (1, 2, 3)
    stability_rate: rules.Share = 0.9
    specificity_rate: rules.Share = 0.1
    consistency: rules.Share = 0.05
    consistency_rate: rules.Share = 0.25
    consistency_trials: rules.Samples = 12
    certified: rules.Bound = 0.95
    confidence: rules.Confidence = 0.95
    feather: rules.Feather = 0.025

    def __post_init__(self) -> None:
        refuse("verification", self)
        for names in (self.baselines, self.unseen, self.beside):
            if len(set(names)) < len(names):
                raise ConfigError(f"a baseline is named twice in {shown(names)}; name each once")
        for name in (*self.baselines, *self.unseen, *self.beside):
            if name not in BASELINES and not is_own(name):
                raise ConfigError(f"there is no baseline {shown(name)}{nearest(name, BASELINES)}")


@dataclass(frozen=True, slots=True)
class Certification:
    """How a mask is reduced, certified and tested.

    Attributes:
        rounds: masks after the 1-minimal reduction for which a certificate is tried, before it is
            tried for the mask that the reduction began with.
        grown: larger masks for which it is tried after that.
        units: what masks are made of and the reduction takes away: "regions" whose borders are
            the image's own, or "squares" of a grid.
        margin: standard deviations of the log-odds, over random samples, by which a mask of
            regions has to retain the prediction on average. With 2.5 one sample in 160 is lost.
        budget: passes of an image, forward and backward, for the mask, its tests and weaker
            claims together; 0 = no limit. Where it ends, the mask is not made smaller any more,
            nor a further one tried. Alternatives, further seeds and a claim beside come on top,
            each with the same limit.
        patch: side of a square, or of one of the mean area of a region, in pixels of the model
            input; 0 = no 1-minimal reduction.
        most_patches: of a mask of squares; they are made twice as large until there are no more.
            0 = any, and regions of the size of `patch` whatever the size of the image.
        reduction_samples: random samples on which a smaller mask has to retain the prediction
            at first.
        pool: further ones that it is tried on before the certificate; those that break it join.
        deletion_samples: random samples around the complement.
        reinsertion_trials: masked inputs with random hidden patches shown again.
        reinsertion_wanted: bound on how often the label has to stay then.
        reinsertion_patch: side of those patches, in pixels of the model input.
        alternatives: further disjoint masks to look for.
        necessary_superset: whether to grow the mask until it is necessary too.
        seeds: masks to compare, the explanation's own included.
        contrast: whether a label that says that nothing was found, or that baselines alone give,
            is also explained the other way round: what would have to be there for another one.
            At most about 170 passes.
        ladder_passes: that weaker claims may take together, within the budget, where the claim
            holds on no mask of at most `refinement.large`; the search of a restricted claim is
            not counted. 0 = none is tried but the restricted claim, with a risk of its own.
        controls: smooth random masks of the same area that a weaker claim is compared with.
        random_regions: such masks that are looked at beside the full claim; 0 = none. They show
            whether the place of its evidence says anything, and refuse nothing.
    """

    rounds: rules.Rounds = 2
    grown: rules.Extra = 2
    units: rules.Units = "regions"
    margin: rules.Deviations = 2.5
    budget: rules.Budget = 1500
    patch: rules.Patch = 16
    most_patches: rules.Patches = 40
    reduction_samples: rules.Samples = 12
    pool: rules.Spare = 16
    deletion_samples: rules.Samples = 16
    reinsertion_trials: rules.Samples = 46
    reinsertion_wanted: rules.Share = 0.9
    reinsertion_patch: rules.Side = 16
    alternatives: rules.Alternatives = 0
    necessary_superset: rules.Switch = False
    seeds: rules.Seeds = 1
    contrast: rules.Switch = True
    ladder_passes: rules.LadderPasses = 500
    controls: rules.Controls = 39
    random_regions: rules.Regions = 19

    def __post_init__(self) -> None:
        refuse("certification", self)


@dataclass(frozen=True, slots=True)
class Config:
    """One run."""

    objective: Objective = field(default_factory=Objective)
    search: Search = field(default_factory=Search)
    refinement: Refinement = field(default_factory=Refinement)
    verification: Verification = field(default_factory=Verification)
    certification: Certification = field(default_factory=Certification)
    seed: rules.Seed = 0

    def __post_init__(self) -> None:
        refuse("", self)
        trials = self.verification.leakage_trials
        refuse_value("verification.leakage_trials", trials, CLAIMED)


def relative_to(config: Config, names: tuple[str, ...]) -> Config:
    """The same run, searched and claimed on other baselines."""
    given_up = tuple(n for n in config.verification.baselines if n not in names)
    unseen = (*given_up, *(n for n in config.verification.unseen if n not in names))
    claim = replace(config.verification, baselines=names, unseen=unseen)
    return replace(config, verification=claim)
