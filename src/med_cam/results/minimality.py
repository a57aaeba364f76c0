"""That every part of a mask is needed."""

from dataclasses import dataclass
from typing import Annotated

from jaxtyping import Int
from torch import Tensor

from med_cam.results.edge import Edge
from med_cam.results.ranges import Count, Number, OneOf, Positive, Share


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a mask, and what shows that it is needed.

    Attributes:
        row: of a square, its row in the grid, from 0 at the top; of a part made of regions, the
            row of its first pixel in the source image.
        column: of a square, its column in the grid, from 0 at the left; of a part made of regions,
            the column of that pixel.
        witness: what shows that it is needed. `sample`: without it the prediction is lost on the
            random sample of that number. `shift`: it is lost in too many shifts. Empty: it is not
            needed.
        number: number of the random sample; -1 where there is none.
    """

    row: Count
    column: Count
    witness: Annotated[str, OneOf(("sample", "shift", ""))]
    number: Annotated[int, Number(-1)] = -1


@dataclass(frozen=True, slots=True)
class Minimality:
    """That no patch can be removed, relative to its patches and a set of random samples.

    Patches are squares of a grid, or parts made of the image's own regions.

    Attributes:
        patch: side of a square in pixels of the model input; the grid begins at its upper left
            corner. Of regions, the side of a square of their mean area; a part has one or more.
        patches: one entry for each patch that holds evidence; the n-th part has the number n in
            `regions`.
        samples: numbers of the random samples on which the prediction has to be retained.
        shifts: numbers of the shifts in which it has to be retained.
        tolerance: on how many of them it may be lost all the same.
        sufficient: whether the mask as it is retains the prediction on all of them.
        tested: removals that were tried, of one patch or of several.
        rounds: how often the reduction was run: again where a new sample was a counterexample, on
            that sample too.
        before: area before patches were removed, a share of the source image's pixels.
        after: area after that.
        edge: how near it is to another outcome that a patch is needed, or the mask sufficient, one
            outcome each; null if that was not looked at.
        regions: the parts that a mask of regions is made of: on each pixel of the source image
            the number of its part from 1, 0 outside of the mask; null where patches are squares.
    """

    patch: Positive
    patches: tuple[Patch, ...]
    samples: tuple[Count, ...]
    shifts: tuple[Count, ...]
    tolerance: Count
    sufficient: bool
    tested: Count
    rounds: Count
    before: Share
    after: Share
    edge: Edge | None = None
    regions: Int[Tensor, "h w"] | None = None

    @property
    def needed(self) -> Count:
        """How many patches are needed."""
        return sum(bool(patch.witness) for patch in self.patches)

    @property
    def holds(self) -> bool:
        """Whether the mask is sufficient on these samples, and every patch of it needed."""
        return self.sufficient and self.needed == len(self.patches)
