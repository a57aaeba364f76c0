"""Results written to a folder without explaining: what is said of each image is given."""

from dataclasses import replace

import numpy as np
import PIL.Image
import torch

from med_cam.classifiers.identity import Identity
from med_cam.images.read import read_image
from med_cam.report.circumstances import Circumstances, Platform
from med_cam.report.provenance import Provenance
from med_cam.report.write import write
from med_cam.results.certificate import Certificate, Spread
from med_cam.results.check import BaselineResult, Check
from med_cam.results.claim import Claim
from med_cam.results.explanation import Explanation
from med_cam.results.mask_tests import Agreement, MaskTests, Necessity
from med_cam.results.passes import Passes
from med_cam.results.rate import Rate
from warnings_of import warnings_of

LABELS = ("a", "b", "c")
SIDE = 20
LEVEL = Spread(0.1, 0.1, 0.1, 0.1, 0.1)
WEIGHTS = "b" * 64
IDENTITY = Identity(
    architecture="timm:resnet18",
    arguments={},
    labels=LABELS,
    input_size=(SIDE, SIDE),
    channels=1,
    mean=(0.5,),
    std=(0.25,),
    value_range=1.0,
    resize="squash",
    interpolation="bilinear",
    antialias=True,
    channel_order="rgb",
    standardise="dataset",
    crop_share=1.0,
    head="softmax",
    outputs="logits",
    thresholds=(),
    hooked_layers=("layer1",),
    weights={"model.safetensors": WEIGHTS},
    source_files={},
    state=None,
)
MADE = Circumstances(
    created="2026-11-26T01:02:03Z",
    command=("med-cam", "explain"),
    platform=Platform("Linux", "x86_64", "CPython 3.11.9"),
    environment="torch==2.13.0\n",
)


def picture(path, number):
    """A grey picture that no other number has."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(number).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    PIL.Image.fromarray(levels).save(path)
    return path


def columns(count, start=0):
    """A mask of so many columns, which are a twentieth of the image each."""
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[:, start : start + count] = True
    return mask


def explanation(p, mask, *, verified=True, bound=0.95, stability=1.0, **more):
    """Of the most probable label, `more` are fields of it; `tests` are those of `mask_tests`."""
    target = p.index(max(p))
    checks = (
        Check("sufficiency", 1.0 if verified else 0.5, 1.0, 20, True, verified),
        Check("shift_stability", stability, 0.9, 20, True, True),
    )
    certificate = Certificate(
        63, 63, 1, 1, 0.95, 1, 1, 0.05, bound, 0.95, "grey", 1.0, LEVEL, LEVEL
    )
    grey = BaselineResult("grey", True, 1, 1, 1, 0.9, 0.9, LABELS[0], 0.1, 0.0)
    claim = Claim(
        ("grey", "gaussian"), checks, (grey,), max(p), 0.1, 0.5, "none",
        warnings_of(*more.pop("warnings", ())), 0.1, None if bound is None else certificate,
    )  # fmt: skip
    found = Explanation(
        target=target,
        label=LABELS[target],
        labels=LABELS,
        verified=verified,
        status="As the test has it.",
        area=mask.float().mean().item(),
        components=1,
        mask=mask,
        soft=torch.zeros(SIDE, SIDE),
        before=tuple(p),
        after=tuple(p),
        kl=0.0,
        claim=claim,
        restricted=None,
        passes=Passes(10, 1),
        seconds=1.0,
        hooked_layers=("layer1",),
        steps=(),
    )
    return replace(found, **more)


def mask_tests(*, necessary=True, leaks=0, seeds=None):
    """What was found of a mask; of `seeds` (IoU, chance, masks that hold), of three."""
    agreement = None
    if seeds is not None:
        iou, chance, hold = seeds
        agreement = Agreement(
            (0, 1, 2), torch.zeros(SIDE, SIDE), (0.1, 0.1, 0.1), iou, chance, hold
        )
    return MaskTests(
        minimality=None,
        necessity=Necessity(10, 10 if necessary else 3, 10, LABELS[0], 0.1, 0.2, 0.9, 0.7, 0.95),
        reinsertion=Rate(20, 20, 0.95, 0.95),
        reinsertion_wanted=0.9,
        shape_leakage=Rate(20, leaks, 0.2, 0.95),
        silhouette=Rate(20, 0, 0.1, 0.95),
        agreement=agreement,
    )


def saved(out, name, found, *, number, identity=IDENTITY, config=None, called="net", place=None):
    """A result of a picture of its own; return its folder.

    Args:
        out: folder of all results.
        name: of the image, with the folder of its label, as in "a/1.png".
        found: the explanation.
        number: of the picture; the same number is the same image.
        identity: of the classifier.
        config: every setting.
        called: name of the classifier.
        place: of the result, if it is not that of the name.
    """
    image = read_image(picture(out.parent / "pictures" / name, number), channels=1)
    origin = Provenance(
        image_name=name,
        image_sha256=image.sha256,
        classifier=called,
        weights_sha256=next(iter(identity.weights.values()), ""),
        identity=identity,
        config={"seed": 0, "search": {"steps": 60}} if config is None else config,
        seed=0,
        preset="default",
        versions={"med-cam": "0.2.0", "torch": "2.13.0"},
        device="cpu",
        made=MADE,
    )
    folder = out / (place or name.rpartition(".")[0])
    write(found, image, folder, origin)
    return folder
