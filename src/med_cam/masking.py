"""Masked inputs: evidence over a baseline, and the baselines themselves.

All of it lives in the classifier's normalised space. There, zero is a mean colour ("grey": that
of the training set where it is declared, see `classifiers/colours.py`), and black pixels are
another value ("black"): two baselines, named apart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Generator, Tensor
from torch.utils import _pytree

from med_cam.config.baselines import (
    FEATHERED,
    FIXED,
    INSIDE,
    fill_name,
    hard,
    is_fixed,
    is_own,
)
from med_cam.removal.feather import feathered
from med_cam.removal.hidden import Hidden
from med_cam.removal.samples import Samples, inside, painted, to_fill, worn

Answer = TypeVar("Answer")
Fill = Callable[[Tensor, Tensor, tuple[int, ...]], Tensor]


@dataclass(frozen=True, slots=True)
class Scene:
    """One prepared image and what can be painted around its evidence.

    Attributes:
        x: the image as the classifier sees it, normalised.
        valid: true where the model input shows the image, false on the padding of the "pad" rule.
        black: zero pixels, normalised.
        white: full pixels, normalised.
        others: reference images, prepared alike; may be none (n = 0).
        alike: reference images where the classifier gives every one of them the explained label,
            so that there are no others.
        feather: radius of a feathered edge, in pixels of the model input.
        fills: of the user's own, by name: images of which one is drawn, or what paints around
            masks, from contents b c h w, hard masks b 1 h w and a seed for each.
    """

    x: Float[Tensor, "1 c h w"]
    valid: Bool[Tensor, "1 1 h w"]
    black: Float[Tensor, "1 c 1 1"]
    white: Float[Tensor, "1 c 1 1"]
    others: Float[Tensor, "n c h w"]
    alike: Float[Tensor, "k c h w"] | None = None
    feather: int = 0
    fills: Mapping[str, Fill | Tensor] = field(default_factory=dict)


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


def masked_input(
    x: Float[Tensor, "#b c h w"],
    mask: Float[Tensor, "#b 1 h w"],
    baseline: Float[Tensor, "#b c h w"],
) -> Float[Tensor, "b c h w"]:
    """Keep `x` where the mask is 1 and show the baseline where it is 0 (paper section 3.2).

    Over the baseline "grey" this is the paper's e = m * x. Where the baseline is NaN, it is
    painted in from what the mask shows, see `painted_in`.
    """
    if bool(baseline.sum().isnan()):  # a tenth of what looking at every pixel costs
        baseline = torch.where(baseline.isnan(), painted_in(x, mask), baseline)
    return mask * x + (1 - mask) * baseline


def painted_in(
    x: Float[Tensor, "#b c h w"], mask: Float[Tensor, "#b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """What the mask shows, carried on smoothly into what it hides.

    Push and pull over a pyramid (Gortler et al. 1996, doi 10.1145/237170.237200): each level takes
    the mean of what is shown in the four pixels below; a pixel without any is filled from the
    level above. Zero where nothing is shown at all.
    """
    values = mask * x
    return pulled(values, mask.expand(len(values), -1, -1, -1))


def pulled(
    values: Float[Tensor, "b c h w"], weights: Float[Tensor, "b 1 h w"]
) -> Float[Tensor, "b c h w"]:
    """One level of the pyramid, filled from the coarser ones."""
    own = values / weights.clamp(min=1e-6)
    if max(values.shape[2:]) == 1:
        return own
    coarser = pulled(halved(values), halved(weights))
    size = values.shape[2:]
    above = F.interpolate(coarser, size=size, mode="bilinear", align_corners=False)
    share = weights.clamp(max=1.0)
    return share * own + (1 - share) * above


def halved(values: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h1 w1"]:
    """Means of four pixels; of fewer at the far edges."""
    return F.avg_pool2d(values, 2, ceil_mode=True, count_include_pad=False)


def shifted(mask: Float[Tensor, "b 1 h w"], dy: int, dx: int) -> Float[Tensor, "b 1 h w"]:
    """The mask moved down by `dy` and right by `dx` pixels; what comes in at the edge is 0."""
    h, w = mask.shape[-2:]
    padded = F.pad(mask, (max(dx, 0), max(-dx, 0), max(dy, 0), max(-dy, 0)))
    return padded[..., max(-dy, 0) : max(-dy, 0) + h, max(-dx, 0) : max(-dx, 0) + w]


def baseline(name: str, scene: Scene, generator: Generator) -> Samples | Float[Tensor, "1 c h w"]:
    """One random sample of a baseline; on padding it shows what the image shows there.

    Args:
        name: a key of `BASELINES`, or one of the user's own.
        scene: the image and what surrounds it.
        generator: on the CPU, so that a claim can be sampled again on any machine.
    """
    if name in INSIDE:
        return inside(name, scene.x, None if name in FIXED else generator)
    if is_own(name) and not isinstance(scene.fills[fill_name(name)], Tensor):
        feather = scene.feather if name.startswith(FEATHERED) else 0
        return to_fill(fill_name(name), scene.x, None if is_fixed(name) else generator, feather)
    drawn = painting(hard(name), scene, generator)
    return painted(drawn, scene.feather) if name.startswith(FEATHERED) else drawn


def painting(name: str, scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """One random sample of a baseline that is painted: a key of `SAMPLERS`, or own images."""
    fill = scene.fills.get(name)
    if isinstance(fill, Tensor):
        drawn = one_of(fill, generator)
    else:
        drawn = SAMPLERS[name](scene, generator)
    return torch.where(scene.valid, drawn, scene.x)


def grey(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """The mean colour of the training or reference images: zero, normalised (the paper's)."""
    return torch.zeros_like(scene.x)


def black(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """Zero pixels."""
    return scene.black.expand_as(scene.x)


def white(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """Full pixels."""
    return scene.white.expand_as(scene.x)


def mean(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """The mean colour of the image itself."""
    return scene.x.mean(dim=(2, 3), keepdim=True).expand_as(scene.x)


def blur(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """The image itself, reduced to a tenth of its side and back: leaks its coarse content."""
    h, w = scene.x.shape[2:]
    coarse = F.adaptive_avg_pool2d(scene.x, (max(1, h // 10), max(1, w // 10)))
    return F.interpolate(coarse, size=(h, w), mode="bicubic", align_corners=False)


def gaussian(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """Independent N(0, 1) noise per pixel and channel, in normalised space (the paper's)."""
    return torch.randn(scene.x.shape, generator=generator).to(scene.x)


def uniform(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """Independent noise between black and white in every pixel and channel."""
    share = torch.rand(scene.x.shape, generator=generator).to(scene.x)
    return scene.black + share * (scene.white - scene.black)


def shuffled(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """The image's own pixels in random order: its histogram without its content."""
    order = torch.randperm(scene.x[0, 0].numel(), generator=generator).to(scene.x.device)
    return scene.x.flatten(2)[..., order].view_as(scene.x)


def others(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """A reference image that the classifier labels otherwise, drawn at random."""
    return one_of(scene.others, generator)


def one_of(images: Float[Tensor, "n c h w"], generator: Generator) -> Float[Tensor, "1 c h w"]:
    """One image of several, each as likely as any other."""
    index = int(torch.randint(len(images), (1,), generator=generator))
    return images[index : index + 1]


def inpainted(scene: Scene, generator: Generator) -> Float[Tensor, "1 c h w"]:
    """What the mask shows, carried on smoothly into what it hides; grey where nothing is shown.

    Drawn as NaN, a mark for `masked_input` to paint in.
    """
    return torch.full_like(scene.x, torch.nan)


SAMPLERS: Mapping[str, Callable[[Scene, Generator], Tensor]] = {  # as in config.baselines
    "grey": grey,
    "black": black,
    "white": white,
    "mean": mean,
    "blur": blur,
    "gaussian": gaussian,
    "uniform": uniform,
    "shuffled": shuffled,
    "others": others,
    "inpainted": inpainted,
}


def keep_most(scores: Float[Tensor, "1 1 h w"], share: float) -> Bool[Tensor, "1 1 h w"]:
    """The given share of the pixels, highest first, of equal ones the first; at least one.

    So masks of one map are nested; `topk` chooses among equal scores by the number wanted.
    """
    count = max(1, round(share * scores.numel()))
    chosen = torch.zeros(scores.numel(), dtype=torch.bool, device=scores.device)
    chosen[scores.flatten().argsort(descending=True, stable=True)[:count]] = True
    return chosen.view_as(scores)


def smooth_field(
    size: Sequence[int], cells: int, generator: Generator
) -> Float[Tensor, "1 1 h w"]:
    """A random field of so many independent values a side, bicubic between them."""
    coarse = torch.randn(1, 1, cells, cells, generator=generator)
    return F.interpolate(coarse, (size[0], size[1]), mode="bicubic", align_corners=False)
