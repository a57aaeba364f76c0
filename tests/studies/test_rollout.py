"""Attention rollout against its formula in loops, and against attention that is set by hand."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam_studies.methods.rollout import (
    attention_rollout,
    has_attention,
    proportioned,
    rolled_out,
)

SIDE = 64
GRID = 4  # patches of 16 pixels

timm, torchvision = import_timm(), import_torchvision()


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def scrambled(module, seed=0):
    """Weights large enough that attention is far from even."""
    samples = generator(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=samples) * 0.3)
    return module.eval()


def timm_vit(name="vit_tiny_patch16_224", **changes):
    sizes = {"img_size": SIDE, "depth": 3, "embed_dim": 24, "num_heads": 3, "num_classes": 2}
    return scrambled(timm.create_model(name, **{**sizes, **changes}))


def torchvision_vit():
    sizes = {"num_layers": 3, "num_heads": 3, "hidden_dim": 24, "mlp_dim": 48, "num_classes": 2}
    module = torchvision.models.VisionTransformer(image_size=SIDE, patch_size=16, **sizes)
    return scrambled(module)


def hugging_face(kind="ViT", attention="sdpa", **changes):
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3}
    frame = {"intermediate_size": 48, "image_size": SIDE, "patch_size": 16, "num_labels": 2}
    config = getattr(transformers, f"{kind}Config")(**sizes, **frame, **changes)
    config._attn_implementation = attention
    return scrambled(getattr(transformers, f"{kind}ForImageClassification")(config))


def classifier(module, side=SIDE):
    return Classifier(module, ("a", "b"), (side, side), name="tiny")


def picture(side=SIDE):
    return Image(torch.rand(3, side, side, generator=generator(7)))


def rollout(model, *, target=0, seed=0):
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(model.input_size[0]), Config(), target=target)
        return attention_rollout(case, generator(seed))


def by_hand(layers, read, extra):
    """The paper's formula, number by number: layers are heads x n x n lists."""
    n = len(layers[0][0])
    joint = [[float(i == j) for j in range(n)] for i in range(n)]
    for heads in layers:
        mixed = [
            [0.5 * np.mean([head[i][j] for head in heads]) + 0.5 * (i == j) for j in range(n)]
            for i in range(n)
        ]
        joint = [
            [sum(mixed[i][k] * joint[k][j] for k in range(n)) for j in range(n)] for i in range(n)
        ]
    coarse = [np.mean([joint[i][j] for i in read]) for j in range(extra, n)]
    frame = torch.tensor(coarse).float().view(1, 1, GRID, GRID)
    return nn.functional.interpolate(frame, (SIDE, SIDE), mode="bilinear")


def timm_layers(module, x):
    """Every block's attention, from its queries and keys, one score after the other."""
    tokens = module.norm_pre(module._pos_embed(module.patch_embed(x)))
    layers = []
    for block in module.blocks:
        part = block.attn
        n, heads, d = tokens.shape[1], part.num_heads, part.head_dim
        qkv = part.qkv(block.norm1(tokens)).view(n, 3, heads, d)
        q, k = part.q_norm(qkv[:, 0]), part.k_norm(qkv[:, 1])
        matrices = np.zeros((heads, n, n))
        for head, i in itertools.product(range(heads), range(n)):
            scores = [float(q[i, head] @ k[j, head]) / math.sqrt(d) for j in range(n)]
            weights = np.exp(np.array(scores) - max(scores))
            matrices[head, i] = weights / weights.sum()
        layers.append(matrices)
        tokens = block(tokens)
    return layers


@pytest.mark.parametrize(
    ("name", "changes", "read", "extra"),
    [
        ("vit_tiny_patch16_224", {}, [0], 1),
        ("vit_tiny_patch16_224", {"qk_norm": True}, [0], 1),
        ("deit_tiny_distilled_patch16_224", {}, [0], 2),
        ("vit_tiny_patch16_224", {"reg_tokens": 4}, [0], 5),
        ("vit_tiny_patch16_224", {"global_pool": "avg"}, range(1, 17), 1),
        (
            "vit_tiny_patch16_224",
            {"global_pool": "avg", "class_token": False},
            range(16),
            0,
        ),
        (
            "vit_tiny_patch16_224",
            {"global_pool": "avg", "class_token": False, "reg_tokens": 2},
            range(2, 18),
            2,
        ),
    ],
)
def test_the_map_is_the_papers_formula_worked_in_loops(name, changes, read, extra):
    module = timm_vit(name, **changes)
    model = classifier(module)
    with torch.no_grad():
        layers = timm_layers(module, model.prepare(picture()))
    found = rollout(model)
    assert found.std() > 1e-3 * found.mean()  # not an even map, which would match anything
    torch.testing.assert_close(found, by_hand(layers, read, extra), rtol=1e-4, atol=1e-6)


