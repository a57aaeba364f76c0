"""What an explanation took."""

from dataclasses import dataclass

from med_cam.results.ranges import Count, Seconds


@dataclass(frozen=True, slots=True)
class Passes:
    """Inputs sent through the classifier by the whole explanation.

    Attributes:
        forward: inputs sent through it, forward.
        backward: the same, backward.
    """

    forward: Count
    backward: Count


@dataclass(frozen=True, slots=True)
class Stage:
    """What one stage of an explanation took.

    Attributes:
        name: name of the stage.
        forward: inputs sent through the classifier, forward.
        backward: the same, backward.
        seconds: wall time of it.
    """

    name: str
    forward: Count
    backward: Count
    seconds: Seconds
