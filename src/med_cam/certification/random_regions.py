"""Smooth random masks of the area of a mask, each before the classifier on a sample of its own."""

from collections.abc import Sequence
from itertools import islice

import torch

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import fresh
from med_cam.certification.certificate import Exported
from med_cam.masking.samplers import baselines_in_turn
from med_cam.results.ladder import Control
from med_cam.verify.random_masks import Margin, control, random_masks


def in_random_regions(
    case: Case, mask: Exported, names: Sequence[str], margin: Margin, count: int, purpose: int
) -> Control:
    """How many random masks of the same area do what is claimed of a mask; names take turns.

    Args:
        case: the image before the classifier.
        mask: as exported.
        names: of the baselines.
        margin: by how much masked inputs come out as it says.
        count: random masks.
        purpose: of their samples, see `case/seeds.py`.
    """
    generator, shown = fresh(case, purpose), reread(case, mask)
    masks = torch.cat([*islice(random_masks(shown, case.open, generator), count)])
    infill = baselines_in_turn(names, case.scene, count, generator)
    return control(masks, infill, margin)
