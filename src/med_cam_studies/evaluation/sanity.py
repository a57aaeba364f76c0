"""Whether an explanation depends on what the classifier has learned.

A classifier with shuffled weights still predicts something, and something small may suffice for
it. If the evidence came from the image alone, that would be the same place. So the image is
explained again by copies of the classifier with more and more layers shuffled (Adebayo et al.
2018, arXiv 1810.03292), each for its own prediction, and masks and scores are compared. The
differences are compared with what another seed changes when all weights are as they are.
"""

from dataclasses import dataclass, replace

from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.counting import BATCH
from med_cam.case.references import References, relabelled
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.images.overlap import chance_iou, iou
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam_studies.methods.randomised import randomised, stages

CONTROL = "none, another seed"
NEARER = 0.25  # of the way from chance to 1; masks of two seeds come to 0.4 of it in the mean
LARGER = 1.5  # times the area; growing after a failed claim is by steps of 1.15


@dataclass(frozen=True, slots=True)
class Sanity:
    """An explanation after a change of the classifier, against the one before.

    Attributes:
        stage: which layers were shuffled.
        label: what the changed classifier predicts, and is explained for.
        iou: intersection over union of the two masks.
        chance: what random masks of these areas would have.
        correlation: Spearman's, of the two maps of scores; 0 where one of them is the same
            everywhere and ranks nothing.
        before, after: areas of the two masks.
        verified: whether the claim on the mask after the change holds.
        forward: passes that the explanation after the change took.
    """

    stage: str
    label: str
    iou: float
    chance: float
    correlation: float
    before: float
    after: float
    verified: bool
    forward: int = 0

    @property
    def differs(self) -> bool:
        """Whether the mask lies elsewhere, is much larger, or is not verified.

        Elsewhere: the intersection over union is less than a quarter of the way from what chance
        gives to 1. Two masks that are both the whole image do not lie elsewhere.
        """
        elsewhere = self.iou < self.chance + NEARER * (1 - self.chance)
        return elsewhere or self.after >= LARGER * self.before or not self.verified


def sanity(
    classifier: Classifier,
    image: Image,
    *,
    config: Config,
    references: References | None = None,
    seed: int = 0,
) -> tuple[Sanity, ...]:
    """The image explained by the classifier as it is, and by each stage of the cascade.

    Args:
        classifier: stays as it is.
        image: one image.
        config: of all explanations.
        references: reference images; every shuffled classifier labels them anew, and its batch
            normalisation takes its statistics from them.
        seed: of the shuffling. Every stage begins with it, so that each shuffles the layers of the
            one before in the same way.

    Returns:
        The control first: the same classifier, the next seed of the search.
    """
    original = explain(classifier, image, config=config, references=references)
    reseeded = replace(config, seed=config.seed + 1)
    again = explain(classifier, image, config=reseeded, references=references)
    found = [compared(original, again, stage=CONTROL)]
    images = None if references is None or len(references.x) < 2 else references.x[:BATCH]
    for stage, layers in stages(classifier):
        other = randomised(classifier, layers, Generator().manual_seed(seed), images=images)
        known = None if references is None else relabelled(references, other)
        changed = explain(other, image, config=config, references=known)
        found.append(compared(original, changed, stage=stage))
    return tuple(found)


def compared(original: Explanation, other: Explanation, *, stage: str) -> Sanity:
    """Two explanations of the same image side by side."""
    return Sanity(
        stage=stage,
        label=other.label,
        iou=iou(original.mask, other.mask),
        chance=chance_iou(original.area, other.area),
        correlation=rank_correlation(original.soft, other.soft),
        before=original.area,
        after=other.area,
        verified=other.verified,
        forward=other.passes.forward,
    )


def rank_correlation(a: Float[Tensor, "h w"], b: Float[Tensor, "h w"]) -> float:
    """Spearman's rank correlation of two maps; 0 where one is the same everywhere."""
    from scipy.stats import spearmanr

    if a.max() == a.min() or b.max() == b.min():
        return 0.0
    return float(spearmanr(a.flatten().numpy(), b.flatten().numpy()).statistic)
