"""Dropped tokens on real transformers, and against a forward pass that really drops them."""

import pytest
import torch
from torch import nn

from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.errors import ClassifierError
from med_cam.removal.dropped_tokens import DroppedTokens
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from med_cam.removal.masked_pass import masked_pass
from removal.test_layer_masking import fresh, logits_of, masks

SIDE, PATCH = 64, 16
TIMM = {
    "vit_tiny_patch16_224": {},
    "vit_tiny_patch16_224, mean": {"global_pool": "avg"},
    "vit_tiny_patch16_224, no class token": {"global_pool": "avg", "class_token": False},
    "vit_tiny_patch16_224, attention pooling": {"global_pool": "map"},
    "deit_tiny_patch16_224": {},
    "deit_tiny_distilled_patch16_224": {},
    "beit_base_patch16_224": {"depth": 2},
    "vit_small_patch14_reg4_dinov2": {"img_size": 56, "depth": 2},
    "vit_relpos_small_patch16_224": {"depth": 2},
}
HUGGINGFACE = ["ViT", "DeiT", "Beit", "Dinov2WithRegisters"]
REFUSED = {"swin_tiny_patch4_window7_224": SIDE, "xcit_nano_12_p16_224": SIDE, "resnet18": SIDE}


class Logits(nn.Module):
    """A Hugging Face model, of whose output only the logits count."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x).logits


def stirred(module):
    """With random numbers that are large enough for every layer to have an effect."""
    for values in module.parameters():
        if values.dim() > 1 and values.any():
            nn.init.xavier_normal_(values, 2.0)
        else:
            nn.init.normal_(values, 0.3, 0.3)
    return module.eval()


def timm_model(name):
    more = TIMM.get(name, {})
    sized = {} if name == "resnet18" else {"img_size": more.get("img_size", SIDE)}
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        arguments = {**more, **sized, "num_classes": 3}
        return stirred(import_timm().create_model(name.partition(",")[0], **arguments))


def huggingface_model(name, attention):
    import_torchvision()
    library = pytest.importorskip("transformers")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    frame = {"intermediate_size": 32, "image_size": SIDE, "patch_size": PATCH}
    more = {"use_relative_position_bias": True} if name == "Beit" else {}
    config = getattr(library, f"{name}Config")(**sizes, **frame, **more, num_labels=3)
    config._attn_implementation = attention
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        return stirred(Logits(getattr(library, f"{name}ForImageClassification")(config)))


def exact(module, side=SIDE):
    """The three properties; that hiding changes the answer; a mask for each image of a batch."""
    logits, x = logits_of(module), torch.randn(3, 3, side, side, generator=fresh(2))
    own = logits(x[:1])
    refuse_inexact("dropped_tokens", logits, x[:1], own)
    mask = masks(3, side)
    together = logits(x, Hidden("dropped_tokens", mask))
    alone = [logits(x[i : i + 1], Hidden("dropped_tokens", mask[i : i + 1])) for i in range(3)]
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-5)
    assert (together[:1] - own).abs().max() > 1e-3 * own.abs().max()


@pytest.mark.parametrize("name", TIMM)
def test_a_transformer_of_timm_carries_it_exactly(name):
    exact(timm_model(name), TIMM[name].get("img_size", SIDE))


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("name", HUGGINGFACE)
def test_a_transformer_of_hugging_face_carries_it_exactly(name, attention):
    exact(huggingface_model(name, attention))


def test_a_transformer_of_torchvision_carries_it_exactly():
    models = import_torchvision("torchvision.models")
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        module = stirred(models.vit_b_16(image_size=SIDE, num_classes=3))
    exact(module)


@pytest.mark.parametrize("name", REFUSED)
def test_another_network_is_refused_in_a_sentence(name):
    logits, x = logits_of(timm_model(name)), torch.randn(1, 3, SIDE, SIDE, generator=fresh())
    with pytest.raises(ClassifierError, match="dropped_tokens does not fit this classifier"):
        refuse_inexact("dropped_tokens", logits, x, logits(x))


class Deaf(nn.Module):
    """Says the same of every image; the exactness of an answer tells nothing then."""

    def __init__(self, patch):
        super().__init__()
        self.embed = nn.Conv2d(3, 4, patch, patch)

    def forward(self, x):
        return 0 * self.embed(x).mean(dim=(2, 3))[:, :2] + torch.tensor([1.0, 0.0])


@pytest.mark.parametrize("patch", [1, PATCH])
def test_a_network_that_cuts_no_patches_or_never_attends_is_refused_whatever_it_answers(patch):
    logits, x = logits_of(Deaf(patch).eval()), torch.randn(1, 3, SIDE, SIDE, generator=fresh())
    with pytest.raises(ClassifierError, match="dropped_tokens does not fit this classifier"):
        refuse_inexact("dropped_tokens", logits, x, logits(x))


def without(vit, x, shown):
    """The same network on nothing but the shown tokens and those before them."""
    tokens = vit._pos_embed(vit.patch_embed(x))
    before = tokens.shape[1] - len(shown)
    kept = torch.cat([torch.ones(before, dtype=torch.bool), shown])
    return vit.forward_head(vit.norm(vit.blocks(tokens[:, kept])))


@pytest.mark.parametrize("name", [name for name in TIMM if name.startswith(("vit_t", "vit_sm"))])
@torch.no_grad()
def test_the_answer_is_that_of_a_network_without_these_tokens(name):
    vit, side = timm_model(name), TIMM[name].get("img_size", SIDE)
    x = torch.randn(1, 3, side, side, generator=fresh(1))
    patch = vit.patch_embed.patch_size[0]
    shown = torch.rand(side // patch, side // patch, generator=fresh(2)) > 0.5
    mask = shown.float().repeat_interleave(patch, 0).repeat_interleave(patch, 1)[None, None]
    expected = without(vit, x, shown.flatten())
    torch.testing.assert_close(
        masked_pass(vit, x, Hidden("dropped_tokens", mask)), expected, rtol=1e-4, atol=1e-5
    )


def small(side=32):
    """Two blocks, a class token; white patches speak for the first label."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        sizes = {"embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 2}
        timm = import_timm()
        return stirred(timm.models.VisionTransformer(img_size=side, patch_size=8, **sizes))


