"""A made-up explanation with every field filled, for the tests of the reports."""

import json
import math
from dataclasses import replace
from functools import partial

import pytest
import torch
from PIL import Image as Picture

import saved_results
from med_cam.images.read import read_image
from med_cam.report.circumstances import Platform
from med_cam.report.document import to_json
from med_cam.report.provenance import Provenance
from med_cam.report.source import source_of
from med_cam.report.write import write
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim, RestrictedClaim
from med_cam.results.explanation import Explanation
from med_cam.results.mask_tests import (
    Agreement,
    Alternative,
    MaskTests,
    NecessarySuperset,
    Necessity,
)
from med_cam.results.minimality import Minimality, Patch
from med_cam.results.passes import Passes, Stage
from med_cam.results.rate import Rate
from med_cam.results.removal import OwnFill, RemovalChoice, RemovalFigures
from med_cam.results.step import Step
from warnings_of import warnings_of

CERTIFICATE = Certificate(
    samples=63,
    retained=63,
    fixed=1,
    fixed_retained=1,
    confidence=0.95,
    tried=1,
    draw=1,
    risk=0.04,
    bound=0.9501987654321098,
    wanted=0.95,
    worst="gaussian",
    worst_retained=1.0,
    margin=Spread(0.21, 0.31, 0.61, 0.81, 0.91),
    change=Spread(-0.4, -0.3, -0.2, -0.1, 0.01),
)
CHOICE = RemovalChoice(
    removal=("grey", "gaussian"),
    rule="1",
    fails=(),
    reason="the usual set passes",
    source="measured",
    references=32,
    passes=102,
    minimum_effect=0.2,
    figures=tuple(
        RemovalFigures(name, 16, 0.0, 0.0, 1.0, 0.7, 0.0, "glioma", 0.8, 0.9, math.nan, 0.25, 32)
        for name in ("grey", "gaussian")
    ),
    refused={},
)
NECESSITY = Necessity(17, 17, 17, "notumor", 0.03, 0.11, 0.9731234567891234, 0.838, 0.95)
MINIMALITY = Minimality(
    patch=16,
    patches=(*(Patch(4 + i // 6, i % 6, "sample", i) for i in range(22)), Patch(8, 0, "shift")),
    samples=tuple(range(8)),
    shifts=(0, 7),
    tolerance=1,
    sufficient=True,
    tested=61,
    rounds=2,
    before=0.14,
    after=0.1,
)

GREY = BaselineResult("grey", True, 1, 1, 1, 0.91, 0.91, "notumor", 0.25, 0.0)
NOISE = BaselineResult("gaussian", True, 63, 63, 63, 0.71, 0.83, "glioma", 0.24, 0.0)
BLACK = BaselineResult("black", False, 1, 0, 1, 0.4, 0.4, "notumor", 0.26, 0.0)

IDENTITY = replace(
    saved_results.IDENTITY,
    architecture="timm:mobilenetv2_100",
    arguments={"drop_rate": 0.2, "sizes": [1, 2]},
    labels=("glioma", "meningioma", "notumor"),
    input_size=(160, 160),
    channels=3,
    mean=(0.485, 0.456, 0.406),
    std=(0.229, 0.224, 0.225),
    crop_share=0.875,
    hooked_layers=("blocks.2", "blocks.5"),
    source_files={"net.py": "d" * 64},
)
MADE = replace(
    saved_results.MADE,
    command=("med-cam", "explain", "--seed", "7"),
    platform=Platform("Linux-6.1-x86_64", "x86_64", "CPython 3.11.9"),
    environment="numpy==2.4.0\ntorch==2.13.0\n",
)


@pytest.fixture
def mask():
    mask = torch.zeros(20, 30, dtype=torch.bool)
    mask[5:11, 8:18] = True
    return mask


@pytest.fixture
def claim():
    checks = (
        Check("sufficiency", 1.0, 1.0, 64, True, True),
        Check("shape_leakage", 1 / 24, 0.1, 24, False, True),
        Check("shift_stability", 23 / 24, 0.9, 24, True, True),
    )
    return Claim(
        ("grey", "gaussian"),
        checks,
        (GREY, NOISE, BLACK),
        0.9731234567891234,
        0.245,
        0.6090617283945617,
        "bundled images of other classes",
        warnings_of("the evidence is more confident (0.99) than the image (0.97)"),
        0.1,
        CERTIFICATE,
    )


def square(height, width, top, left, side):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[top : top + side, left : left + side] = True
    return mask


@pytest.fixture
def tests(claim):
    """With everything looked into, and all of it well."""
    others = (square(20, 30, 0, 0, 5), square(20, 30, 12, 20, 6))
    return MaskTests(
        minimality=MINIMALITY,
        necessity=NECESSITY,
        reinsertion=Rate(59, 59, 0.9505, 0.95),
        reinsertion_wanted=0.9,
        shape_leakage=Rate(24, 0, 0.1173, 0.95),
        silhouette=Rate(16, 0, 0.1707, 0.95),
        alternatives=tuple(Alternative(m, m.float().mean().item(), claim) for m in others),
        remainder_sufficient=False,
        necessary_superset=NecessarySuperset(
            square(20, 30, 2, 5, 14), 196 / 600, claim, NECESSITY
        ),
        agreement=Agreement(
            (7, 1, 2), torch.arange(600).view(20, 30) / 599, (0.1, 0.12, 0.09), 0.62, 0.12, 3
        ),
    )


@pytest.fixture
def explanation(mask, claim, tests):
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
        restricted=None,
        steps=(
            Step(0, 1.23456789, {"kl": 0.5, "area": 0.2}, 0.3),
            Step(1, float("nan"), {"kl": float("inf"), "area": 0.1}, 0.2),
        ),
        passes=Passes(380, 240),
        seconds=31.23456789,
        hooked_layers=("blocks.2", "blocks.5"),
        tests=tests,
        timeline=(Stage("search", 200, 240, 20.123456789), Stage("verify", 180, 0, 11.1)),
        removal_choice=CHOICE,
        fills=(OwnFill("folder:dark", "folder", "dark", "a" * 64, 8),),
    )


@pytest.fixture
def refused(explanation, claim, tests):
    """The same, not verified, with a fallback and nothing that holds."""
    certificate = replace(CERTIFICATE, retained=60, bound=0.8823, worst_retained=60 / 63)
    noise = replace(NOISE, retained=60, lowest=0.3)
    failed = replace(
        claim,
        checks=(
            Check("sufficiency", 61 / 64, 1.0, 64, True, False),
            Check("shape_leakage", 12 / 24, 0.1, 24, False, False),
            Check("shift_stability", 18 / 24, 0.9, 24, True, False),
        ),
        baselines=(GREY, noise, BLACK),
        certificate=certificate,
    )
    cells = (*MINIMALITY.patches[:21], Patch(8, 1, ""), Patch(8, 2, ""))
    disproved = replace(
        tests,
        minimality=replace(MINIMALITY, patches=cells),
        necessity=replace(NECESSITY, changed=8, lost=12, mean=0.5, highest=0.9, bound=0.26),
        reinsertion=Rate(59, 55, 0.8514, 0.95),
        shape_leakage=Rate(24, 12, 0.6797, 0.95),
        silhouette=Rate(16, 5, 0.5479, 0.95),
        alternatives=(),
        remainder_sufficient=None,
        necessary_superset=None,
        agreement=None,
        negative=True,
    )
    smaller = torch.zeros_like(explanation.mask)
    smaller[6:9, 9:15] = True
    only_grey = replace(claim, searched=("grey",), baselines=(GREY,), certificate=None)
    return replace(
        explanation,
        verified=False,
        status="Gaussian noise breaks the decision on 3 of 63 draws.",
        claim=failed,
        restricted=RestrictedClaim(smaller, 0.03, only_grey, ("gaussian",), 500_016),
        tests=disproved,
    )


@pytest.fixture
def bare(explanation):
    """As an older med-cam has it: no certificate, no proof, no stages."""
    claim = replace(explanation.claim, certificate=None)
    return replace(explanation, claim=claim, tests=None, timeline=())


@pytest.fixture
def image(tmp_path_factory):
    """Read from a grey picture of 20 x 30."""
    levels = torch.randint(256, (20, 30), generator=torch.Generator().manual_seed(0))
    path = tmp_path_factory.mktemp("scans") / "Scan.PNG"
    Picture.fromarray(levels.to(torch.uint8).numpy()).save(path)
    return read_image(path, channels=1)


@pytest.fixture
def source(image):
    """The copy of the image."""
    return source_of(image)


@pytest.fixture
def provenance(image):
    return Provenance(
        image_name="Scan.PNG",
        image_sha256=image.sha256,
        classifier="mobilenetv2_100",
        weights_sha256="b" * 64,
        identity=IDENTITY,
        config={"search": {"steps": 60, "areas": (0.05, 0.4)}, "seed": 7},
        seed=7,
        preset="default",
        versions={"med-cam": "0.1.0", "torch": "2.13.0", "python": "3.11.9"},
        device="cpu",
        made=MADE,
        references_sha256="c" * 64,
        contrast="glioma",
    )


@pytest.fixture
def describe(provenance, source):
    """The JSON values of an explanation."""
    return partial(to_json, provenance=provenance, source=source)


@pytest.fixture
def edit(folder):
    """Change the JSON of the result."""

    def change(function):
        path = folder / "explanation.json"
        document = json.loads(path.read_text("utf-8"))
        function(document)
        path.write_text(json.dumps(document), "utf-8")

    return change


@pytest.fixture
def instant_figure(monkeypatch):
    """Figures that are not drawn; the figure has tests of its own."""
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"figure")


@pytest.fixture
def folder(tmp_path, instant_figure, explanation, image, provenance):
    """A result with everything."""
    write(explanation, image, tmp_path / "run" / "scan", provenance)
    return tmp_path / "run" / "scan"
