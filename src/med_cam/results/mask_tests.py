"""What is found of a mask besides its claim: is it minimal, necessary, the only one?"""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.results.claim import Claim
from med_cam.results.edge import Edge
from med_cam.results.minimality import Minimality
from med_cam.results.ranges import Count, Probability, Share
from med_cam.results.rate import Rate


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
        random_regions: smooth random masks of the same area, each on one sample of its own; hits
            are those that retain the prediction. Bounded from above; null where the mask is all
            that can be shown, or the settings ask for none.
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
    random_regions: Rate | None = None
    alternatives: tuple[Alternative, ...] = ()
    remainder_sufficient: bool | None = None
    necessary_superset: NecessarySuperset | None = None
    agreement: Agreement | None = None
    negative: bool = False
