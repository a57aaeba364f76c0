"""The evidence alone before the classifier, and all that a reader of its claim must know."""

from dataclasses import replace

import torch

from med_cam.case.case import Case
from med_cam.case.round_trip import reread
from med_cam.case.seeds import AFTER, fresh
from med_cam.certification.certificate import Exported
from med_cam.config.notices import notice, ranked
from med_cam.images.content import content, content_notices
from med_cam.masking.samplers import baseline
from med_cam.results.claim import Claim
from med_cam.results.mask_tests import MaskTests
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.divergence import bernoulli_kl, kl_divergence
from med_cam.verify.warnings import (
    confident_predictions,
    edge_notices,
    edge_of_claim,
    edge_of_tests,
    leak_notices,
)


def predicted_after(case: Case, mask: Exported) -> tuple[tuple[float, ...], float]:
    """Probabilities on the evidence over the first baseline, and how far from those before.

    Costs one pass (the paper's e = m * x).
    """
    name = case.config.verification.baselines[0]
    infill = baseline(name, case.scene, fresh(case, AFTER))
    with torch.no_grad():
        logits = case.outputs.over(reread(case, mask), infill).logits
    divergence = bernoulli_kl if case.target.head == "sigmoid" else kl_divergence
    after = tuple(case.classifier.probabilities(logits)[0].tolist())
    return after, divergence(logits, case.whole.logits).item()


def warned(
    case: Case, mask: Exported, claim: Claim, response: BaselineResponse, tests: MaskTests | None
) -> Claim:
    """The claim with all that a reader must know besides its checks."""
    found = [
        *claim.notices,
        *confident_predictions(response),
        *content_notices(content(case.source.pixels, mask)),
        *(notice("file", text) for text in case.source.notes),
    ]
    if tests is not None:
        found += leak_notices(claim, tests, mask.float().mean().item(), case.target.label)
        edges = (*edge_of_claim(claim.baselines, claim.checks), *edge_of_tests(tests))
        found = [one for one in found if one.kind != "on_edge"]  # said once, of all together
        found += edge_notices(edges)
    return replace(claim, notices=ranked(found))
