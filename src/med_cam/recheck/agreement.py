"""The map of several seeds' masks: as far as it can be checked without these masks."""

from collections.abc import Mapping
from io import BytesIO
from itertools import combinations
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import PIL.Image
import torch

from med_cam.case.case import Case
from med_cam.config.rules import SEEDS
from med_cam.images.overlap import chance_iou
from med_cam.recheck.further import area_of
from med_cam.report.file_names import AGREEMENT_FILE
from med_cam.report.headers import BROKEN, size_said
from med_cam.report.opening import content_of
from med_cam.report.saved import Saved
from med_cam.results.mask_tests import Agreement

STEP = 1 / 255  # of a grey level: the map's areas and those that are said may differ by one
ALL = 255  # the level where every mask is
NAN = float("nan")


def agreement_again(case: Case, saved: Saved, *, holds: bool) -> Agreement | None:
    """The agreement that follows from the settings, the areas that are said, and the map.

    Args:
        case: the image before the classifier.
        saved: the result; what needs the other masks is taken from it.
        holds: whether the claim on the explanation's own mask holds.
    """
    count, first = case.config.certification.seeds, case.config.seed
    if count < 2 or saved.document["tests"] is None:
        return None
    said: Mapping[str, Any] = saved.document["tests"]["agreement"] or {"areas": [], "verified": 0}
    said_areas = [float(area) for area in said["areas"][1:count]]  # JSON may have 1 for 1.0
    others = [*said_areas, *[NAN] * count][: count - 1]
    areas = (area_of(saved.mask), *others)
    share, iou = of_map(saved.folder / AGREEMENT_FILE, saved, said.get("iou", NAN), count)
    if not abs(share - fmean(areas)) <= STEP:
        areas = (areas[0], *[NAN] * (count - 1))
    return Agreement(
        seeds=tuple((first + i) % SEEDS for i in range(count)),
        shares=torch.zeros(0, 0),
        areas=areas,
        iou=iou,
        chance=fmean(chance_iou(a, b) for a, b in combinations(areas, 2)),
        verified=min(max(int(said["verified"]), int(holds)), count - int(not holds)),
    )


def of_map(path: Path, saved: Saved, iou: float | None, count: int) -> tuple[float, float]:
    """The mean of the map, and the overlap of two masks, which is read from it; else as said.

    NaN if it cannot be read or is of another size, which is seen before it is decoded.

    Raises:
        OutputError: it is no regular file, or too large a one.
    """
    try:
        content = content_of(path)
        if size_said(content) != tuple(saved.mask.shape):
            return NAN, NAN
        with PIL.Image.open(BytesIO(content), formats=("PNG",)) as picture:
            levels = np.asarray(picture.convert("L"))
    except BROKEN:
        return NAN, NAN
    some = int((levels > 0).sum())
    if count == 2:
        return float(levels.mean() / ALL), int((levels == ALL).sum()) / some if some else 1.0
    return float(levels.mean() / ALL), NAN if iou is None else float(iou)
