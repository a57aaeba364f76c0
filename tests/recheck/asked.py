"""A toy classifier, saved results of which little is looked at, and stubs of what is asked."""

from dataclasses import replace
from pathlib import Path

import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Certification, Config
from med_cam.images.image import Image
from med_cam.recheck import besides, claims, minimality as patches, nothing, outcome, recheck
from med_cam.recheck.compare import Verdict
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import Necessity
from med_cam.results.minimality import Minimality
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision

SIDE, SEED = 8, 11
PLAIN = Config(seed=SEED, certification=Certification(contrast=False))
PATCHES = Minimality(2, (), (), (), 3, True, 9, 1, 0.5, 0.25)


def in_place(monkeypatch, name, stub):
    """A stub in place of a function in every file of the re-check that calls it."""
    found = [m for m in (besides, claims, nothing, outcome, patches, recheck) if hasattr(m, name)]
    assert found
    for module in found:
        monkeypatch.setattr(module, name, stub)


class Halves(nn.Module):
    """Whether the upper half is brighter than the lower one."""

    def __init__(self):
        super().__init__()
        self.shown = []

    def forward(self, x):
        self.shown.append(len(x))
        upper, lower = x.mean(dim=(1, 3)).chunk(2, dim=1)
        return torch.stack([upper.sum(dim=1), lower.sum(dim=1)], dim=1)


def classifier_of(module):
    return Classifier(module, ("upper", "lower"), (SIDE, SIDE), 1, (0.5,), (0.5,), sha256="ab")


IMAGE = Image(torch.cat([torch.ones(1, 4, SIDE), torch.zeros(1, 4, SIDE)], dim=1))


def rows(*numbers):
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[list(numbers)] = True
    return mask


def claim_of(tried, *, draw=None, searched=("grey",), samples=1):
    """Of the certificate of this number, on the draw of samples after it if no other is told."""
    certificate = {"tried": tried, "draw": draw or tried + 1}
    baselines = [{"name": name, "searched": True, "samples": samples} for name in searched]
    return {"certificate": certificate, "searched": list(searched), "baselines": baselines}


def saved_with(mask, *others, remainder=None, superset=None, restricted=None):
    """A result of which only masks, numbers of tries and seeds are looked at."""
    tests = {
        "alternatives": [{"claim": claim_of(tried)} for _, tried in others],
        "remainder_sufficient": remainder,
        "necessary_superset": superset and {"claim": claim_of(superset[1]), "necessity": "said"},
        "minimality": None,
    }
    document = {
        "config": {},
        "tests": tests,
        "claim": claim_of(4),
        "restricted_claim": None,
        "ladder": None,
        "contrast": None,
    }
    if restricted:
        _, tried, names, seed = restricted
        document["restricted_claim"] = {"claim": claim_of(tried, searched=names), "seed": seed}
    return Saved(
        Path("nowhere"), document, IMAGE, mask, tuple(mask for mask, _ in others),
        superset and superset[0], restricted and restricted[0],
    )  # fmt: skip


def numbered(number):
    """A claim that is known again."""
    return Claim(("grey",), (), (), 0.9, 0.2, 0.6, str(number), ())


def response_of(case):
    """A response that tells the seed it was asked under."""
    return BaselineResponse({}, Decision(case.target, case.config.seed / 2**32, 0.5))


def of_claim(prefix, reported, now):
    """A verdict that is named by its prefix, what was reported, and the claim that came out."""
    tried = reported["certificate"]["tried"]
    yield Verdict(f"{prefix}{tried} {now.reference_images}", True, True, "", "")


def asking(case, **rules):
    """The case under settings that ask for more."""
    certification = replace(PLAIN.certification, **rules)
    return replace(case, config=replace(case.config, certification=certification))


def without(changed):
    """What is found of the rest of the image, known again by its number."""
    return Necessity(9, changed, 4, "dark", 0.1, 0.2, 0.9, 0.3, 0.95)
