"""The one masked forward pass: a classifier before an image of which a mask hides a part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.utils import _pytree

from med_cam.config.baselines import INSIDE
from med_cam.masking.masked_input import masked_input
from med_cam.masking.scene import Scene
from med_cam.removal.feather import feathered
from med_cam.removal.hidden import Hidden
from med_cam.removal.samples import Samples, worn

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class View(Generic[Answer]):
    """A classifier before one image of which a mask hides a part: the one masked forward pass.

    Attributes:
        classifier: from normalised images b c h w to what is asked of them: probabilities b k,
            or logits and activations with gradients. With a `Hidden` behind the images it answers
            under a mask that works inside the network.
        scene: the image and its surroundings.
    """

    classifier: Callable[..., Answer]
    scene: Scene

    def over(
        self,
        mask: Bool[Tensor, "#b 1 h w"] | Float[Tensor, "#b 1 h w"],
        infill: Samples | Float[Tensor, "#b c h w"],
        *,
        content: Float[Tensor, "#b c h w"] | None = None,
    ) -> Answer:
        """The classifier on what the mask shows, over an infill (paper section 3.2).

        Args:
            mask: 1 shows the image, 0 the infill; hard, or soft with gradients.
            infill: samples of baselines, see `baseline`; some may work inside the network.
            content: shown in place of the image.
        """
        shown = self.scene.x if content is None else content
        if isinstance(infill, Samples):
            return self._over_samples(mask.to(shown), infill, shown)
        return self.classifier(masked_input(shown, mask.to(shown), infill))

    def _over_samples(
        self, mask: Float[Tensor, "#b 1 h w"], samples: Samples, shown: Float[Tensor, "#b c h w"]
    ) -> Answer:
        """The painted samples in one pass, each kind of edge and of removal inside in another."""
        count = max(len(mask), len(samples), len(shown))
        masks, contents = (t.expand(count, -1, -1, -1) for t in (mask, shown))
        every = samples if len(samples) == count else samples[[0] * count]
        order, answers = [], []
        kinds = list(zip(every.names, every.feathers, strict=True))
        for name, feather in dict.fromkeys(kinds):
            rows = [i for i, kind in enumerate(kinds) if kind == (name, feather)]
            part = every[rows]
            if name in INSIDE:  # padding is always shown, as it is over a painted baseline
                open_ = worn(masks[rows], part.rims).where(self.scene.valid, 1.0)
                answers.append(self.classifier(contents[rows], Hidden(name, open_)))
            else:
                edges = feathered(masks[rows], feather)
                infill = self._filled(name, masks[rows], contents[rows], part)
                inputs = masked_input(contents[rows], edges, infill)
                answers.append(self.classifier(inputs))
            order += rows
        back = torch.tensor(order).argsort()
        found: Answer = _pytree.tree_map(lambda *parts: torch.cat(parts)[back], *answers)
        return found

    def _filled(
        self,
        name: str,
        masks: Float[Tensor, "b 1 h w"],
        contents: Float[Tensor, "b c h w"],
        samples: Samples,
    ) -> Float[Tensor, "b c h w"]:
        """What is painted, by the user's own fill too; padding is shown, no gradient passes."""
        fill = self.scene.fills.get(name)
        if fill is None or isinstance(fill, Tensor):
            return samples.infill
        drawn = fill(contents.detach(), masks.detach() >= 0.5, samples.seeds)
        return torch.where(self.scene.valid, drawn, contents.detach())

    def hidden(self, infill: Samples | Float[Tensor, "n c h w"]) -> Answer:
        """The classifier on baselines alone; what would be painted in is grey then."""
        return self.over(torch.zeros_like(self.scene.x[:, :1]), infill)
