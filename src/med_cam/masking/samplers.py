"""The baselines: what is drawn in the place of what a mask hides, by name."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.config.baselines import (
    FEATHERED,
    FIXED,
    INSIDE,
    fill_name,
    hard,
    is_fixed,
    is_own,
)
from med_cam.masking.scene import Scene
from med_cam.removal.samples import Sampled, Samples, inside, joined, painted, to_fill


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


def baselines_in_turn(
    names: Sequence[str], scene: Scene, count: int, generator: Generator
) -> Sampled:
    """So many samples of baselines that take turns.

    Args:
        names: see `baseline`.
        scene: the image and what surrounds it.
        count: at least 1.
        generator: on the CPU.
    """
    return joined([baseline(names[i % len(names)], scene, generator) for i in range(count)])


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
