"""The explanation of one image: the whole of what is found, of which the other files are parts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.results.claim import BesideClaim, Claim, RestrictedClaim
from med_cam.results.compared import OtherMethod
from med_cam.results.contrast import Contrast
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.results.passes import Passes, Stage
from med_cam.results.ranges import Count, Difference, Probability, Rounded, Seconds, Share
from med_cam.results.removal import BaselineColours, OwnFill, RemovalChoice
from med_cam.results.step import Step


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
        soft: the searched scores in the model input, in [0, 1]; 1 = first to be retained. All 0
            where nothing was searched.
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
