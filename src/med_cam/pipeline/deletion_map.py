"""What each place costs if it is hidden: for weaker claims, and where a mask begins large."""

from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.seeds import LACK_MAP, fresh
from med_cam.masking.samplers import baselines_in_turn
from med_cam.search.disc_map import discs, standardised
from med_cam.verify.consistency import log_odds

PLACES, RADII = 5, (0.6, 0.35)  # discs per side, and their radii in halves of the shorter side
COST = PLACES**2 * len(RADII)  # passes


def deletion_map(case: Case) -> Float[Tensor, "1 1 h w"]:
    """How far the log-odds of the target fall, mean over the hidden discs that hold a pixel."""
    generator = fresh(case, LACK_MAP)
    x, names = case.scene.x, case.config.verification.baselines
    masks = discs(x.shape[2], x.shape[3], PLACES, RADII).to(x)
    infill = baselines_in_turn(names, case.scene, len(masks), generator)
    odds = -log_odds(case.batched.over(1 - masks, infill), case.target).to(x)
    total = (masks * odds[:, None, None, None]).sum(dim=0, keepdim=True)
    return standardised(total / masks.sum(dim=0, keepdim=True).clamp(min=1))
