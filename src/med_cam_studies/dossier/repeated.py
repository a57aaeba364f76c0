"""Whether the evidence stays under another seed, and whether it goes with the weights."""

from collections.abc import Sequence
from statistics import mean

from torch import Generator

from med_cam_studies.evaluation.intervals import interval
from med_cam_studies.report.blocks import Facts, Said, Section, measured, share
from med_cam_studies.report.explained import Explained

NO_SEEDS = (
    "Several seeds were not tried: med-cam explain IMAGES --model CLASSIFIER --seeds 3 --existing "
    "redo"
)
NO_SANITY = (
    "The sanity check with shuffled weights is in no result: python benchmarks/sanity.py, from "
    "the source of med-cam, makes it for the study brain-mri"
)


def repeated(every: Sequence[Explained], *, generator: Generator) -> Section:
    """The section.

    Args:
        every: all images.
        generator: of the bootstrap.
    """
    found = [one.seeds for one in every if one.seeds is not None]
    sanity = Said(f"{NO_SANITY}.")
    missing: tuple[str, ...] = (f"{NO_SANITY}.",)
    title = "Seeds and sanity"
    if not found:
        text = f"{NO_SEEDS} (0 of {len(every)} results have them)."
        return Section("seeds", title, (Said(text), sanity), (f"{NO_SEEDS}.", *missing))
    iou = measured(interval([seeds.iou for seeds in found], generator=generator))
    masks = sum(seeds.masks for seeds in found)
    facts = {
        "Results with several seeds": f"{len(found)} of {len(every)}",
        "Mean IoU of masks of one image": f"{iou}, {len(found)} images",
        "The same of random masks": f"{mean(seeds.chance for seeds in found):.2f}",
        "Masks that are sufficient": share(sum(seeds.verified for seeds in found), masks),
    }
    return Section("seeds", title, (Facts(facts), sanity), missing)
