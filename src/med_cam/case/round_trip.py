"""A mask as it comes back from its file: what is judged is what is exported."""

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.case import Case
from med_cam.images.mask_file import mask_from_png, mask_png


def exported(case: Case, mask: Bool[Tensor, "1 1 h w"]) -> Bool[Tensor, "h1 w1"]:
    """The mask in the source image's pixels, written as a file and read again."""
    return mask_from_png(mask_png(case.geometry.restore((mask & case.open).cpu())))


def reread(case: Case, mask: Bool[Tensor, "h1 w1"]) -> Bool[Tensor, "1 1 h w"]:
    """An exported mask in the model input."""
    return case.geometry.project(mask).to(case.scene.x.device)
