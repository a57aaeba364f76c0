"""A second claim on the same image, over other removals than the first: both are reported."""

from med_cam.case.case import Case
from med_cam.case.seeds import beside
from med_cam.pipeline.certify import smallest_certified
from med_cam.results.claim import BesideClaim


def beside_claim(case: Case) -> BesideClaim | None:
    """The smallest mask that is certified over `verification.beside`, on samples of its own.

    It may fail, and says so. None if it was not asked for, or the target is not predicted.
    """
    if not case.config.verification.beside or not case.predicted:
        return None
    second = beside(case)
    done = smallest_certified(second)
    images = len(second.scene.others)
    return BesideClaim(done.mask, done.area, done.claim, images, second.config.seed)
