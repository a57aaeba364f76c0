"""A light U-Net, trained from scratch on one image."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn


class UNet(nn.Module):
    """Two convolutions a level, halved on the way down, skipped across on the way up.

    The last width is the bottleneck's: (32, 64, 128, 256, 512) is the paper's network.

    Args:
        channels: of the image.
        widths: channels at each level, finest first.
        transposed: up by transposed convolutions, as the paper's; else bilinear, which leaves no
            comb in the mask.
        generator: for the first weights.
    """

    def __init__(
        self, channels: int, widths: Sequence[int], generator: Generator, *, transposed: bool
    ) -> None:
        super().__init__()
        entries = [channels, *widths[:-1]]
        pairs = list(zip(widths[1:], widths[:-1], strict=True))[::-1]
        with torch.random.fork_rng(devices=[]):  # layers draw weights that are sampled again below
            self.down = nn.ModuleList(
                two_convolutions(i, o) for i, o in zip(entries, widths, strict=True)
            )
            self.rise = nn.ModuleList(
                nn.ConvTranspose2d(i, o, 2, stride=2) if transposed else nn.Conv2d(i, o, 1)
                for i, o in pairs
            )
            self.up = nn.ModuleList(two_convolutions(2 * o, o) for _, o in pairs)
            self.exit = nn.Conv2d(widths[0], 1, 1)
        self.transposed = transposed
        initialise(self, generator)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b 1 h w"]:
        """One score a pixel; zero everywhere before the first step."""
        skips = []
        for index, block in enumerate(self.down):
            x = block(x if index == 0 else F.max_pool2d(x, 2, ceil_mode=True))
            skips.append(x)
        for rise, block, skip in zip(self.rise, self.up, skips[-2::-1], strict=True):
            raised = rise(x) if self.transposed else rise(F.interpolate(x, scale_factor=2.0))
            x = block(torch.cat([raised[..., : skip.shape[2], : skip.shape[3]], skip], dim=1))
        scores: Tensor = self.exit(x)
        return scores


def two_convolutions(channels: int, width: int) -> nn.Sequential:
    """Convolution, group norm, SiLU, twice: one image has no batch statistics."""
    layers: list[nn.Module] = []
    for entry in (channels, width):
        layers += [
            nn.Conv2d(entry, width, 3, padding=1),
            nn.GroupNorm(min(8, width), width),
            nn.SiLU(),
        ]
    return nn.Sequential(*layers)


def initialise(unet: UNet, generator: Generator) -> None:
    """Draw all weights from the generator; the exit starts at zero: no place is favoured."""
    for parameter in unet.parameters():
        if parameter.ndim > 1:
            nn.init.kaiming_uniform_(parameter, a=5**0.5, generator=generator)
    for layer in unet.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and layer.bias is not None:
            nn.init.zeros_(layer.bias)
    nn.init.zeros_(unet.exit.weight)
