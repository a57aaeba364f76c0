"""Explained images of no study, with every field filled."""

import torch

from med_cam_studies.evaluation.rows import OURS, Overlap, Row, Shown


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def row(n=0, **changed):
    """The n-th row; all differ in their numbers."""
    fields = {
        "image": f"scan-{n}.png",
        "folder": f"scan-{n}",
        "truth": "naevus",
        "label": "naevus",
        "before": 0.97 - n / 1000,
        "after": 0.9 - n / 1000,
        "area": 0.0912345678901 + n / 500,
        "verified": n % 3 != 2,
        "status": "9.1% of the image keeps the decision over grey, gaussian",
        "components": 1 + n % 4,
        "forward": 380 + n,
        "backward": 240,
        "seconds": 31.25 + n,
    }
    return Row(**(fields | changed))


def overlap(n=0):
    return Overlap(0.75 + n / 100, 0.5, 1 / 3, n % 2 == 0, 0.2)


def shown(n=0, *, size=(30, 40), maps=("grad_cam",), finding=False, **changed):
    """The n-th image: noise, with evidence in rows 5 to 14 and columns 8 to 23."""
    height, width = size
    pixels = torch.rand(3, height, width, generator=generator(n))
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 6 : height // 2, width // 5 : 3 * width // 5] = True
    outlined = mask.roll(3, dims=1) if finding else None
    overlaps = {OURS: overlap(n), "grad_cam": overlap(n + 1)} if finding else {}
    scores = {name: torch.rand(6, 8, generator=generator(7)) for name in maps}
    return Shown(row(n, overlaps=overlaps, **changed), pixels, mask, scores, outlined)
