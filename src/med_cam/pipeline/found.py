"""The mask that is proposed for a certificate."""

from dataclasses import dataclass

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported
from med_cam.reduction.ground import Ground
from med_cam.results.claim import Claim
from med_cam.results.step import Step
from med_cam.search.disc_map import Looked
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.minimality import Mask


@dataclass(frozen=True, slots=True)
class Found:
    """A mask in the source's pixels, and the claims tried; the last is its own.

    Of a mask of regions there is none before its certificate.

    Attributes:
        mask: true = evidence, as exported.
        area: its share of the source's pixels.
        scores: what it was cut from, in the model input.
        claims: every claim tried.
        response: what is predicted for baselines alone.
        steps: of the search for the scores.
        ground: what it is reduced on, if it is made of regions.
        cut_short: whether the budget of passes ended what was done to it.
        looked: the discs that the search looked at.
        maps: those that the scores were chosen from, if they are of regions.
        deletion: the deletion map, if the mask began large.
    """

    mask: Bool[Tensor, "h w"]
    area: float
    scores: Float[Tensor, "1 1 h1 w1"]
    claims: tuple[Claim, ...]
    response: BaselineResponse
    steps: tuple[Step, ...] = ()
    ground: Ground | None = None
    cut_short: bool = False
    looked: Looked | None = None
    maps: Float[Tensor, "n 1 h1 w1"] | None = None
    deletion: Float[Tensor, "1 1 h1 w1"] | None = None

    @property
    def claim(self) -> Claim:
        """The claim on this mask."""
        return self.claims[-1]


def unclaimed(
    case: Case,
    mask: Mask,
    scores: Float[Tensor, "1 1 h w"],
    response: BaselineResponse,
    steps: tuple[Step, ...] = (),
    ground: Ground | None = None,
) -> Found:
    """This mask, of which nothing is claimed before its certificate."""
    source = exported(case, mask)
    return Found(source, source.float().mean().item(), scores, (), response, steps, ground)
