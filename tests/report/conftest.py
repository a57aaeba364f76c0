"""A made-up explanation with every field filled, for the tests of the reports."""

from dataclasses import replace

import pytest
import torch

from med_cam.images.geometry import Image
from med_cam.report.schema import Provenance
from med_cam.values import (
    BackgroundResult,
    Check,
    Claim,
    Explanation,
    Fallback,
    Passes,
    Step,
)

GREY = BackgroundResult("grey", True, 1, 1, 1, 0.91, 0.91, "notumor", 0.25, 0.0)
NOISE = BackgroundResult("gaussian", True, 8, 8, 8, 0.71, 0.83, "glioma", 0.24, 0.0)
BLACK = BackgroundResult("black", False, 1, 0, 1, 0.4, 0.4, "notumor", 0.26, 0.0)


@pytest.fixture
def mask():
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[5:11, 8:18] = True
    return mask


@pytest.fixture
def claim():
    checks = (
        Check("kept", 1.0, 1.0, 9, True, True),
        Check("shape", 1 / 24, 0.1, 24, False, True),
        Check("stable", 23 / 24, 0.9, 24, True, True),
    )
    return Claim(
        ("grey", "gaussian"),
        checks,
        (GREY, NOISE, BLACK),
        0.9731234567891234,
        0.245,
        0.6090617283945617,
        "bundled images of other classes",
        ("the evidence is more confident (0.99) than the image (0.97)",),
    )


@pytest.fixture
def explanation(mask, claim):
    return Explanation(
        target=1,
        label="meningioma",
        labels=("glioma", "meningioma", "notumor"),
        mask=mask,
        soft=torch.full((10, 10), 0.5),
        area=0.1,
        status="Verified: the decision rests on 10.0% of the image.",
        verified=True,
        before=(0.01, 0.9731234567891234, 0.0168765432108766),
        after=(0.05, 0.9012345678901234, 0.0487654321098766),
        kl=0.0312345678,
        components=1,
        claim=claim,
        fallback=None,
        steps=(
            Step(0, 1.23456789, {"kl": 0.5, "area": 0.2}, 0.3),
            Step(1, float("nan"), {"kl": float("inf"), "area": 0.1}, 0.2),
        ),
        passes=Passes(380, 240),
        seconds=31.23456789,
        taps=("blocks.2", "blocks.5"),
    )


@pytest.fixture
def refused(explanation, claim):
    """The same, not verified, with a fallback."""
    failed = replace(claim, checks=(Check("kept", 7 / 9, 1.0, 9, True, False), *claim.checks[1:]))
    smaller = torch.zeros_like(explanation.mask)
    smaller[6:9, 9:15] = True
    only_grey = replace(claim, searched=("grey",))
    return replace(
        explanation,
        verified=False,
        status="Gaussian noise breaks the decision on 2 of 8 draws.",
        claim=failed,
        fallback=Fallback(smaller, 0.03, only_grey, ("gaussian",)),
    )


@pytest.fixture
def image():
    pixels = torch.rand(1, 20, 30, generator=torch.Generator().manual_seed(0))
    return Image((pixels * 255).round() / 255, "scan.png", "a" * 64)


@pytest.fixture
def provenance():
    return Provenance(
        image_name="scan.png",
        image_sha256="a" * 64,
        image_size=(20, 30),
        classifier="mobilenetv2_100",
        weights_sha256="b" * 64,
        input_size=(160, 160),
        rule="squash",
        config={"search": {"steps": 60, "areas": (0.05, 0.4)}, "seed": 7},
        seed=7,
        preset="default",
        versions={"med-cam": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
        device="cpu",
    )