def test_attention_written_out_gives_the_same_map_as_attention_in_one_step():
    module = timm_vit()
    in_one_step = rollout(classifier(module))
    for block in module.blocks:
        assert block.attn.fused_attn
        block.attn.fused_attn = False
    torch.testing.assert_close(rollout(classifier(module)), in_one_step)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(
    ("kind", "changes", "read", "extra"),
    [
        ("ViT", {}, [0], 1),
        ("DeiT", {}, [0], 2),
        ("Dinov2WithRegisters", {"num_register_tokens": 3}, [0], 4),
        ("Beit", {"use_mean_pooling": True}, range(1, 17), 1),
        ("Beit", {"use_mean_pooling": False}, [0], 1),
    ],
)
def test_hugging_faces_own_matrices_give_the_same_map(attention, kind, changes, read, extra):
    module = hugging_face(kind, attention, **changes)
    model = classifier(module)
    twin = hugging_face(kind, "eager", **changes)
    with torch.no_grad():
        layers = twin(model.prepare(picture()), output_attentions=True).attentions
    wanted = by_hand([layer[0].tolist() for layer in layers], read, extra)
    torch.testing.assert_close(rollout(model), wanted, rtol=1e-4, atol=1e-6)


def test_clip_is_read_from_the_mean_of_its_patches():
    transformers = pytest.importorskip("transformers")
    sizes = {"hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3}
    frame = {"intermediate_size": 48, "image_size": SIDE, "patch_size": 16}
    config = transformers.CLIPConfig(vision_config=sizes | frame, num_labels=2)
    config._attn_implementation = "eager"
    model = classifier(scrambled(transformers.CLIPForImageClassification(config)))
    with torch.no_grad():
        seen = model.module(model.prepare(picture()), output_attentions=True)
    wanted = by_hand([layer[0].tolist() for layer in seen.attentions], range(1, 17), 1)
    assert has_attention(model)
    torch.testing.assert_close(rollout(model), wanted, rtol=1e-4, atol=1e-6)


def test_torchvisions_layers_called_for_their_weights_give_the_same_map():
    module = torchvision_vit()
    model = classifier(module)
    layers = []
    with torch.no_grad():
        patches = module._process_input(model.prepare(picture()))
        tokens = torch.cat([module.class_token, patches], dim=1) + module.encoder.pos_embedding
        for block in module.encoder.layers:
            seen = block.ln_1(tokens)
            _, weights = block.self_attention(seen, seen, seen, average_attn_weights=False)
            layers.append(weights[0].tolist())
            tokens = block(tokens)
    wanted = by_hand(layers, [0], 1)
    torch.testing.assert_close(rollout(model), wanted, rtol=1e-4, atol=1e-6)


def test_an_exported_program_gives_the_map_of_its_module():
    module = timm_vit()
    exported = torch.export.export(module, (torch.zeros(1, 3, SIDE, SIDE),))
    graph = classifier(exported.module(check_guards=False))
    torch.testing.assert_close(rollout(graph), rollout(classifier(module)))


@pytest.mark.parametrize("place", [(0, 0), (1, 2), (3, 0)])
def test_attention_forced_to_one_patch_puts_the_maximum_there(place):
    """Position embeddings alone: the patch carries a flag that every query looks for."""
    module = timm_vit(depth=2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
        module.pos_embed[0, 1 + place[0] * GRID + place[1], 0] = 1.0
        for block in module.blocks:
            block.norm1.weight.fill_(1.0)
            query, key = block.attn.qkv.bias[:24], block.attn.qkv.weight[24:48]
            query.fill_(4.0)
            key[:, 0] = 4.0
    found = rollout(classifier(module))[0, 0]
    row, column = divmod(int(found.argmax()), SIDE)
    assert (row // 16, column // 16) == place
    assert found.max() > 10 * found.median()


def test_layers_multiply_in_the_order_in_which_they_are_computed():
    """Layer 1 copies token 2 to token 1, layer 2 copies token 1 to token 0: 0 sees 2, 2 not 0."""
    first, second = torch.eye(3), torch.eye(3)
    first[1] = torch.tensor([0.0, 0.0, 1.0])
    second[0] = torch.tensor([0.0, 1.0, 0.0])
    joint = rolled_out([first, second])
    torch.testing.assert_close(joint[0], torch.tensor([0.5, 0.25, 0.25]))
    torch.testing.assert_close(joint[2], torch.tensor([0.0, 0.0, 1.0]))


def test_rows_of_the_rollout_sum_to_one():
    layers = torch.rand(5, 9, 9, generator=generator()).softmax(dim=2)
    torch.testing.assert_close(rolled_out(list(layers)).sum(dim=1), torch.ones(9))


def test_the_grid_need_not_be_square():
    module = timm_vit(img_size=(32, 96))
    model = Classifier(module, ("a", "b"), (32, 96))
    with hooks_attached(model) as forward:
        image = Image(torch.rand(3, 32, 96, generator=generator()))
        found = attention_rollout(observed(forward, model, image, Config(), target=0), generator())
    with torch.no_grad():
        layers = timm_layers(module, model.prepare(image))
    joint = rolled_out([torch.from_numpy(layer).float().mean(dim=0) for layer in layers])
    coarse = joint[0, 1:].view(1, 1, 2, 6)
    wanted = nn.functional.interpolate(coarse, (32, 96), mode="bilinear")
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_patches_cut_without_a_convolution_are_laid_out_in_the_images_proportions():
    assert proportioned(197, torch.zeros(1, 3, 224, 224)) == (14, 14)
    assert proportioned(1 + 6 * 12, torch.zeros(1, 3, 96, 192)) == (6, 12)
    assert proportioned(0, torch.zeros(1, 3, 96, 192)) == (0, 0)


def test_it_costs_one_pass_forward_and_none_back():
    model = classifier(timm_vit())
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(), Config())
        before = case.cost()
        found = attention_rollout(case, generator())
        after = case.cost()
    assert (after.forward - before.forward, after.backward - before.backward) == (1, 0)
    assert not found.requires_grad


def test_the_map_is_the_same_whatever_was_sampled_and_whatever_the_target():
    model = classifier(timm_vit())
    first = rollout(model)
    torch.rand(5)
    assert torch.equal(first, rollout(model, seed=9))
    assert torch.equal(first, rollout(model, target=1))


class Failing(nn.Module):
    """Breaks down behind the attention."""

    def __init__(self, module):
        super().__init__()
        self.module, self.broken = module, False

    def forward(self, x):
        logits = self.module(x)
        if self.broken:
            raise RuntimeError("out of order")
        return logits


@pytest.mark.parametrize("make", [timm_vit, torchvision_vit, hugging_face])
@pytest.mark.parametrize("broken", [False, True])
def test_the_classifier_comes_back_as_it_was_also_after_an_error(make, broken):
    module = Failing(make())
    module.module.train()
    model = classifier(module)

    def state():
        parts = list(module.modules())
        flags = [(p.training, getattr(p, "fused_attn", None), dict(vars(p))) for p in parts]
        hooks = [len(p._forward_hooks) + len(p._forward_pre_hooks) for p in parts]
        return [flag[:2] for flag in flags], [sorted(flag[2]) for flag in flags], hooks

    before, weights = state(), {k: v.clone() for k, v in module.state_dict().items()}
    with hooks_attached(model) as forward:
        case = observed(forward, model, picture(), Config())
        logits = case.whole.logits
        module.broken = broken
        if broken:
            with pytest.raises(RuntimeError, match="out of order"):
                attention_rollout(case, generator())
        else:
            attention_rollout(case, generator())
        module.broken = False
        assert torch.equal(case.outputs.classifier(case.scene.x).logits, logits)
    assert state() == before
    assert all(torch.equal(v, weights[k]) for k, v in module.state_dict().items())
    assert torch.overrides._get_current_function_mode() is None


def convolutional():
    return nn.Sequential(
        nn.Conv2d(3, 4, 8, stride=8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 2),
    )


def windowed():
    sizes = {"embed_dim": 8, "depths": (1, 1), "num_heads": (1, 2), "window_size": 4}
    return timm.create_model("swin_tiny_patch4_window7_224", img_size=SIDE, num_classes=2, **sizes)


def pooled_by_attention():
    return timm_vit(global_pool="map", class_token=False)


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (convolutional, "attention of tiny is none"),
        (windowed, "attention of tiny is 4 x 16 x 16, 16 x 16 x 16"),
        (pooled_by_attention, "AttentionPoolLatent"),
    ],
)
def test_what_has_no_rollout_is_refused_in_a_sentence(make, found):
    model = classifier(make().eval())
    assert not has_attention(model)
    with pytest.raises(ClassifierError, match=found):
        rollout(model)


@pytest.mark.parametrize(
    "make", [timm_vit, torchvision_vit, hugging_face, lambda: hugging_face("Beit")]
)
def test_transformers_are_known_without_a_pass(make):
    model = classifier(make())
    silent = replace(model, module=Failing(model.module))
    silent.module.broken = True
    assert has_attention(model)
    assert has_attention(silent)
