"""What is known of the numbers and words of explanation.json, as annotations of their fields."""

from dataclasses import dataclass
from typing import Annotated


@dataclass(frozen=True, slots=True)
class Number:
    """What is known of a number.

    Attributes:
        low, high: it lies between them, both included; None is no limit.
        finite: whether it is always a number, never NaN or infinity.
        digits: that are written to JSON; None is all of them.
    """

    low: int | None = None
    high: int | None = None
    finite: bool = True
    digits: int | None = None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The strings that a field may hold."""

    values: tuple[str, ...]


Count = Annotated[int, Number(0)]
Positive = Annotated[int, Number(1)]
Share = Annotated[float, Number(0, 1)]  # set, or counted of one trial or more
Probability = Annotated[float, Number(0, 1, finite=False)]  # or a mean of what may be none
Limit = Annotated[float, Number(0, finite=False)]  # of a rate; a margin may lift it above 1
Difference = Annotated[float, Number(-1, 1, finite=False)]  # of two probabilities
Level = Annotated[float, Number(0)]  # 255 is white
Rounded = Annotated[float, Number(finite=False, digits=6)]
Seconds = Annotated[float, Number(0, finite=False, digits=6)]
