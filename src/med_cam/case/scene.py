"""The scene of a case: the prepared image, and the reference images that may stand in for it."""

from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.masking.scene import Scene
from med_cam.removal.feather import radius_of
from med_cam.verify.decision import Target, on_top


def scene_of(
    classifier: Classifier,
    x: Float[Tensor, "1 c h w"],
    valid: Bool[Tensor, "1 1 h w"],
    *,
    feather: float,
) -> Scene:
    """The image as the classifier sees it, before there are reference images or fills."""
    return Scene(
        x=x,
        valid=valid.to(x.device),
        black=classifier.black(),
        white=classifier.normalise(torch.ones_like(x[..., :1, :1])),
        others=x[:0],
        feather=radius_of(feather, *x.shape[2:]),
    )


def labelled_otherwise(
    references: References | None, target: Target, x: Float[Tensor, "1 c h w"]
) -> Float[Tensor, "n c h w"]:
    """The reference images that the classifier does not call the target."""
    if references is None:
        return x[:0]
    return references.x[~on_top(references.probabilities, target)]


def with_references(scene: Scene, references: References | None, target: Target) -> Scene:
    """The scene among the reference images labelled otherwise, or among all where none is."""
    others = labelled_otherwise(references, target, scene.x)
    alike = None if references is None or len(others) else references.x
    return replace(scene, others=others, alike=alike)
