"""What a reader of a claim has to know besides its checks."""

from dataclasses import dataclass
from typing import Annotated

from med_cam.results.ranges import Number, OneOf

NOTICES = (  # most telling against the evidence first: the order in which they are shown
    "printed_text",
    "confidence_rises",
    "outline",
    "constant_fill",
    "random_regions",
    "whole_image",
    "reinsertion",
    "baseline_gives_label",
    "border",
    "surround",
    "unseen_baselines",
    "references_alike",
    "on_edge",
    "file",
    "older",
    "confident_blank",
    "no_references",
)


@dataclass(frozen=True, slots=True)
class Notice:
    """What a reader of a claim has to know besides its checks: a warning, or a plain fact.

    Attributes:
        kind: what it is about; `older` in a result that was saved without kinds.
        text: a sentence, with the figure that triggered it.
        figure: that figure, by which a kind that is common is judged; null if there is none.
        warns: true: it is shown as a warning. False: as a plain fact, since it comes up on most
            images and is not extreme, or is the same for all images of a run.
    """

    kind: Annotated[str, OneOf(NOTICES)]
    text: str
    figure: Annotated[float, Number(finite=False)]
    warns: bool
