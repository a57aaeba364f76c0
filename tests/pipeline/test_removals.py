"""The whole path under a removal inside the network."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.case.references import prepare_references
from med_cam.certification.certificate import certificate_of, response_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Certification, relative_to
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.pipeline.budget import claim_passes
from med_cam.pipeline.explain import explain
from med_cam.pipeline.found import Found
from med_cam.pipeline.region_candidates import kept_back
from pipeline.test_explain import CONFIG, classifier


def image():
    pixels = torch.full((3, 32, 32), 0.3)
    pixels[:, 8:20, 8:20] = 0.95
    return Image(pixels)


@pytest.mark.parametrize("names", [("layer_masking",), ("grey", "layer_masking")])
def test_a_bright_square_is_found_and_certified(names):
    config = replace(CONFIG, certification=Certification(patch=4))
    found = explain(classifier(), image(), config=relative_to(config, names))
    assert found.verified, found.status
    assert found.claim.searched == names
    assert found.mask[8:20, 8:20].sum() > 0.7 * found.mask.sum()
    certificate = found.claim.certificate
    assert certificate.samples >= 63  # layer masking is drawn, grey is not
    assert certificate.fixed == len(names) - 1


class Tokens(nn.Module):
    """The brightness of the brightest tokens, each a patch of 4 x 4 pixels, by attention."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 1, 4, stride=4, bias=False)
        nn.init.constant_(self.embed.weight, 1 / 16)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)  # b n 1
        query = torch.full_like(tokens[:, :1], 20.0)
        read = nn.functional.scaled_dot_product_attention(query, tokens, tokens)
        z = 12 * read[:, 0] - 7
        return torch.cat([-z, z], dim=1)


def test_tokens_that_speak_for_the_label_are_found():
    pixels = torch.full((1, 32, 32), 0.2)
    pixels[:, 8:24, 8:24] = 0.9
    bare = Classifier(Tokens(), ("dark", "bright"), (32, 32), 1, (0.0,), (1.0,))
    config = replace(CONFIG, certification=Certification(patch=4))
    found = explain(bare, Image(pixels), config=relative_to(config, ("dropped_tokens",)))
    assert found.verified, found.status
    assert found.mask[8:24, 8:24].sum() > 0.6 * found.mask.sum()  # a quarter by chance
    certificate = found.claim.certificate
    assert (certificate.samples, certificate.fixed, certificate.bound) == (0, 1, 1.0)


def test_a_removal_that_does_not_fit_is_refused_before_anything_is_searched():
    class Attending(nn.Module):
        def forward(self, x):
            tokens = nn.functional.conv2d(x, torch.ones(2, 3, 4, 4) / 48, stride=4).flatten(2)
            return (tokens.softmax(dim=2) * tokens).sum(dim=2)

    steps = []
    config = relative_to(CONFIG, ("layer_masking",))
    bare = Classifier(Attending(), ("a", "b"), (32, 32))
    with pytest.raises(ClassifierError, match="layer_masking does not fit this classifier"):
        explain(bare, image(), config=config, on_step=steps.append)
    assert not steps


def test_five_passes_show_that_a_removal_is_exact_and_are_counted():
    bright = classifier()
    passes = {}
    for names in (("grey",), ("layer_masking",)):
        config = replace(relative_to(CONFIG, names), seed=1)
        config = replace(config, verification=replace(config.verification, unseen=()))
        with hooks_attached(bright) as forward:
            passes[names] = observed(forward, bright, image(), config).cost().forward
    assert passes["layer_masking",] == passes["grey",] + 5


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("tried", [1, 3])
@pytest.mark.parametrize(
    "names",
    [
        ("grey",),
        ("gaussian",),
        ("grey", "gaussian", "uniform"),
        ("layer_masking",),
        ("layer_masking", "gaussian"),
    ],
)
def test_what_a_certificate_takes_is_reckoned_beforehand(names, tried, given):
    """Nearly as much, and no less; of layer masking each way to cut a rim comes once."""
    bright, config = classifier(), relative_to(CONFIG, names)
    mask = torch.zeros(32, 32, dtype=torch.bool)
    mask[5:23, 7:24] = True
    mask[9, 8] = False  # no two rims are cut alike
    others = [Image(torch.full((3, 32, 32), 0.1 + i / 100)) for i in range(20)]
    with hooks_attached(bright) as forward:
        references = prepare_references(bright, others) if given else None
        case = observed(forward, bright, image(), config, references=references)
        response, before = response_of(case), case.cost().forward
        claim = certificate_of(case, mask, response, tried)
        took, reckoned = case.cost().forward - before, claim_passes(case, tried)
    assert claim.certificate.samples >= 99 * (names != ("grey",))
    assert took <= reckoned <= 1.25 * took


@pytest.mark.parametrize("area", [0.1, 0.4])
def test_the_pruning_ends_where_it_would_if_each_sample_of_a_certificate_took_a_pass(area):
    bright, kept = classifier(), {}
    with hooks_attached(bright) as forward:
        for name in ("gaussian", "layer_masking", "grey"):
            case = observed(forward, bright, image(), relative_to(CONFIG, (name,)))
            start = Found(case.open[0, 0], area, torch.zeros(1, 1, 32, 32), (), response_of(case))
            certificates = claim_passes(case, 1) + claim_passes(case, 2)
            kept[name] = certificates + kept_back(case, start)
    assert max(kept.values()) - min(kept.values()) <= 4  # fixed samples, and those not searched
