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
        threshold: probability of the target that the search asks of masked inputs.
        logits: on the whole image.
        probabilities: on the whole image.
        activations: of the tapped layers on the whole image, in the order of the taps.
    """

    target: int
    head: str
    threshold: float
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
class BaselineResult:
    """How the mask fared over one baseline, and what that baseline alone is called.

    Attributes:
        name: as in `masking.BACKGROUNDS`.
        searched: whether the search and the claim rest on it, or it is only reported.
        samples: masked inputs drawn.
        retained: samples on which the decision was retained (top-1 and the retained share).
        retained_top1: samples on which the target was merely top-1 (the paper's weaker figure).
        lowest: lowest probability of the target over the samples.
        mean: mean probability of the target over the samples.
        baseline_label: the label most often given to the baseline without any evidence.
        baseline_probability: mean probability of the target on the baseline alone.
        baseline_retained: share of samples on which the baseline alone gives the target.
    """

    name: str
    searched: bool
    samples: int
    retained: int
    retained_top1: int
    lowest: float
    mean: float
    baseline_label: str
    baseline_probability: float
    baseline_retained: float


@dataclass(frozen=True, slots=True)
class Check:
    """One tested property of the hard mask, with the number it was judged by.

    `value` and `threshold` are rates in [0, 1] over `trials` masked inputs. `at_least` tells on
    which side of the threshold the value has to lie.
    """

    name: str
    value: float
    threshold: float
    trials: int
    at_least: bool
    passed: bool


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over many samples: its extremes, its 5th, 50th and 95th percentile."""

    lowest: float
    low: float
    middle: float
    high: float
    highest: float


def reaches(bound: float, wanted: float) -> bool:
    """Whether a bound is as high as it was asked for, but for rounding."""
    return bound >= wanted - 1e-12


@dataclass(frozen=True, slots=True)
class Certificate:
    """How often, at least, a hard mask retains the prediction over the baselines of its claim.

    Attributes:
        samples: masked inputs over random baselines, evenly of each.
        retained: of those, how many retains the prediction.
        fixed: baselines that are the same at every sample; one masked input tells all of them.
        fixed_retained: of those, how many retains the prediction.
        confidence: of all masks together that were put to a certificate for this image.
        tried: which of them this one is, from 1.
        risk: with which probability at most the bound is too high; 1 - confidence is shared out
            among the masks tried.
        bound: lower bound on the probability that a sample retains the prediction, in [0, 1]: of the
            random baselines in even mixture, and of all of them in even mixture.
        wanted: the bound that was asked for.
        worst: the baseline that is retained least often.
        worst_retained: the share of its samples that retains the prediction.
        margin: over all samples, probability of the target less that of the best other class; for
            sigmoid heads less the output's threshold.
        change: over all samples, probability of the target less that on the whole image.
    """

    samples: int
    retained: int
    fixed: int
    fixed_retained: int
    confidence: float
    tried: int
    risk: float
    bound: float
    wanted: float
    worst: str
    worst_retained: float
    margin: Spread
    change: Spread

    @property
    def holds(self) -> bool:
        """Whether the bound reaches what was asked for, and no fixed baseline breaks it."""
        return reaches(self.bound, self.wanted) and self.fixed_retained == self.fixed


@dataclass(frozen=True, slots=True)
class Claim:
    """What was found of one hard mask, over a declared set of baselines.

    Attributes:
        searched: names of the baselines that the claim is relative to.
        checks: retained, shape, stable; the claim holds only if all passed.
        baselines: one result for each baseline, searched and unseen.
        p_image: probability of the target on the whole image.
        response: mean probability of the target on the searched baselines alone.
        threshold: the probability that a masked input has to reach.
        reference_images: source of the contents in the test of the mask's shape, in words.
        warnings: sentences, each with the figure that triggered it.
        minimum_effect: how far `full` has to lie above `empty` for there to be anything to keep.
        certificate: the exact bound that goes with the check "retained".
    """

    searched: tuple[str, ...]
    checks: tuple[Check, ...]
    baselines: tuple[BaselineResult, ...]
    p_image: float
    p_baseline: float
    threshold: float
    reference_images: str
    warnings: tuple[str, ...]
    minimum_effect: float = 0.0
    certificate: Certificate | None = None

    @property
    def holds(self) -> bool:
        """Whether every check passed, and there was something to keep."""
        return not self.baseline_suffices and all(check.passed for check in self.checks)

    @property
    def baseline_suffices(self) -> bool:
        """Whether the baselines alone give the target about as well as the whole image does."""
        return self.p_image - self.p_baseline < max(self.minimum_effect, 1e-9)


@dataclass(frozen=True, slots=True)
class RestrictedClaim:
    """The smallest mask that holds on the baselines the classifier is robust to.

    Never verified on the full set: `claim.searched` says which baselines it is relative to,
    `dropped` which were given up, `seed` from which its samples are.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim
    dropped: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of the grid that holds evidence, and what shows that it is needed.

    Attributes:
        row, column: of the grid, from its upper left corner.
        witness: "draw": without the patch the prediction is lost over the baseline of that number;
            "shift": it is lost in too many shifts; "": the patch is not needed.
        number: of the sample; -1 where there is none.
    """

    row: int
    column: int
    witness: str
    number: int = -1


@dataclass(frozen=True, slots=True)
class Minimality:
    """That no patch can be taken away, relative to a grid and a set of samples.

    Attributes:
        patch: side of a patch in pixels of the model input; the grid begins at its corner.
        patches: those that hold evidence.
        samples: numbers of the baselines over which the prediction has to be retained.
        shifts: numbers of the shifts in which it has to be retained.
        tolerance: how many of them may be lost all the same.
        sufficient: whether the mask as it is retains the prediction on all of them.
        tested: removals that were tried, of one patch or of several.
        rounds: how often the stage was gone through: again where a sample that was new broke the
            mask, on that sample too.
        before: area before the 1-minimal reduction, a share of the source image.
        after: area after it.
    """

    patch: int
    patches: tuple[Patch, ...]
    samples: tuple[int, ...]
    shifts: tuple[int, ...]
    tolerance: int
    sufficient: bool
    tested: int
    rounds: int
    before: float
    after: float

    @property
    def needed(self) -> int:
        """How many patches are needed."""
        return sum(bool(patch.witness) for patch in self.patches)

    @property
    def holds(self) -> bool:
        """Whether the mask is sufficient, and every patch of it needed."""
        return self.sufficient and self.needed == len(self.patches)


@dataclass(frozen=True, slots=True)
class Necessity:
    """What the classifier answers when the evidence is hidden and the rest of the image shown.

    Attributes:
        samples: masked inputs, over the baselines of the claim.
        changed: of those, how many are no longer given the target.
        lost: how many do not retains the prediction (probability below what is required).
        label: given most often.
        mean, highest: probability of the target over the samples.
        p_image: that on the whole image.
        bound: lower bound on the probability that a sample changes the answer.
        confidence: of that bound.
    """

    samples: int
    changed: int
    lost: int
    label: str
    mean: float
    highest: float
    p_image: float
    bound: float
    confidence: float

    @property
    def holds(self) -> bool:
        """Whether the answer changed on every sample."""
        return self.changed == self.samples


@dataclass(frozen=True, slots=True)
class Rate:
    """How often something happened, and the bound that is exact where trials are independent.

    Attributes:
        trials: masked inputs.
        hits: of those, how many.
        bound: on the probability, at `confidence`: from below or above, as the field says.
        confidence: of the bound.
    """

    trials: int
    hits: int
    bound: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another sufficient mask of the same image, disjoint from all before it."""

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim


@dataclass(frozen=True, slots=True)
class NecessarySuperset:
    """A second, larger mask: sufficient, and necessary too."""

    mask: Bool[Tensor, "h w"]
    area: float
    claim: Claim
    necessity: Necessity


@dataclass(frozen=True, slots=True)
class Agreement:
    """Masks of the same image under several seeds.

    Attributes:
        seeds: the seeds, the explanation's own first.
        shares: for each pixel of the source the share of masks that hold it, in [0, 1].
        areas: of the masks, in the order of the seeds.
        iou: mean intersection over union of all pairs.
        chance: what random masks of these areas would have.
        verified: how many of the masks hold their claim.
    """

    seeds: tuple[int, ...]
    shares: Float[Tensor, "h w"]
    areas: tuple[float, ...]
    iou: float
    chance: float
    verified: int


@dataclass(frozen=True, slots=True)
class MaskTests:
    """What was found of the mask besides its claim.

    Attributes:
        minimality: of its patches; None if no 1-minimal reduction was asked for.
        necessity: what is answered without it.
        reinsertion: random patches of the hidden patches re-inserted: how often the answer stays; bounded
            from below.
        reinsertion_wanted: the bound that was asked for.
        shape_leakage: the mask over reference images' content: how often it gives the target; bounded from
            above.
        silhouette: the mask filled with a constant: how often it gives the target.
        alternatives: further disjoint sufficient masks, in the order they were found.
        remainder_sufficient: True: what all masks leave of the image is not sufficient any more. None: not
            looked into, or the number asked for was reached first.
        necessary_superset: the mask grown until necessary too; None if not asked for or none short of the
            whole image is.
        agreement: under several seeds; None if not asked for.
        negative: whether the target says that nothing was found: then what is sufficient may be
            the whole image.
    """

    minimality: Minimality | None
    necessity: Necessity
    reinsertion: Rate
    reinsertion_wanted: float
    shape_leakage: Rate
    silhouette: Rate
    alternatives: tuple[Alternative, ...] = ()
    remainder_sufficient: bool | None = None
    necessary_superset: NecessarySuperset | None = None
    agreement: Agreement | None = None
    negative: bool = False


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of an explanation took: images through the classifier, and wall time."""

    name: str
    forward: int
    backward: int
    seconds: float


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
        soft: the searched scores in the model input, in [0, 1]; 1 = first to be retained.
        area: share of the source image's pixels in the mask, in [0, 1].
        status: how it ended, in one sentence.
        verified: true only if the claim holds on the mask as exported.
        before: probability of each class on the whole image.
        after: probability of each class on the evidence over the first searched baseline.
        kl: KL(before || after), in nats (Bernoulli, summed over outputs, for sigmoid heads).
        components: connected parts of the mask (8-neighbourhood).
        claim: checks, baselines, warnings.
        restricted: a restricted claim, if the full one failed; else None.
        steps: the course of the search.
        passes: classifier passes spent.
        seconds: wall time spent.
        hooked_layers: names of the layers whose activations were matched.
        tests: what was found of the mask besides its claim; None where there was nothing to keep.
        timeline: what each stage took, in order.
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
    restricted: RestrictedClaim | None
    steps: tuple[Step, ...]
    passes: Passes
    seconds: float
    hooked_layers: tuple[str, ...]
    tests: MaskTests | None = None
    timeline: tuple[Stage, ...] = ()
