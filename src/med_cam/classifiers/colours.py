"""The colour of "grey" and the spread of "Gaussian noise", in pixels, wherever normalisation is.

Baselines are painted in pixels: grey is the mean colour of the pictures a network was trained on,
noise has their standard deviation. mean and std of a description are these numbers only if they
standardise pixels. For a network that normalises inside they are 0 and 1 or the like, and what is
zero at its door is black, or noise that nobody sees. Then the colours come from the reference
images, and without any they are middle grey and a quarter of the range.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NEAR = 0.02  # of black or of white; below it grey is no baseline of its own
FEWEST, MOST = 10 / 255, 1.0  # standard deviation of noise that can be seen, as a share of white
MIDDLE, QUARTER = 0.5, 0.25

DECLARED = "by the declared mean and std"
SAID = "by baseline_mean and baseline_std"
REFERENCES = "by the reference images"
ASSUMED = "by assumption"


@dataclass(frozen=True, slots=True)
class Colours:
    """What surrounds evidence, one value a channel, as shares of white.

    Attributes:
        grey: the colour of the baseline "grey", and the mean of "gaussian".
        spread: the standard deviation of "gaussian".
        source: where they come from: one of the texts above.
    """

    grey: tuple[float, ...]
    spread: tuple[float, ...]
    source: str

    @property
    def declared(self) -> bool:
        """Whether they are the declared mean and std."""
        return self.source == DECLARED


def fault_of(grey: Sequence[float], spread: Sequence[float]) -> str:
    """Why these are no baselines that hide something, in words; "" if they are.

    The rule: grey lies in [0, 1] in every channel and, on average of them, not within 2% of black
    or white; the noise's standard deviation is at least 10 of 255 and at most white, in every
    channel.
    """
    middle = sum(grey) / len(grey)
    if min(grey) < 0 or max(grey) > 1:
        return f"grey would be {in_levels(grey)} of 255, beyond black or white"
    if not NEAR < middle < 1 - NEAR:
        return f"grey would be {in_levels(grey)} of 255, {'black' if middle < 0.5 else 'white'}"
    if min(spread) < FEWEST or max(spread) > MOST:
        return f"noise would have a standard deviation of {in_levels(spread)} of 255"
    return ""


def colours_of(
    mean: Sequence[float], std: Sequence[float], value_range: float, *, of_pixels: bool = True
) -> Colours:
    """Those of a description before any reference images are known.

    Args:
        mean: as declared, of pixels in [0, value_range].
        std: as declared.
        value_range: what white is.
        of_pixels: whether they are taken from pixels as they are.
    """
    grey = tuple(value / value_range for value in mean)
    spread = tuple(value / value_range for value in std)
    if of_pixels and not fault_of(grey, spread):
        return Colours(grey, spread, DECLARED)
    return Colours((MIDDLE,) * len(grey), (QUARTER,) * len(grey), ASSUMED)


def in_levels(shares: Sequence[float]) -> str:
    """Shares of white as grey levels: "128", or three of them if channels differ."""
    levels = [f"{255 * share:.3g}" for share in shares]
    return levels[0] if len(set(levels)) == 1 else " ".join(levels)
