"""Our scores in the form that other libraries have theirs, so that their metrics run on them.

`attribute` is called as captum's methods are, the object itself as those of pytorch-grad-cam. Both
take what goes into the module: normalised images of the size of its input.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from med_cam.case.references import References
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.given import given, refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.rules import one_of, refuse_value
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ImageError
from med_cam.images.image import Image
from med_cam.pipeline import explain as pipeline

SLACK = 0.02  # of white that a pixel may lie beyond black or white: metrics add a little noise
SCORES = ("ranks", "mask")


@dataclass(frozen=True, slots=True)
class Attribution:
    """A classifier whose normalised inputs are attributed to, one explanation for each.

    Attributes:
        classifier: from `from_module` or `load_classifier`.
        config: settings; the preset `default` if not given.
        references: reference images, as `explain` takes them.
        scores: "ranks", the share of pixels that the search would give up before this one, in
            [0, 1]; or "mask", 1 in the mask that was tested and 0 elsewhere.

    Raises:
        ClassifierError: if the classifier is none, or standardises each image by itself.
        ConfigError: if `scores` is neither.
    """

    classifier: Classifier
    config: Config | None = None
    references: References | None = None
    scores: str = "ranks"

    def __post_init__(self) -> None:
        refuse_other("classifier", self.classifier, Classifier, A_CLASSIFIER, ClassifierError)
        refuse_value("scores", self.scores, one_of(*SCORES))
        if self.classifier.standardise != "dataset":
            raise ClassifierError(
                f"{self.classifier.name} standardises each image by itself, so that its pixels "
                "cannot be had back from its inputs; call explain with the images."
            )

    def attribute(
        self,
        inputs: Tensor | tuple[Tensor, ...],
        target: Any = None,  # noqa: ANN401  all that captum takes
        **_others: Any,  # noqa: ANN401  of captum's own methods
    ) -> Tensor | tuple[Tensor, ...]:
        """As captum: scores of the shape of the inputs, the same in every channel.

        Args:
            inputs: b c h w, normalised; or a tuple of one such tensor.
            target: of all images, or one for each; by default the class predicted.

        Raises:
            ImageError: the inputs are no normalised images of the classifier's input size.
        """
        if isinstance(inputs, tuple):
            return tuple(self.attribute(one, target) for one in inputs)  # type: ignore[misc]
        scores = torch.from_numpy(self(inputs, target)).to(inputs)
        return scores[:, None].expand_as(inputs).contiguous()

    @ordinary_torch()
    def __call__(
        self,
        input_tensor: Tensor | NDArray[Any],
        targets: Any = None,  # noqa: ANN401  numbers, or objects that hold one
        **_others: Any,  # noqa: ANN401  aug_smooth, eigen_smooth
    ) -> NDArray[np.float32]:
        """As pytorch-grad-cam: scores b h w in [0, 1].

        Args:
            input_tensor: b c h w, normalised.
            targets: one for each image, as a number or an object with a `category`; by default
                the class predicted.

        Raises:
            ImageError: the inputs are no normalised images of the classifier's input size.
        """
        x = torch.as_tensor(input_tensor).detach().clone()
        images = images_of(self.classifier, x)
        wanted = numbers(targets, len(images))
        found = [self._scores(image, k) for image, k in zip(images, wanted, strict=True)]
        return np.stack(found) if found else np.zeros((0, *x.shape[2:]), dtype=np.float32)

    def _scores(self, image: Image, target: int | None) -> NDArray[np.float32]:
        """Of one image of the model input's size, which is neither scaled nor cut again."""
        whole = replace(self.classifier, rule="squash", crop_share=1.0)
        config = self.config or PRESETS["default"]
        found = pipeline.explain(
            whole, image, target=target, config=config, references=self.references
        )
        scores = found.soft if self.scores == "ranks" else found.mask
        array: NDArray[np.float32] = scores.float().cpu().numpy()
        return array


def images_of(classifier: Classifier, x: Float[Tensor, "..."]) -> list[Image]:
    """The images behind normalised inputs b c h w.

    Raises:
        ImageError: another shape than the classifier takes, or pixels far from [0, 1].
    """
    shape = (classifier.channels, *classifier.input_size)
    if x.ndim != 4 or tuple(x.shape[1:]) != shape:
        raise ImageError(f"inputs must be b c h w with c h w = {shape}, got {tuple(x.shape)}.")
    x = x.cpu().float()
    mean, std = (x.new_tensor(v).view(1, -1, 1, 1) for v in (classifier.mean, classifier.std))
    pixels = (x * std + mean) / classifier.value_range
    if classifier.channel_order == "bgr":
        pixels = pixels.flip(1)
    low, high = (float(end) for end in pixels.aminmax()) if len(x) else (0.0, 1.0)
    if not (low >= -SLACK and high <= 1 + SLACK):  # NaN is neither
        raise ImageError(
            f"inputs are not normalised as {classifier.name} takes them: by its mean and std "
            f"their pixels lie in {low:.3g} to {high:.3g} of white."
        )
    return [Image(each) for each in pixels.clamp(0, 1)]


def numbers(targets: Any, count: int) -> Sequence[int | None]:  # noqa: ANN401  as above
    """One number of a class for each image.

    Raises:
        ClassifierError: there are not as many, or they are no numbers.
    """
    if targets is None:
        return [None] * count
    if isinstance(targets, Tensor | np.ndarray | np.generic):
        targets = targets.tolist()
    listed = list(targets) if isinstance(targets, Iterable) else [targets] * count
    found = [getattr(each, "category", each) for each in listed]
    whole = [k for k in found if isinstance(k, int | np.integer) and not isinstance(k, bool)]
    if len(found) not in (1, count) or len(whole) < len(found):
        raise ClassifierError(
            f"targets must be {count} numbers of classes, one for each image, got "
            f"{given(targets)}."
        )
    return [int(k) for k in (whole * count if len(whole) == 1 else whole)]
