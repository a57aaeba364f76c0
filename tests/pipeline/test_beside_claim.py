"""A second claim over other removals, beside the first."""

from dataclasses import replace

import pytest
import torch

from lit import BOX, FEW, REFINEMENT, SEARCH, SIDE, Lit
from med_cam.case.references import prepare_references
from med_cam.case.seeds import BESIDE
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config, Verification
from med_cam.errors import ConfigError
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.report.claims import claims

CONFIG = Config(
    search=SEARCH,
    refinement=REFINEMENT,
    verification=Verification(samples=3, unseen=(), beside=("feathered_others",), certified=0.9),
    certification=FEW,
)


class Crowded(Lit):
    """Lit where a square is bright, and other where much else is dark, as some images are."""

    def logits(self, x):
        left = x[:, 0, :, :8].mean(dim=(1, 2))
        return [*super().logits(x), -40 * (left + 0.5)]


def pixels(*, lit, left=0.5):
    image = torch.full((1, SIDE, SIDE), 0.5)
    image[:, :, :8] = left
    if lit:
        image[:, BOX, BOX] = 1.0
    return Image(image)


@pytest.fixture(scope="module")
def classifier():
    return Classifier(
        Crowded(), ("dark", "lit", "crowded"), (SIDE, SIDE), 1, (0.5,), (0.5,),
        hooked_layers=("act",),
    )  # fmt: skip


def others(classifier, *lefts):
    return prepare_references(classifier, [pixels(lit=False, left=left) for left in lefts])


@pytest.fixture(scope="module")
def found(classifier):
    """Reference images whose left edge speaks for another label: it has to be covered too."""
    references = others(classifier, 0.5, 0.05, 0.1)
    return explain(classifier, pixels(lit=True), config=CONFIG, references=references)


def test_both_claims_are_reported_each_with_its_own_area_and_bound(found):
    assert found.claim.searched == ("grey", "gaussian")
    assert found.beside.claim.searched == ("feathered_others",)
    assert found.claim.holds
    assert found.beside.claim.holds
    for claim in (found.claim, found.beside.claim):
        assert claim.certificate.bound >= 0.9
        spent = 0.2 ** (claim.certificate.tried - 1)  # by masks that were tried before
        assert claim.certificate.risk == pytest.approx(0.8 * 0.05 * spent)  # for each by itself
    assert found.beside.images == 3
    assert found.beside.area > found.area + 0.1


def test_the_left_edge_is_evidence_only_where_other_images_speak_against_it(found):
    """A share c of the edge that is covered leaves crowded at most 16 - 36 c, and lit has 10."""
    assert found.beside.mask[:, :7].float().mean() > 1 / 6
    assert found.mask[:, :7].float().mean() < 0.05


def test_the_status_and_the_tests_have_both_areas(found):
    assert f"{found.area:.1%} of the image is sufficient over grey, gaussian; " in found.status
    assert f"beside, over feathered_others: {found.beside.area:.1%} of the image" in found.status
    (said,) = [c for c in claims(found) if c.text.startswith("beside")]
    assert said.holds
    assert "one of 3 reference images, drawn at random" in said.text


def test_the_second_claim_has_samples_of_its_own(found):
    assert found.beside.seed == BESIDE


def test_it_changes_nothing_of_the_first(classifier, found):
    references = others(classifier, 0.5, 0.05, 0.1)
    alone = replace(CONFIG, verification=replace(CONFIG.verification, beside=()))
    one = explain(classifier, pixels(lit=True), config=alone, references=references)
    assert one.beside is None
    assert torch.equal(one.mask, found.mask)
    assert one.claim == found.claim


def test_a_second_claim_that_fails_says_so_and_leaves_the_first_verified(classifier):
    references = others(classifier, 0.5, 0.05)
    config = replace(CONFIG, verification=replace(CONFIG.verification, beside=("white",)))
    found = explain(classifier, pixels(lit=True), config=config, references=references)
    assert found.verified
    assert not found.beside.claim.holds  # over white the square is lit by itself
    (said,) = [c for c in claims(found) if c.text.startswith("beside")]
    assert said.holds is False
    assert "beside, over white: cannot be explained" in found.status


def test_without_reference_images_it_is_refused(classifier):
    with pytest.raises(ConfigError, match="'feathered_others' needs reference images"):
        explain(classifier, pixels(lit=True), config=CONFIG)


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigError, match="no baseline 'other'; did you mean 'others'"):
        Verification(beside=("other",))
