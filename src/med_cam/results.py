"""The values that cross file boundaries. All frozen; none computes anything beyond a sum.

explanation.json is made of them: its schema and its documentation are these fields, their types
and their `Attributes:`. A float without a range may be NaN, which JSON has as null.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Number:
    """What is known of a number.

    Attributes:
        low, high: it lies between them, both included; None is no limit.
        finite: whether it is always a number, never NaN or infinity.
        digits: that are written to JSON; None is all of them.
    """

    low: int | None = None
    high: int | None = None
    finite: bool = True
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The strings that a field may hold."""

    values: tuple[str, ...]


Count = Annotated[int, Number(0)]
Positive = Annotated[int, Number(1)]
Share = Annotated[float, Number(0, 1)]  # set, or counted of one trial or more
Probability = Annotated[float, Number(0, 1, finite=False)]  # or a mean of what may be none
Limit = Annotated[float, Number(0, finite=False)]  # of a rate; a margin may lift it above 1
Difference = Annotated[float, Number(-1, 1, finite=False)]  # of two probabilities
Level = Annotated[float, Number(0)]  # 255 is white
Rounded = Annotated[float, Number(finite=False, digits=6)]
Seconds = Annotated[float, Number(0, finite=False, digits=6)]


@dataclass(frozen=True, slots=True)
class Reference:
    """What the frozen classifier says of the whole image (paper section 3.1).

    Attributes:
        target: index of the explained class.
        head: "softmax" or "sigmoid"; decides what `probabilities` are.
        threshold: probability of the target that the search asks of masked inputs.
        logits: on the whole image.
        probabilities: on the whole image.
        activations: of the hooked layers on the whole image, in their order.
    """

    target: int
    head: str
    threshold: float
    logits: Float[Tensor, "1 k"]
    probabilities: Float[Tensor, "1 k"]
    activations: tuple[Tensor, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the search.

    Attributes:
        index: number of the step, from 0.
        loss: the weighted sum that was minimised.
        terms: each term of the loss by name, unweighted.
        area: mean of the soft mask.
    """

    index: Count
    loss: Rounded
    terms: Mapping[str, Rounded]
    area: Rounded


OnStep = Callable[[Step], None]  # called after every step of a search


@dataclass(frozen=True, slots=True)
class Edge:
    """How near the masked inputs of a test lie to where their outcome is another.

    Attributes:
        nearest: the least distance of a probability from what it is compared with; null if there
            was nothing to compare.
        within: outcomes at a distance of at most 0.0002, so that they may be others on another
            machine.
        sure: the same at half that distance.
        most: the same at half as much again.
    """

    nearest: Limit
    within: Count
    sure: Count = 0
    most: Count = 0


@dataclass(frozen=True, slots=True)
class BaselineResult:
    """How the mask fared over one baseline, and what that baseline alone is predicted to be.

    Attributes:
        name: name of the baseline.
        searched: true: the search and the claim rest on it. False: it was only tried afterwards.
        samples: masked inputs, one for each random sample of the baseline.
        retained: of those, how many retain the prediction: target first, and `threshold` reached.
        retained_top1: of those, on how many the target is merely first (the paper's weaker
            figure).
        lowest: lowest probability of the target over the samples.
        mean: mean probability of the target over the samples.
        baseline_label: what the classifier most often predicts on this baseline without any
            evidence.
        baseline_probability: mean probability of the target on this baseline alone.
        baseline_retained: share of samples on which this baseline alone gives the target.
        edge: how near its outcomes, those of this baseline alone among them, are to others; null
            if that was not looked at.
    """

    name: str
    searched: bool
    samples: Count
    retained: Count
    retained_top1: Count
    lowest: Probability
    mean: Probability
    baseline_label: str
    baseline_probability: Probability
    baseline_retained: Probability
    edge: Edge | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One tested property of the hard mask, with the number it was judged by.

    Attributes:
        name: `sufficiency`, `shape_leakage`, `shift_stability`, `consistency` or `specificity`.
        value: the rate that was measured, over `trials` masked inputs.
        threshold: the rate it was judged by.
        trials: masked inputs put to the classifier for this check.
        at_least: true: `value` has to reach `threshold`. False: it may not exceed it.
        passed: whether it did.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    name: str
    value: Probability
    threshold: Limit
    trials: Count
    at_least: bool
    passed: bool
    edge: Edge | None = None

    @property
    def spare(self) -> Annotated[int, Number()] | None:
        """How many masked inputs more could have the other outcome and it would still pass.

        Negative: how many fewer would have to have it. Null if there were none.
        """
        gap = (self.value - self.threshold) * self.trials
        if not self.trials or not math.isfinite(gap):
            return None
        whole = math.floor((gap if self.at_least else -gap) + 1e-9)
        return whole if self.passed else min(whole, -1)


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over many samples.

    Attributes:
        lowest: lowest of the samples.
        low: 5th percentile.
        middle: 50th percentile.
        high: 95th percentile.
        highest: highest of the samples.
    """

    lowest: float
    low: float
    middle: float
    high: float
    highest: float


def reaches(bound: float, wanted: float) -> bool:
    """Whether a bound is as high as it was asked for, but for rounding."""
    return bound >= wanted - 1e-12


def too_small(effect: float, minimum: float) -> bool:
    """Whether an image scores so little above baselines alone that there is nothing to retain."""
    return effect < max(minimum, 1e-9)


SURE = 2 / 3  # a blank input with this probability of the target is predicted so with confidence


def given_anyway(p_baseline: float, p_image: float, minimum: float) -> bool:
    """Whether a baseline alone gives the target by itself, so that no mask has to."""
    return p_baseline >= SURE or too_small(p_image - p_baseline, minimum)


@dataclass(frozen=True, slots=True)
class Certificate:
    """How often, at least, a hard mask retains the prediction over the baselines of its claim.

    Attributes:
        samples: masked inputs over random baselines, evenly of each.
        retained: of those, how many retain the prediction.
        fixed: baselines that are the same at every sample; one masked input settles each.
        fixed_retained: of those, how many retain the prediction.
        confidence: confidence of the bounds of all masks together that were put to a certificate
            for this image.
        tried: which of those masks this one is, from 1.
        risk: with which probability at most `bound` is too high: this mask's part of
            1 - `confidence`.
        bound: lower bound on the probability that a sample retains the prediction: of the random
            baselines in even mixture, and of all of them in even mixture.
        wanted: the bound that was asked for.
        worst: the baseline on which the prediction is retained least often.
        worst_retained: share of its samples that retain the prediction.
        margin: over all samples: probability of the target minus that of the best other class, for
            sigmoid heads minus the output's threshold.
        change: over all samples: probability of the target minus that on the whole image.
    """

    samples: Count
    retained: Count
    fixed: Count
    fixed_retained: Count
    confidence: Share
    tried: Positive
    risk: Share
    bound: Share
    wanted: Share
    worst: str
    worst_retained: Probability
    margin: Spread
    change: Spread

    @property
    def holds(self) -> bool:
        """Whether `bound` reaches `wanted`, and no fixed baseline breaks the prediction."""
        return reaches(self.bound, self.wanted) and self.fixed_retained == self.fixed


NOTICES = (  # most telling against the evidence first: the order in which they are shown
    "printed_text",
    "confidence_rises",
    "outline",
    "constant_fill",
    "random_regions",
    "whole_image",
    "reinsertion",
    "baseline_gives_label",
    "border",
    "surround",
    "unseen_baselines",
    "references_alike",
    "on_edge",
    "file",
    "older",
    "confident_blank",
    "no_references",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader of a claim has to know besides its checks: a warning, or a plain fact.

    Attributes:
        kind: what it is about; `older` in a result that was saved without kinds.
        text: a sentence, with the figure that triggered it.
        figure: that figure, by which a kind that is common is judged; null if there is none.
        warns: true: it is shown as a warning. False: as a plain fact, since it comes up on most
            images and is not extreme, or is the same for all images of a run.
    """

    kind: Annotated[str, OneOf(NOTICES)]
    text: str
    figure: Annotated[float, Number(finite=False)]
    warns: bool


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found of one hard mask, over a declared set of baselines.

    Attributes:
        searched: names of the baselines that the claim is relative to.
        checks: one entry for each check; the claim holds only if all passed.
        baselines: one entry for each baseline, searched or only tried.
        p_image: probability of the target on the whole image.
        p_baseline: mean probability of the target on the searched baselines alone.
        threshold: probability of the target that a masked input has to reach.
        reference_images: source of the reference images of the check of its outline, in words.
        notices: warnings and plain facts, warnings first, of each the most telling first.
        minimum_effect: how far `p_image` has to lie above the probability on each searched
            baseline alone: with less, that baseline suffices by itself and nothing holds; nor
            where it gives the target with two thirds or more.
        certificate: how often, at least, the mask retains the prediction over these baselines;
            null if that was not bounded.
    """

    searched: tuple[str, ...]
    checks: tuple[Check, ...]
    baselines: tuple[BaselineResult, ...]
    p_image: Probability
    p_baseline: Probability
    threshold: Probability
    reference_images: str
    notices: tuple[Notice, ...]
    minimum_effect: Share = 0.0
    certificate: Certificate | None = None

    @property
    def holds(self) -> bool:
        """Whether every check passed, and `p_image` lies far enough above `p_baseline`."""
        return not self.baseline_suffices and all(check.passed for check in self.checks)

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences of those notices that are warnings, the most telling first."""
        return tuple(notice.text for notice in self.notices if notice.warns)

    @property
    def baseline_suffices(self) -> bool:
        """Whether a baseline alone gives the target, or about as well as the whole image does."""
        return bool(self.given_by)

    @property
    def given_by(self) -> tuple[str, ...]:
        """Names of the searched baselines that give the target by themselves."""
        return tuple(
            r.name
            for r in self.baselines
            if r.searched
            and given_anyway(r.baseline_probability, self.p_image, self.minimum_effect)
        )


@dataclass(frozen=True, slots=True)
class RestrictedClaim:
    """The smallest mask that holds on the baselines to which the classifier is robust.

    Never verified on the full set: `claim.searched` says which baselines it is relative to.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it.
        dropped: baselines that were given up.
        seed: from which its random samples are: not that of the full claim.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim
    dropped: tuple[str, ...]
    seed: Count


RUNGS = ("sufficient", "restricted", "graded", "necessary", "ranked")  # strongest first
CHANCE = 0.05  # random masks may do as well as the mask of a rung with at most this probability


@dataclass(frozen=True, slots=True)
class Control:
    """The negative control of a rung: smooth random masks of the same area.

    Attributes:
        masks: random masks, each put to the classifier on one sample of its own; for `ranked` on
            the samples of the rung's mask.
        hits: of those, how many did what the rung says of its mask; for `ranked` how many scored
            at least as high.
        chance: (1 + `hits`) / (1 + `masks`): with which probability at most a random mask would
            stand out as far among so many others.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    masks: Positive
    hits: Count
    chance: Share
    edge: Edge | None = None

    @property
    def holds(self) -> bool:
        """Whether random masks do it no more often than chance allows: `chance` up to 0.05."""
        return self.chance <= CHANCE + 1e-12


@dataclass(frozen=True, slots=True)
class Consistency:
    """The check `consistency` on the mask of a rung: laid into pictures, it moves them.

    Attributes:
        value: share of the pictures that it moves toward the label.
        threshold: the share that is required.
        trials: pictures.
        passed: whether `value` reaches it.
    """

    value: Share
    threshold: Share
    trials: Count
    passed: bool


@dataclass(frozen=True, slots=True)
class Rung:
    """A claim that is weaker than sufficiency over all declared removals, and its mask.

    Attributes:
        name: `restricted`: the mask is sufficient on some of the declared removals, or on others
            where it is robust to none of them. `graded`: it
            is sufficient where the rest of the image is moved `strength` of the way to its
            removal. `necessary`: the prediction changes where the mask is hidden and the rest
            shown. `ranked`: the target scores higher on the mask than on random masks.
        mask: true = the region, in the source image's own pixels.
        area: share of the source image's pixels in it.
        searched: removals that it is relative to.
        strength: share of the way from the image to the removal; 1 is the removal itself.
        samples: masked inputs over random removals, evenly of each.
        hits: of those, how many came out as the rung says; for `ranked` all that were scored.
        fixed: removals that are the same at every sample; one masked input settles each.
        fixed_hits: of those, how many came out as the rung says.
        risk: part of 1 - `config.verification.confidence` that the bound has; for `ranked` the
            limit of `control.chance`.
        bound: lower bound on the probability that a sample comes out so; 0 for `ranked`, which
            has `control.chance` in its place.
        wanted: the bound that was asked for.
        control: the same of random masks of this area.
        consistency: whether the mask speaks for the label in pictures too; null for `necessary`,
            and where there are no pictures to lay it into.
        edge: how near the outcomes are to others; null if that was not looked at.
    """

    name: Annotated[str, OneOf(RUNGS[1:])]
    mask: Bool[Tensor, "h w"]
    area: Share
    searched: tuple[str, ...]
    strength: Share
    samples: Count
    hits: Count
    fixed: Count
    fixed_hits: Count
    risk: Share
    bound: Share
    wanted: Share
    control: Control
    consistency: Consistency | None = None
    edge: Edge | None = None

    @property
    def holds(self) -> bool:
        """Whether its bound reaches `wanted`, its control holds, and it is consistent."""
        if not (self.control.holds and (self.consistency is None or self.consistency.passed)):
            return False
        if self.name == "ranked":
            return self.control.chance <= self.risk + 1e-12
        return reaches(self.bound, self.wanted) and self.fixed_hits == self.fixed


@dataclass(frozen=True, slots=True)
class Attempt:
    """A rung that was tried, or why it was not.

    Attributes:
        name: of the rung; `sufficient` is the claim of the explanation itself.
        outcome: `holds`, `refused`, `not_tried` (it says nothing here) or `no_passes` (those that
            were allowed did not suffice).
        bounds: masks of it for which a bound was computed.
        risk: part of 1 - `config.verification.confidence` that these took. Those of all rungs
            add up to no more than that.
        why: why it does not hold; empty if it does.
    """

    name: Annotated[str, OneOf(RUNGS)]
    outcome: Annotated[str, OneOf(("holds", "refused", "not_tried", "no_passes"))]
    bounds: Count
    risk: Share
    why: str


@dataclass(frozen=True, slots=True)
class Ladder:
    """The strongest claim that holds where no mask of at most half of the image is sufficient.

    Attributes:
        name: of the strongest rung that holds; `nothing` if none does.
        sentence: what it says, with its bound; or why nothing holds.
        rung: the claim and its mask; null if nothing holds.
        tried: every rung down to that one, strongest first, with its outcome.
        passes: inputs sent through the classifier for it, forward; without the search of the
            restricted claim.
    """

    name: Annotated[str, OneOf((*RUNGS[1:], "nothing"))]
    sentence: str
    rung: Rung | None
    tried: tuple[Attempt, ...]
    passes: Count


@dataclass(frozen=True, slots=True)
class BesideClaim:
    """A second claim on the same image, over other removals than the first.

    It neither adds to `verified` nor takes from it. Its certificate has a risk of its own, beside
    that of the first claim.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it; it may fail.
        images: reference images of other labels. Where the claim is over these, each sample shows
            one of them, any as likely as another, and the bound is on that draw.
        seed: from which its random samples are: not that of the first claim.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim
    images: Count
    seed: Count


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a mask, and what shows that it is needed.

    Attributes:
        row: of a square, its row in the grid, from 0 at the top; of a part made of regions, the
            row of its first pixel in the source image.
        column: of a square, its column in the grid, from 0 at the left; of a part made of regions,
            the column of that pixel.
        witness: what shows that it is needed. `sample`: without it the prediction is lost on the
            random sample of that number. `shift`: it is lost in too many shifts. Empty: it is not
            needed.
        number: number of the random sample; -1 where there is none.
    """

    row: Count
    column: Count
    witness: Annotated[str, OneOf(("sample", "shift", ""))]
    number: Annotated[int, Number(-1)] = -1


@dataclass(frozen=True, slots=True)
class Minimality:
    """That no patch can be removed, relative to its patches and a set of random samples.

    Patches are squares of a grid, or parts made of the image's own regions.

    Attributes:
        patch: side of a square in pixels of the model input; the grid begins at its upper left
            corner. Of regions, the side of a square of their mean area; a part has one or more.
        patches: one entry for each patch that holds evidence; the n-th part has the number n in
            `regions`.
        samples: numbers of the random samples on which the prediction has to be retained.
        shifts: numbers of the shifts in which it has to be retained.
        tolerance: on how many of them it may be lost all the same.
        sufficient: whether the mask as it is retains the prediction on all of them.
        tested: removals that were tried, of one patch or of several.
        rounds: how often the reduction was run: again where a new sample was a counterexample, on
            that sample too.
        before: area before patches were removed, a share of the source image's pixels.
        after: area after that.
        edge: how near it is to another outcome that a patch is needed, or the mask sufficient, one
            outcome each; null if that was not looked at.
        regions: the parts that a mask of regions is made of: on each pixel of the source image
            the number of its part from 1, 0 outside of the mask; null where patches are squares.
    """

    patch: Positive
    patches: tuple[Patch, ...]
    samples: tuple[Count, ...]
    shifts: tuple[Count, ...]
    tolerance: Count
    sufficient: bool
    tested: Count
    rounds: Count
    before: Share
    after: Share
    edge: Edge | None = None
    regions: Int[Tensor, "h w"] | None = None

    @property
    def needed(self) -> Count:
        """How many patches are needed."""
        return sum(bool(patch.witness) for patch in self.patches)

    @property
    def holds(self) -> bool:
        """Whether the mask is sufficient on these samples, and every patch of it needed."""
        return self.sufficient and self.needed == len(self.patches)


@dataclass(frozen=True, slots=True)
class Necessity:
    """The deletion test: what is predicted when the evidence is hidden and the rest shown.

    Attributes:
        samples: masked inputs, over the baselines of the claim.
        changed: of those, how many are no longer given the target.
        lost: of those, how many do not retain the prediction (probability below `threshold` of the
            claim).
        label: the label that is predicted most often.
        mean: mean probability of the target over the samples.
        highest: highest probability of the target over the samples.
        p_image: probability of the target on the whole image.
        bound: lower bound on the probability that a sample changes the prediction.
        confidence: confidence of that bound.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    samples: Count
    changed: Count
    lost: Count
    label: str
    mean: Probability
    highest: Probability
    p_image: Probability
    bound: Share
    confidence: Share
    edge: Edge | None = None

    @property
    def holds(self) -> bool:
        """Whether the prediction changed on every sample."""
        return self.changed == self.samples


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, and the bound that is exact where trials are independent.

    Attributes:
        trials: masked inputs.
        hits: of those, how many had the outcome that is counted.
        bound: bound on the probability: from below or above, as the field says.
        confidence: confidence of that bound.
        edge: how near its outcomes are to others; null if that was not looked at.
    """

    trials: Count
    hits: Count
    bound: Share
    confidence: Share
    edge: Edge | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another sufficient mask of the same image, disjoint from all before it.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim


@dataclass(frozen=True, slots=True)
class NecessarySuperset:
    """A second, larger mask: sufficient, and necessary too.

    Attributes:
        mask: true = evidence, in the source image's own pixels.
        area: share of the source image's pixels in it.
        claim: what was found of it.
        necessity: what is predicted without it.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    claim: Claim
    necessity: Necessity


@dataclass(frozen=True, slots=True)
class Agreement:
    """Masks of the same image under several seeds.

    Attributes:
        seeds: the seeds, this explanation's own first.
        shares: for each pixel of the source the share of masks that hold it.
        areas: areas of the masks, in the order of the seeds.
        iou: mean intersection over union of all pairs of masks.
        chance: what random masks of these areas would have.
        verified: how many of the masks hold their claim.
    """

    seeds: tuple[int, ...]
    shares: Float[Tensor, "h w"]
    areas: tuple[Share, ...]
    iou: Probability
    chance: Probability
    verified: Count


@dataclass(frozen=True, slots=True)
class MaskTests:
    """What was found of the mask besides its claim.

    Attributes:
        minimality: whether every patch of the mask is needed; null if that was not looked into.
        necessity: the deletion test: what is predicted when the evidence is hidden and the rest
            of the image shown.
        reinsertion: partial re-insertion: random patches of the hidden part shown again; hits are
            inputs that retain the label. Bounded from below.
        reinsertion_wanted: the bound on that rate that was asked for.
        shape_leakage: the mask over reference images' content; hits are inputs given the target.
            Bounded from above.
        silhouette: the mask filled with a constant colour; hits are inputs given the target.
            Bounded from above.
        alternatives: further sufficient masks, disjoint from this one and each other, in the
            order they were found.
        remainder_sufficient: whether what all these masks leave of the image is still sufficient,
            on a few samples; null where no alternatives were asked for.
        necessary_superset: the mask grown until it is necessary too; null if not asked for, or if
            none short of the whole image is.
        agreement: masks of the same image under several seeds; null if not asked for.
        negative: whether the label says that nothing was found: then what is sufficient may be
            the whole image.
    """

    minimality: Minimality | None
    necessity: Necessity
    reinsertion: Rate
    reinsertion_wanted: Share
    shape_leakage: Rate
    silhouette: Rate
    alternatives: tuple[Alternative, ...] = ()
    remainder_sufficient: bool | None = None
    necessary_superset: NecessarySuperset | None = None
    agreement: Agreement | None = None
    negative: bool = False


@dataclass(frozen=True, slots=True)
class QuietRegion:
    """How much of the image can be shown, in any random part, without another label coming up.

    Attributes:
        mask: true = may be shown, in the source image's own pixels; the largest region that was
            found, all of the image if that is possible.
        area: share of the source image's pixels in it.
        parts: random smooth parts of the region, each of a share drawn evenly from 0 to 1, over
            the baselines of the claim; hits are those in which no other label comes up (none is
            predicted with more than even odds, or with its threshold for sigmoid heads). Bounded
            from below, on samples of its own.
        wanted: the bound that was asked for.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    parts: Rate
    wanted: Share

    @property
    def holds(self) -> bool:
        """Whether the bound of `parts` reaches `wanted`."""
        return reaches(self.parts.bound, self.wanted)


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """What speaks most for the label that is second, and how far it goes.

    Attributes:
        label: name of the label that is second on the whole image.
        mask: true = the region that speaks most for it, in the source image's own pixels.
        area: share of the source image's pixels in it.
        p_image: probability of that label on the whole image.
        p_baseline: its mean probability on the baselines of the claim alone.
        p_region: its mean probability with the region shown alone over them.
        rise: by how much the region raises the log-odds of the label, on average.
        turned: masked inputs of the region alone; hits are those in which the label comes up, as
            in `QuietRegion.parts`. Bounded from below.
        controls: random smooth regions of equal area; hits are those that raise it as much or
            more. Bounded from above.
    """

    label: str
    mask: Bool[Tensor, "h w"]
    area: Share
    p_image: Probability
    p_baseline: Probability
    p_region: Probability
    rise: Annotated[float, Number(finite=False)]
    turned: Rate
    controls: Rate

    @property
    def holds(self) -> bool:
        """Whether the region raises the label, and more than every random region does."""
        return self.rise > 0 and not self.controls.hits


@dataclass(frozen=True, slots=True)
class Contrast:
    """The explanation the other way round, for a label that needs no evidence.

    Attributes:
        quiet: how much of the image can be shown without another label coming up.
        runner_up: what speaks most for the label that is second.
    """

    quiet: QuietRegion
    runner_up: RunnerUp


@dataclass(frozen=True, slots=True)
class Passes:
    """Inputs sent through the classifier by the whole explanation.

    Attributes:
        forward: inputs sent through it, forward.
        backward: the same, backward.
    """

    forward: Count
    backward: Count


OTHER_METHODS = ("grad_cam", "attention_rollout", "rise", "extremal_perturbations")


@dataclass(frozen=True, slots=True)
class FirstLook:
    """How often a mask retains the prediction over one baseline, on a few samples.

    Attributes:
        name: name of the baseline.
        samples: masked inputs.
        retained: of those, how many retain the prediction, as the claim asks it.
    """

    name: str
    samples: Count
    retained: Count


@dataclass(frozen=True, slots=True)
class OtherMethod:
    """What another method shows at the area of the evidence; nothing is claimed of it.

    Attributes:
        method: name of the method.
        layer: the layer that its map is of; null if it is of none, or of all.
        mask: true = the highest of its map, in the source image's own pixels.
        area: share of the source image's pixels in it.
        iou: intersection over union with the evidence.
        chance: what two random masks of these areas would have.
        looks: a first look, one entry for each baseline of the claim; empty where the target is
            not predicted.
        passes: inputs sent through the classifier for its map and the looks, not counted in the
            explanation's own.
    """

    method: Annotated[str, OneOf(OTHER_METHODS)]
    layer: str | None
    mask: Bool[Tensor, "h w"]
    area: Share
    iou: Probability
    chance: Probability
    looks: tuple[FirstLook, ...]
    passes: Passes


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of an explanation took.

    Attributes:
        name: name of the stage.
        forward: inputs sent through the classifier, forward.
        backward: the same, backward.
        seconds: wall time of it.
    """

    name: str
    forward: Count
    backward: Count
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class BaselineColours:
    """What the baselines grey and Gaussian noise are, one value for each channel, 255 is white.

    Attributes:
        grey: the colour of `grey`, and the mean of `gaussian`.
        spread: the standard deviation of `gaussian`.
        source: where the two come from, in words.
    """

    grey: tuple[Level, ...]
    spread: tuple[Level, ...]
    source: str


@dataclass(frozen=True, slots=True)
class RemovalFigures:
    """How a classifier takes one removal, measured on reference images.

    A label is given with confidence from 0.5 (of two labels from 0.75; sigmoid heads: from its
    threshold). Of two labels (softmax), `blank_confident`, `effect` and `mean_effect` are of the
    images of the label that blank input is not given, and `pull` is 0.

    Attributes:
        name: of the removal.
        references: reference images that it was measured on.
        blank_confident: share of them for which some label is given with confidence where nothing
            is shown.
        blank_own: the same for the image's own label.
        effect: share of them whose probability on the whole image lies at least `minimum_effect`
            above that where nothing is shown.
        mean_effect: mean of those differences.
        pull: over random masks that show 10, 30 or 50%: the label that takes most images of other
            labels with confidence, and its share of them.
        pull_label: that label.
        retained_25, retained_50, retained_75: share of random masks that show 25, 50 or 75% under
            which the image keeps its label; null where none was tried.
        masked: random masks that were tried.
    """

    name: str
    references: Count
    blank_confident: Probability
    blank_own: Probability
    effect: Probability
    mean_effect: Difference
    pull: Probability
    pull_label: str
    retained_25: Probability
    retained_50: Probability
    retained_75: Probability
    masked: Count


@dataclass(frozen=True, slots=True)
class RemovalChoice:
    """Which removals a classifier is explained with, by one rule, and the figures it rests on.

    Attributes:
        removal: names of the removals, the set that claims are relative to.
        rule: version of the rule, see docs/audit.md.
        fails: the conditions that fail for it; empty if it passes all.
        reason: why it is this one, in one sentence.
        source: `measured` for this run, read from an `audit` file, or the `default` where nothing
            could be measured.
        references: reference images that there were.
        passes: inputs sent through the classifier for it, forward.
        minimum_effect: what counts as an effect.
        figures: one entry for each removal that was measured, in the order of the rule.
        refused: removals inside the network that the classifier cannot have, each with why.
    """

    removal: tuple[str, ...]
    rule: str
    fails: tuple[str, ...]
    reason: str
    source: Annotated[str, OneOf(("measured", "audit", "default"))]
    references: Count
    passes: Count
    minimum_effect: Share
    figures: tuple[RemovalFigures, ...]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnFill:
    """A fill of the user's own: what is known of it.

    Attributes:
        name: as the settings have it, without `feathered_` and `fixed:`.
        kind: a `folder` of images, a function of a Python `file`, or a `function` given in Python.
        source: path of the folder, path and name, or name of the function.
        sha256: of the images' SHA-256, sorted; of the Python file and all that it imports from
            beside it; null of a function given in Python.
        images: in the folder; null of functions.
    """

    name: str
    kind: Annotated[str, OneOf(("folder", "file", "function"))]
    source: str
    sha256: str | None
    images: Count | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """A minimal region of one image, and what was found of it.

    Attributes:
        target: index of the explained class.
        label: name of the explained class.
        labels: names of all classes, in the order of the classifier's outputs.
        verified: true only if the claim holds on the mask as exported, read again from the file.
        status: how it ended, in one sentence.
        area: share of the source image's pixels in the mask.
        components: connected parts of the mask (8-neighbourhood).
        mask: true = evidence, in the source image's own pixels.
        soft: the searched scores in the model input, in [0, 1]; 1 = first to be retained.
        before: probability of each class on the whole image.
        after: probability of each class on the evidence over the first searched baseline.
        kl: Kullback-Leibler divergence from the probabilities before to those after, in nats
            (Bernoulli, summed over outputs, for sigmoid heads).
        claim: what was found of the mask, relative to a declared set of baselines.
        restricted: the smallest mask that holds on fewer baselines, if the full claim failed; else
            null. Never verified on the full set.
        beside: a second claim, over other removals; null if it was not asked for.
        ladder: the strongest weaker claim, where the claim holds on no mask of at most
            `refinement.large` of the image; null where it does, where the target is not
            predicted, and where `certification.ladder_passes` is 0.
        tests: what was found of the mask besides its claim; null where nothing can be explained.
        contrast: what would have to be there for another label; null unless the label says that
            nothing was found, or baselines alone give it, or if that was not asked for.
        passes: inputs sent through the classifier by the whole explanation, verification included.
        seconds: wall time spent.
        timeline: what each stage of the explanation took, in order.
        hooked_layers: names of the layers whose activations were matched.
        steps: the course of the search, one entry per step.
        cut_short: whether the budget of passes ended the search for a smaller mask, or for one
            that is certified; what is claimed was tested all the same.
        baseline_colours: of the baselines grey and Gaussian noise; null in a result of version
            1.1.
        removal_choice: how the removals were chosen for the classifier; null where they were
            named.
        fills: fills of the user's own among the removals.
        compared: what other methods show at equal area; empty if none was asked for, or if the
            mask is the whole image.
    """

    target: Count
    label: str
    labels: tuple[str, ...]
    verified: bool
    status: str
    area: Share
    components: Count
    mask: Bool[Tensor, "h w"]
    soft: Float[Tensor, "h1 w1"]
    before: tuple[Probability, ...]
    after: tuple[Probability, ...]
    kl: Rounded
    claim: Claim
    restricted: RestrictedClaim | None
    beside: BesideClaim | None = None
    ladder: Ladder | None = None
    tests: MaskTests | None = None
    contrast: Contrast | None = None
    passes: Passes
    seconds: Seconds
    timeline: tuple[Stage, ...] = ()
    hooked_layers: tuple[str, ...]
    steps: tuple[Step, ...]
    cut_short: bool = False
    baseline_colours: BaselineColours | None = None
    removal_choice: RemovalChoice | None = None
    fills: tuple[OwnFill, ...] = ()
    compared: tuple[OtherMethod, ...] = ()

    @property
    def probabilities(self) -> Mapping[str, Probability]:
        """Probability of each class on the whole image, by label."""
        return dict(zip(unique_names(self.labels), self.before, strict=True))

    @property
    def probabilities_after(self) -> Mapping[str, Probability]:
        """Probability of each class on the evidence over the first of `claim.searched`, by label.

        Labels as in `probabilities`.
        """
        return dict(zip(unique_names(self.labels), self.after, strict=True))

    @property
    def change(self) -> Difference:
        """Change of the target's probability: after minus before."""
        return self.after[self.target] - self.before[self.target]


def unique_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels as keys: one that occurs twice (ImageNet's "crane") gets its class index."""
    count = Counter(labels)
    return tuple(f"{x} #{i}" if count[x] > 1 else x for i, x in enumerate(labels))
