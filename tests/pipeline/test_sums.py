"""Of a network that sums over the whole image a region is sufficient, and so are others."""

import pytest
import torch

from med_cam.case.references import prepare_references
from med_cam.config.presets import PRESETS
from med_cam.config.toml import overlaid
from med_cam.pipeline.explain import explain
from med_cam.report.claims import claims
from med_cam.report.figure import figure
from sums import blocks, bright, classifier, dark

FEW = overlaid(
    PRESETS["default"],
    {
        "search": {"steps": 8},
        "refinement": {"attempts": 3},
        "certification": {"grown": 0, "patch": 12, "most_patches": 0},
    },
)
DISJOINT = (
    "not necessary: prediction unchanged in 17 of 17 samples without the region: other regions "
    "that do not overlap it suffice too"
)


def explained(image, *, given):
    generator = torch.Generator().manual_seed(3)
    image, model = image(generator), classifier()
    others = [dark(generator) for _ in range(6)]
    references = prepare_references(model, others) if given else None
    return image, explain(model, image, references=references, config=FEW)


def texts(drawing):
    """What a figure says, line by line."""
    return " ".join(" ".join(text.get_text() for text in drawing.axes[0].texts).split())


def test_the_claim_holds_and_the_figure_says_that_disjoint_regions_suffice_too():
    image, found = explained(bright, given=True)
    assert found.verified
    assert found.area < 0.4
    rest = image.pixels.mean(dim=0)[~found.mask]
    assert ((2 * rest - 1).sum() / found.mask.numel()).item() > 1 / 6  # light enough without it
    assert DISJOINT in texts(figure(image, found))
    assert DISJOINT in [claim.text for claim in claims(found)]


def test_without_reference_images_nothing_tells_that_not_any_image_is_enough():
    _, found = explained(bright, given=False)
    assert not found.verified


@pytest.mark.parametrize("given", [True, False])
def test_where_most_of_what_is_bright_is_needed_the_rest_is_not_said_to_suffice(given):
    image, found = explained(blocks, given=given)
    assert found.verified
    assert ("specificity" in {check.name for check in found.claim.checks}) != given
    assert "do not overlap" not in texts(figure(image, found))
