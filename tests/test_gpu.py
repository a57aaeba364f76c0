"""On a GPU: what a CPU gives, twice the same mask, and re-checked on both.

Skipped where there is none, as on the machines that run these tests for every change. On one that
has a GPU, by hand: `pytest tests/test_gpu.py`.
"""

from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from med_cam import (
    bundled_classifier,
    bundled_samples,
    explain,
    load_classifier,
    preset,
    read_image,
    repeatable_gpu,
)
from med_cam.classifiers.forward import hooks_attached
from med_cam.cli.main import main
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from planted import CASES
from removal import test_dropped_tokens as tokens, test_layer_masking as masking

pytestmark = [
    pytest.mark.skipif(torch.cuda.device_count() == 0, reason="there is no GPU"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # torch's, of what cannot be repeated
]
SAMPLES = 2


@pytest.fixture(scope="module", autouse=True)
def repeatable():
    repeatable_gpu()


@pytest.fixture(scope="module")
def images():
    with bundled_samples() as paths:
        return [read_image(path, channels=1) for path in paths[:SAMPLES]]


def bundled(device):
    with bundled_classifier() as folder:
        return load_classifier(folder, device=device)


def same(one, other):
    assert torch.equal(one.mask, other.mask)
    assert [(c.name, c.value) for c in one.claim.checks] == [
        (c.name, c.value) for c in other.claim.checks
    ]
    assert one.claim.p_image == other.claim.p_image


def test_probabilities_and_activations_are_those_of_a_cpu(images):
    here, there = bundled("cpu"), bundled("cuda")
    for image in images:
        outputs = []
        for classifier in (here, there):
            with hooks_attached(classifier) as forward, torch.no_grad():
                outputs.append(forward(classifier.prepare(image)))
        torch.testing.assert_close(outputs[1].logits.cpu(), outputs[0].logits, rtol=0, atol=1e-4)
        for gpu, cpu in zip(outputs[1].activations, outputs[0].activations, strict=True):
            off = (gpu.cpu() - cpu).abs().max()
            assert off <= 1e-4 * cpu.abs().max()


def test_the_same_image_and_seed_give_the_same_mask(images):
    classifier = bundled("cuda")
    same(explain(classifier, images[0]), explain(classifier, images[0]))


@pytest.mark.parametrize("removal", ["layer_masking", "grey", "inpainted"])
def test_so_they_do_with_other_removals(images, removal):
    classifier = bundled("cuda")
    rules = replace(preset("default").verification, baselines=(removal,))
    config = replace(preset("default"), verification=rules)
    same(*(explain(classifier, images[0], config=config) for _ in range(2)))


@pytest.mark.parametrize("name", CASES)
def test_planted_evidence_is_found(name):
    case = CASES[name]
    planted = case.plant((32, 40), torch.Generator().manual_seed(0))
    module = deepcopy(case.classifier.module).to("cuda")
    found = explain(replace(case.classifier, module=module), planted.image)
    assert found.verified
    assert found.mask[planted.needed].float().mean() > 0.95


def exact(net, side, removal):
    """The three properties, and that a masked answer is the CPU's."""
    x = torch.randn(2, 3, side, side, generator=masking.fresh(2))
    hidden = Hidden(removal, masking.masks(2, side))
    here, answers = masking.logits_of(net)(x, hidden), masking.logits_of(net.to("cuda"))
    x = x.to("cuda")
    refuse_inexact(removal, answers, x[:1], answers(x[:1]))
    there = answers(x, replace(hidden, mask=hidden.mask.to("cuda"))).cpu()
    assert (there - here).abs().max() <= 1e-4 * here.abs().max()
    assert (there - answers(x).cpu()).abs().max() > 1e-3 * here.abs().max()


@pytest.mark.parametrize("zoo", masking.FAST)
def test_layer_masking_is_exact_and_what_it_is_on_a_cpu(zoo):
    for name in masking.FAST[zoo]:
        exact(masking.named(zoo, name), masking.size_for(name), "layer_masking")


@pytest.mark.parametrize("name", tokens.TIMM)
def test_dropped_tokens_are_exact_and_what_they_are_on_a_cpu(name):
    side = tokens.TIMM[name].get("img_size", tokens.SIDE)
    exact(tokens.timm_model(name), side, "dropped_tokens")


def test_a_transformer_gives_the_same_gradient_again():
    net = tokens.timm_model("vit_tiny_patch16_224").to("cuda")
    x = torch.randn(4, 3, tokens.SIDE, tokens.SIDE, generator=masking.fresh(3)).to("cuda")
    found = []
    for _ in range(3):
        each = x.clone().requires_grad_()
        net(each).square().sum().backward()
        found.append(each.grad)
    assert all(torch.equal(found[0], other) for other in found[1:])


def test_what_the_command_saves_is_re_checked_on_a_gpu_and_on_a_cpu(tmp_path, capsys):
    out = tmp_path / "results"
    with bundled_samples() as paths:
        pictures = [str(path) for path in paths[:SAMPLES]]
    assert main(["explain", *pictures, "--device", "cuda", "--out", str(out)]) == 0
    for device in ("cuda", "cpu"):
        assert main(["verify", str(out), "--device", device]) == 0, capsys.readouterr().out


def test_processes_share_a_gpu(tmp_path):
    with bundled_samples() as paths:
        pictures = [str(path) for path in paths[:SAMPLES]]
    masks = []
    for more in ([], ["--workers", "2"]):
        out = tmp_path / f"with{len(more)}"
        assert main(["explain", *pictures, "--device", "cuda", "--out", str(out), *more]) == 0
        masks.append([path.read_bytes() for path in sorted(out.glob("*/mask.png"))])
    assert masks[0] == masks[1]


def test_an_audit_says_what_it_says_on_a_cpu(tmp_path):
    import json

    with bundled_samples() as paths:
        pictures = [str(path) for path in paths[:SAMPLES]]
    said = []
    for device in ("cuda", "cpu"):
        out = tmp_path / device
        assert main(["audit", *pictures, "--device", device, "--out", str(out)]) == 0
        said.append(json.loads((out / "audit.json").read_text()))
    assert (
        said[0]["verdict"]["recommended_baselines"] == said[1]["verdict"]["recommended_baselines"]
    )
