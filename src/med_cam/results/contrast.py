"""The explanation the other way round, for a label that needs no evidence."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Bool
from torch import Tensor

from med_cam.results.certificate import reaches
from med_cam.results.ranges import Number, Probability, Share
from med_cam.results.rate import Rate


@dataclass(frozen=True, slots=True)
class QuietRegion:
    """How much of the image can be shown, in any random part, without another label coming up.

    Attributes:
        mask: true = may be shown, in the source image's own pixels; the largest region that was
            found, all of the image if that is possible.
        area: share of the source image's pixels in it.
        parts: random smooth parts of the region, each of a share drawn evenly from 0 to 1, over
            the baselines of the claim; hits are those in which no other label comes up (none is
            predicted with more than even odds, or with its threshold for sigmoid heads). Bounded
            from below, on samples of its own.
        wanted: the bound that was asked for.
    """

    mask: Bool[Tensor, "h w"]
    area: Share
    parts: Rate
    wanted: Share

    @property
    def holds(self) -> bool:
        """Whether the bound of `parts` reaches `wanted`."""
        return reaches(self.parts.bound, self.wanted)


@dataclass(frozen=True, slots=True)
class RunnerUp:
    """What speaks most for the label that is second, and how far it goes.

    Attributes:
        label: name of the label that is second on the whole image.
        mask: true = the region that speaks most for it, in the source image's own pixels.
        area: share of the source image's pixels in it.
        p_image: probability of that label on the whole image.
        p_baseline: its mean probability on the baselines of the claim alone.
        p_region: its mean probability with the region shown alone over them.
        rise: by how much the region raises the log-odds of the label, on average.
        turned: masked inputs of the region alone; hits are those in which the label comes up, as
            in `QuietRegion.parts`. Bounded from below.
        controls: random smooth regions of equal area; hits are those that raise it as much or
            more. Bounded from above.
    """

    label: str
    mask: Bool[Tensor, "h w"]
    area: Share
    p_image: Probability
    p_baseline: Probability
    p_region: Probability
    rise: Annotated[float, Number(finite=False)]
    turned: Rate
    controls: Rate

    @property
    def holds(self) -> bool:
        """Whether the region raises the label, and more than every random region does."""
        return self.rise > 0 and not self.controls.hits


@dataclass(frozen=True, slots=True)
class Contrast:
    """The explanation the other way round, for a label that needs no evidence.

    Attributes:
        quiet: how much of the image can be shown without another label coming up.
        runner_up: what speaks most for the label that is second.
    """

    quiet: QuietRegion
    runner_up: RunnerUp