@torch.no_grad()
def test_a_patch_is_shown_from_half_of_it_on_and_its_hidden_pixels_are_its_mean():
    vit, x = small(), torch.randn(1, 3, 32, 32, generator=fresh())
    mask = torch.zeros(1, 1, 32, 32)
    mask[..., :8, :4] = 1  # half of one patch
    mask[..., 16:24, 16:19] = 1  # less than half of another
    painted = x.clone()
    painted[..., :8, 4:8] = x[..., :8, :4].mean(dim=(2, 3), keepdim=True)
    shown = torch.zeros(16, dtype=torch.bool)
    shown[0] = True
    expected = without(vit, painted, shown)
    torch.testing.assert_close(masked_pass(vit, x, Hidden("dropped_tokens", mask)), expected)


@torch.no_grad()
def test_hidden_pixels_of_a_shown_patch_have_no_influence_either():
    vit, x = small(), torch.randn(1, 3, 32, 32, generator=fresh())
    mask = (torch.rand(1, 1, 32, 32, generator=fresh(1)) > 0.3).float()
    other = torch.where(mask > 0, x, 7.0)
    hidden = Hidden("dropped_tokens", mask)
    assert torch.equal(masked_pass(vit, x, hidden), masked_pass(vit, other, hidden))


def test_programs_are_followed_too():
    from torch.export import export

    vit, x = small(), torch.randn(1, 3, 32, 32, generator=fresh())
    program = export(vit, (x,)).module()
    hidden = Hidden("dropped_tokens", masks(1, 32))
    with torch.no_grad():
        refuse_inexact("dropped_tokens", logits_of(program), x, program(x))
        torch.testing.assert_close(masked_pass(program, x, hidden), masked_pass(vit, x, hidden))


class Brightness(nn.Module):
    """Tokens are the brightness of their patch; attention to itself; a mean over tokens."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, 2, 4, stride=4, bias=False)
        nn.init.constant_(self.embed.weight, 1 / 16)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).transpose(1, 2)
        mixed = nn.functional.scaled_dot_product_attention(tokens, tokens, tokens)
        return mixed.mean(dim=1)


def test_the_gradient_of_a_mask_points_to_what_speaks_for_the_label():
    x = torch.full((1, 1, 16, 16), 0.5)
    x[..., :4, :4], x[..., 8:12, 8:12] = 1.0, 0.1
    hard = torch.ones(1, 1, 16, 16)
    hard[..., :4, :4] = hard[..., 8:12, 8:12] = 0
    for values in (torch.full((1, 1, 16, 16), 0.5), hard):
        mask = values.clone().requires_grad_()
        with DroppedTokens(mask):
            Brightness()(x).sum().backward()
        assert mask.grad.isfinite().all()
        assert mask.grad[..., :4, :4].mean() > 0 > mask.grad[..., 8:12, 8:12].mean()


def test_a_mask_with_a_gradient_sees_nearly_what_one_without_sees():
    vit, x, mask = small(), torch.randn(2, 3, 32, 32, generator=fresh()), masks(2, 32)
    hard = logits_of(vit)(x, Hidden("dropped_tokens", mask))
    soft = masked_pass(vit, x, Hidden("dropped_tokens", mask.clone().requires_grad_()))
    torch.testing.assert_close(soft.detach(), hard, rtol=1e-2, atol=1e-2)
