"""Whether the evidence stays under another seed, and whether it goes with the weights."""

from collections.abc import Sequence
from statistics import mean, median

from torch import Generator

from med_cam.report.wording import percent
from med_cam_studies.dossier.sanity_file import Checked
from med_cam_studies.evaluation.intervals import interval
from med_cam_studies.evaluation.sanity import CONTROL, Sanity
from med_cam_studies.report.blocks import Block, Facts, Said, Section, Tabled, measured, share
from med_cam_studies.report.explained import Explained
from med_cam_studies.report.tables import Table

NO_SEEDS = (
    "Several seeds were not tried: med-cam explain IMAGES --model CLASSIFIER --seeds 3 --existing "
    "redo"
)
NO_SANITY = (
    "The sanity check with shuffled weights was not made: med-cam dossier DIR --sanity 4 --model "
    "CLASSIFIER --references FOLDER"
)
HEAD = ("weights shuffled", "differs", "IoU, by chance", "area", "sufficient", "same label")


def repeated(
    every: Sequence[Explained], *, generator: Generator, sanity: Sequence[Checked] = ()
) -> Section:
    """The section.

    Args:
        every: all images.
        generator: of the bootstrap.
        sanity: images that were explained with shuffled weights.
    """
    seeds, no_seeds = of_seeds(every, generator=generator)
    shuffled = of_weights(sanity) if sanity else (Said(f"{NO_SANITY}."),)
    no_sanity = () if sanity else (f"{NO_SANITY}.",)
    return Section("seeds", "Seeds and sanity", (*seeds, *shuffled), (*no_seeds, *no_sanity))


def of_seeds(
    every: Sequence[Explained], *, generator: Generator
) -> tuple[tuple[Block, ...], tuple[str, ...]]:
    """How alike the masks of several seeds are, and what is missing for that."""
    found = [one.seeds for one in every if one.seeds is not None]
    if not found:
        text = f"{NO_SEEDS} (0 of {len(every)} results have them)."
        return (Said(text),), (f"{NO_SEEDS}.",)
    iou = measured(interval([seeds.iou for seeds in found], generator=generator))
    masks = sum(seeds.masks for seeds in found)
    facts = {
        "Results with several seeds": f"{len(found)} of {len(every)}",
        "Mean IoU of masks of one image": f"{iou}, {len(found)} images",
        "The same of random masks": f"{mean(seeds.chance for seeds in found):.2f}",
        "Masks that are sufficient": share(sum(seeds.verified for seeds in found), masks),
    }
    return (Facts(facts),), ()


def of_weights(sanity: Sequence[Checked]) -> tuple[Block, ...]:
    """What became of the evidence when weights were shuffled, the control first."""
    stages: dict[str, list[tuple[str, Sanity]]] = {}
    for one in sanity:
        for stage in one.stages:
            stages.setdefault(stage.stage, []).append((one.label, stage))
    rows = tuple((name, *_cells(found)) for name, found in stages.items())
    passes = sum(stage.forward for one in sanity for stage in one.stages)
    images = "1 image was" if len(sanity) == 1 else f"{len(sanity)} images were"
    text = (
        f"Sanity check (Adebayo et al. 2018): {images} explained again by copies of the "
        "classifier whose weights were shuffled, from the output side down, each for its own "
        f"prediction ({passes:,} forward passes). Evidence that depends on what was learned has "
        "to differ then: lie elsewhere (IoU less than a quarter of the way from chance to 1), be "
        "1.5 times as large or more, or fail its test. The first row is the control: the weights "
        "as they are, another seed."
    )
    return (Said(text), *_alarm(stages), Tabled("Evidence of shuffled weights", Table(HEAD, rows)))


def _alarm(stages: dict[str, list[tuple[str, Sanity]]]) -> tuple[Said, ...]:
    """What a reader must not miss: evidence that stays when nothing learned is left."""
    last = [found for name, found in stages.items() if name != CONTROL][-1:]
    stay = sum(not stage.differs for found in last for _, stage in found)
    if not stay:
        return ()
    of = sum(map(len, last))
    text = (
        f"With all layers shuffled the evidence stayed in {stay} of {of}: there it does not "
        "depend on what the classifier has learned."
    )
    return (Said(text, alert=True),)


def _cells(found: Sequence[tuple[str, Sanity]]) -> tuple[str, ...]:
    """A row: counts with their denominator, medians of the rest."""
    of, each = len(found), [stage for _, stage in found]
    return (
        f"{sum(stage.differs for stage in each)} of {of}",
        f"{median(s.iou for s in each):.2f}, {median(s.chance for s in each):.2f}",
        percent(median(stage.after for stage in each)),
        f"{sum(stage.verified for stage in each)} of {of}",
        f"{sum(stage.label == label for label, stage in found)} of {of}",
    )
