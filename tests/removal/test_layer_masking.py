"""Layer masking on real architectures and against plain sums over what is shown."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.errors import ClassifierError
from med_cam.removal.exactness import refuse_inexact, smooth_mask
from med_cam.removal.hidden import Hidden
from med_cam.removal.layer_masking import LayerMasking
from med_cam.removal.masked_pass import masked_pass

SIDE = 64
FAST = {
    "timm": ["resnet18", "mobilenetv2_100", "tf_efficientnet_lite0", "convnext_atto"],
    "torchvision": ["mobilenet_v3_small"],
}
SLOW = {
    "timm": [
        *("densenet121", "mobilenetv3_large_100", "efficientnet_b0", "tf_efficientnet_b0"),
        *("inception_v3", "resnetv2_50", "resnetblur18", "regnety_002", "vgg11"),
        *("seresnet18", "hrnet_w18_small", "xception41", "resnet50_gn", "convnextv2_atto"),
    ],
    "torchvision": [
        *("resnet18", "densenet121", "mobilenet_v2", "efficientnet_b0", "convnext_tiny"),
        *("inception_v3", "shufflenet_v2_x0_5", "squeezenet1_1", "vgg11_bn", "alexnet"),
    ],
}
REFUSED = {  # and what reads hidden places in them
    "swin_tiny_patch4_window7_224": "attention in windows",
    "vit_tiny_patch16_224": "attention",
    "edgenext_xx_small": "attention between channels",
}


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def named(zoo, name):
    """An architecture with random numbers everywhere, so that no layer is without effect."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        if zoo == "timm":
            sized = {"img_size": SIDE} if name.startswith(("vit", "swin")) else {}
            module = import_timm().create_model(name, num_classes=3, **sized)
        else:
            plain = {"init_weights": False} if name == "inception_v3" else {}
            models = import_torchvision("torchvision.models")
            module = models.get_model(name, weights=None, num_classes=3, **plain)
        for values in module.parameters():
            if values.dim() <= 1 or not values.any():
                nn.init.normal_(values, 0.5, 0.3)
    return calibrated(module, size_for(name))


def calibrated(module, side):
    """With normalisations as after training: random weights else swell or fade away."""
    module.eval()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.train().momentum = 1.0
    with torch.no_grad():
        module(torch.randn(4, 3, side, side, generator=fresh(5)))
    return module.eval()


def size_for(name):
    return 96 if "inception" in name else SIDE


def logits_of(module):
    @torch.no_grad()
    def logits(x, hidden=None):
        return module(x) if hidden is None else masked_pass(module, x, hidden)

    return logits


def masks(count, side, seed=1):
    field = torch.randn(count, 1, 5, 5, generator=fresh(seed))
    return (F.interpolate(field, (side, side), mode="bicubic") > 0).float()


def exact(module, side):
    """The three properties, and that hiding half of the image changes the answer at all."""
    logits, x = logits_of(module), torch.randn(2, 3, side, side, generator=fresh(2))
    own = logits(x[:1])
    refuse_inexact("layer_masking", logits, x[:1], own)
    half = Hidden("layer_masking", masks(2, side))
    together = logits(x, half)
    alone = [logits(x[i : i + 1], Hidden("layer_masking", half.mask[i : i + 1])) for i in (0, 1)]
    scale = float(own.abs().max())
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-4, atol=1e-4 * scale)
    assert (together[:1] - own).abs().max() > 1e-3 * scale


@pytest.mark.parametrize("name", [(zoo, name) for zoo in FAST for name in FAST[zoo]], ids="/".join)
def test_an_architecture_carries_it_exactly(name):
    exact(named(*name), size_for(name[1]))


@pytest.mark.slow
@pytest.mark.parametrize("name", [(zoo, name) for zoo in SLOW for name in SLOW[zoo]], ids="/".join)
def test_a_further_architecture_carries_it_exactly(name):
    exact(named(*name), size_for(name[1]))


class FromKeras(nn.Module):
    """As programs made of Keras are: channels last at the door and before the head."""

    def __init__(self, head, channels):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 8, 3), nn.Conv2d(8, channels, 3)
        self.head, self.last = head, nn.LazyLinear(3)

    def forward(self, x):
        x = x.permute(0, 2, 3, 1).permute(0, 3, 1, 2)
        x = F.max_pool2d(F.relu(self.first(x)), 2)
        return self.last(self.head(F.max_pool2d(F.relu(self.second(x)), 2)))


HEADS = {
    "kept and squeezed": lambda x: x.mean((2, 3), keepdim=True).squeeze(3).squeeze(2),
    "first of one place": lambda x: F.adaptive_avg_pool2d(x, 1)[:, :, 0, 0],
    "flattened, channels last": lambda x: x.permute(0, 2, 3, 1).reshape(len(x), -1),
    "mean, channels last": lambda x: x.permute(0, 2, 3, 1).mean((1, 2)),
    "largest, channels last": lambda x: (
        x.permute(0, 2, 3, 1).amax((-3, -2), keepdim=True).flatten(1)
    ),
    "largest of each side": lambda x: largest_of_sides(x, 2, 3).flatten(1),
    "largest of each side, channels last": lambda x: largest_of_sides(
        x.permute(0, 2, 3, 1), 1, -2
    ).flatten(1),
    "largest of each side, without it": lambda x: x.max(3).values.max(2).values,
    "largest of each side, without it, channels last": lambda x: (
        x.permute(0, 2, 3, 1).max(dim=1).values.max(dim=1).values
    ),
    "norm": lambda x: x.norm(p=2, dim=(2, 3)),
    "norm, channels last": lambda x: torch.linalg.vector_norm(x.permute(0, 2, 3, 1), dim=(1, 2)),
    "padded, channels last": lambda x: in_turn(x, [0, 0, 1, 2, 0, 1]).mean((2, 3)),
    "padded on all sides of four": lambda x: in_turn(x, [0, 0, 1, 2, 0, 1, 0, 0]).mean((2, 3)),
}


def largest_of_sides(x, *sides):
    """As onnx2torch makes it of ReduceMax: one side after the other."""
    for side in sides:
        x = torch.max(x, dim=side, keepdim=True).values
    return x


def in_turn(x, by):
    """Channels last while it is padded, as Keras' ZeroPadding2D before a convolution."""
    padded = F.pad(x.permute(0, 2, 3, 1), by).permute(0, 3, 1, 2)
    return F.conv2d(padded, torch.ones(12, 1, 3, 3), stride=2, groups=12)


def from_keras(head, channels=12):
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        module = FromKeras(head, channels).eval()
        module(torch.zeros(1, 3, SIDE, SIDE))  # the size of its last layer
    return module


@pytest.mark.parametrize("head", HEADS)
def test_a_program_made_of_keras_carries_it_exactly(head):
    exact(from_keras(HEADS[head]), SIDE)


@pytest.mark.parametrize("head", [name for name in HEADS if "last" in name and "pad" not in name])
def test_as_many_channels_as_places_on_a_side_are_told_apart(head):
    """14 channels of 14 x 14: whichever side is the channels' was said by the last turn."""
    exact(from_keras(HEADS[head], channels=14), SIDE)


SAME = [
    ("mean, channels last", "kept and squeezed"),
    ("largest of each side, channels last", "largest of each side"),
    ("largest of each side, without it, channels last", "largest of each side, without it"),
    ("norm, channels last", "norm"),
]


@pytest.mark.parametrize(("last", "first"), SAME)
def test_channels_last_see_what_channels_first_do(last, first):
    x, mask = torch.randn(1, 3, SIDE, SIDE, generator=fresh(4)), masks(1, SIDE)
    answers = [under(mask, lambda head=h: from_keras(HEADS[head])(x)) for h in (last, first)]
    torch.testing.assert_close(*answers)


def test_padding_channels_last_is_padding():
    x, mask = torch.randn(1, 12, 9, 9, generator=fresh(4)), masks(1, 9)
    weight = torch.ones(12, 1, 3, 3)
    last = under(mask, lambda: in_turn(x, [0, 0, 1, 2, 0, 1]))
    first = under(mask, lambda: F.conv2d(F.pad(x, [1, 2, 0, 1]), weight, stride=2, groups=12))
    assert torch.equal(last, first)


@pytest.mark.parametrize("name", REFUSED)
def test_what_reads_hidden_places_in_another_way_is_refused_in_a_sentence(name):
    module, side = named("timm", name), size_for(name)
    logits, x = logits_of(module), torch.randn(1, 3, side, side, generator=fresh())
    with pytest.raises(ClassifierError, match="layer_masking does not fit this classifier"):
        refuse_inexact("layer_masking", logits, x, logits(x))


def under(mask, call):
    with LayerMasking(mask):
        return call()


def test_an_average_is_one_over_what_is_shown():
    x, mask = torch.randn(1, 2, 6, 6, generator=fresh()), masks(1, 6)
    shown = mask[0, 0] > 0
    expected = torch.stack([channel[shown].mean() for channel in x[0]])
    torch.testing.assert_close(under(mask, lambda: x.mean(dim=(2, 3)))[0], expected)
    pooled = under(mask, lambda: F.adaptive_avg_pool2d(x, 1))[0, :, 0, 0]
    torch.testing.assert_close(pooled, expected)
    windows = under(mask, lambda: F.avg_pool2d(x, 2))
    for i in range(3):
        for j in range(3):
            part = shown[2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
            values = x[0, 0, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2][part]
            wanted = values.mean().item() if len(values) else 0.0
            assert windows[0, 0, i, j].item() == pytest.approx(wanted, abs=1e-6)


def test_the_largest_value_is_one_of_those_shown():
    x, mask = torch.randn(1, 2, 6, 6, generator=fresh()), masks(1, 6)
    expected = torch.stack([channel[mask[0, 0] > 0].max() for channel in x[0]])
    assert torch.equal(under(mask, lambda: x.amax(dim=(2, 3)))[0], expected)


def test_the_largest_value_along_both_sides_is_one_of_those_shown():
    x, mask = -torch.rand(1, 2, 6, 6, generator=fresh()) - 1, masks(1, 6)
    mask[..., 0] = 0  # a column of which nothing is shown
    expected = torch.stack([channel[mask[0, 0] > 0].max() for channel in x[0]])
    assert torch.equal(under(mask, lambda: largest_of_sides(x, 2, 3))[0, :, 0, 0], expected)
    assert torch.equal(under(mask, lambda: x.max(2).values.max(2).values)[0], expected)
    nothing = under(torch.zeros_like(mask), lambda: largest_of_sides(x, 3, 2))
    assert torch.equal(nothing, torch.zeros(1, 2, 1, 1))


@pytest.mark.parametrize("keepdim", [False, True])
def test_a_norm_is_one_over_what_is_shown_at_the_weight_of_all(keepdim):
    x, mask = torch.randn(1, 2, 6, 6, generator=fresh()), masks(1, 6)
    shown = mask[0, 0] > 0
    squares = torch.stack([(channel[shown] ** 2).mean() for channel in x[0]]) * 36
    got = under(mask, lambda: torch.linalg.vector_norm(x, dim=(-1, -2), keepdim=keepdim))
    torch.testing.assert_close(got.flatten(), squares.sqrt())
    assert got.shape == ((1, 2, 1, 1) if keepdim else (1, 2))
    first = under(mask, lambda: x.norm(p=1, dim=(2, 3)))  # another norm is left alone
    assert torch.equal(first, x.norm(p=1, dim=(2, 3)))


def test_group_normalisation_takes_its_statistics_of_what_is_shown():
    x, mask = torch.randn(1, 4, 6, 6, generator=fresh()), masks(1, 6)
    weight, bias = torch.rand(4, generator=fresh()), torch.rand(4, generator=fresh(1))
    shown = mask[0, 0] > 0
    flat = x[:, :, shown]  # as an image that has nothing but these places
    expected = F.group_norm(flat, 2, weight, bias)
    got = under(mask, lambda: F.group_norm(x, 2, weight, bias))[:, :, shown]
    torch.testing.assert_close(got, expected)


def test_instance_normalisation_takes_its_statistics_of_what_is_shown():
    x, mask = torch.randn(1, 4, 6, 6, generator=fresh()), masks(1, 6)
    weight, bias = torch.rand(4, generator=fresh()), torch.rand(4, generator=fresh(1))
    shown = mask[0, 0] > 0
    expected = F.instance_norm(x[:, :, shown], weight=weight, bias=bias, eps=1e-3)
    got = under(mask, lambda: F.instance_norm(x, weight=weight, bias=bias, eps=1e-3))
    torch.testing.assert_close(got[:, :, shown], expected)
    saved = torch.zeros(4), torch.ones(4), weight, bias, False
    assert torch.equal(under(mask, lambda: F.instance_norm(x, *saved)), F.instance_norm(x, *saved))


@pytest.mark.parametrize("affine", [False, True])
def test_a_network_of_instance_norms_carries_it_exactly(affine):
    """As MONAI's are by default."""
    with torch.random.fork_rng(devices=[]):
        torch.random.default_generator.manual_seed(0)
        net = nn.Sequential(
            *(nn.Conv2d(3, 8, 3, 2), nn.InstanceNorm2d(8, affine=affine), nn.PReLU()),
            *(nn.Conv2d(8, 8, 3, 2), nn.InstanceNorm2d(8, affine=affine), nn.PReLU()),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)),
        )
    exact(net.eval(), SIDE)


def plainly_filled(x, shown, rounds):
    """By hand: each hidden place takes the mean of its known neighbours, again and again."""
    values, known = (x * shown).tolist(), (shown > 0).tolist()
    h, w = len(values), len(values[0])
    for _ in range(rounds):
        new = {}
        for i in range(h):
            for j in range(w):
                near = [
                    values[a][b]
                    for a in range(max(0, i - 1), min(h, i + 2))
                    for b in range(max(0, j - 1), min(w, j + 2))
                    if known[a][b]
                ]
                if not known[i][j] and near:
                    new[i, j] = sum(near) / len(near)
        for (i, j), value in new.items():
            values[i][j], known[i][j] = value, True
    return torch.tensor(values)


@pytest.mark.parametrize(
    ("kernel", "dilation", "rounds"), [(3, 1, 1), (5, 1, 2), (3, 2, 2), (1, 1, 0)]
)
@pytest.mark.parametrize("side", [9, 17])  # gone through as a whole, and by its rim
def test_a_convolution_reads_a_map_carried_on_into_hidden_places(kernel, dilation, rounds, side):
    x, mask = torch.randn(1, 1, side, side, generator=fresh()), masks(1, side)
    weight = torch.randn(2, 1, kernel, kernel, generator=fresh(3))
    around = dilation * (kernel // 2)
    filled = plainly_filled(x[0, 0], mask[0, 0], rounds)[None, None]
    expected = F.conv2d(filled, weight, None, 1, around, dilation)
    got = under(mask, lambda: F.conv2d(x, weight, None, 1, around, dilation))
    shown = mask.bool().expand_as(got)
    torch.testing.assert_close(got[shown], expected[shown])


def test_an_even_image_is_seen_as_even_through_any_mask():
    """What is hidden beside an even colour is filled with that colour: no edge appears."""
    weight = torch.randn(4, 3, 3, 3, generator=fresh())
    x, mask = torch.full((1, 3, 12, 12), 0.7), masks(1, 12)
    whole = F.conv2d(x, weight, padding=1)
    got = under(mask, lambda: F.conv2d(x, weight, padding=1))
    inner = torch.zeros(12, 12, dtype=torch.bool)
    inner[1:-1, 1:-1] = True  # zeros around the image are the net's own
    shown = (mask.bool() & inner).expand_as(got)
    torch.testing.assert_close(got[shown], whole[shown])


def test_padding_that_the_net_puts_around_a_map_stays_as_it_is():
    weight = torch.randn(2, 1, 3, 3, generator=fresh())
    x, mask = torch.randn(1, 1, 8, 8, generator=fresh()), torch.ones(1, 1, 8, 8)
    for value in (0.0, 5.0, float("-inf")):
        got = under(mask, lambda v=value: F.max_pool2d(F.pad(x, [1, 1, 1, 1], value=v), 3, 2))
        assert torch.equal(got, F.max_pool2d(F.pad(x, [1, 1, 1, 1], value=value), 3, 2))
    padded = under(mask, lambda: F.conv2d(F.pad(x, [1, 1, 1, 1]), weight))
    assert torch.equal(padded, F.conv2d(x, weight, padding=1))


def test_padding_counts_neither_as_shown_nor_as_hidden():
    x, mask = torch.randn(1, 1, 8, 8, generator=fresh()), masks(1, 8)
    weight = torch.randn(1, 1, 5, 5, generator=fresh(1))
    padded = under(mask, lambda: F.conv2d(F.pad(x, [2, 2, 2, 2]), weight))
    shown = mask.bool()
    expected = under(mask, lambda: F.conv2d(x, weight, padding=2))
    torch.testing.assert_close(padded[shown], expected[shown])
    everything = torch.ones_like(mask)
    pooled = under(everything, lambda: F.avg_pool2d(F.pad(x, [1, 1, 1, 1]), 2))
    torch.testing.assert_close(pooled, F.avg_pool2d(F.pad(x, [1, 1, 1, 1]), 2))


def test_two_maps_of_one_size_of_which_one_is_padded_are_refused():
    x = torch.randn(1, 1, 8, 8, generator=fresh())
    with pytest.raises(ClassifierError, match="two maps of 8 x 8 apart"):
        under(torch.ones(1, 1, 8, 8), lambda: F.pad(F.max_pool2d(x, 3, 1), [1, 1, 1, 1]))


def test_a_map_from_nowhere_is_refused():
    x = torch.randn(1, 1, 8, 8, generator=fresh())
    weight = torch.ones(1, 1, 3, 3)
    with pytest.raises(ClassifierError, match="a conv2d reads a map of 4 x 8"):
        under(torch.ones(1, 1, 8, 8), lambda: F.conv2d(x[:, :, ::2], weight))


@pytest.mark.parametrize("read", [torch.mean, torch.sum, torch.amax])
def test_a_part_cut_out_of_a_map_is_refused_even_where_its_numbers_tell_nothing(read):
    x = torch.zeros(1, 1, 8, 8)
    with pytest.raises(ClassifierError, match=f"a {read.__name__} reads a map of 4 x 3"):
        under(torch.ones(1, 1, 8, 8), lambda: read(x[:, :, 2:6, 1:4], dim=(2, 3)))


def test_another_image_is_hidden_too_where_nothing_is_shown():
    x = torch.rand(2, 3, SIDE, SIDE, generator=fresh())

    def logits(images, hidden=None):
        """One number for the whole image, which tells `x[1]` from all else, seen or not."""
        second = (images - x[1]).abs().amax(dim=(1, 2, 3)) == 0
        return torch.stack([torch.zeros(len(images)), second.float()], dim=1)

    refuse_inexact("layer_masking", logits, x[:1], logits(x[:1]))  # goes unnoticed
    with pytest.raises(ClassifierError, match="with nothing shown"):
        refuse_inexact("layer_masking", logits, x[:1], logits(x[:1]), x[1:])


def test_a_network_that_reads_no_map_is_refused_whatever_it_answers():
    x = torch.randn(1, 3, SIDE, SIDE, generator=fresh())
    logits = logits_of(lambda images: torch.tensor([[1.0, 0.0]]).expand(len(images), -1))
    with pytest.raises(ClassifierError, match="none of its layers reads a map"):
        refuse_inexact("layer_masking", logits, x, logits(x))


def test_nothing_outlives_the_pass():
    x, mask = torch.randn(1, 1, 8, 8, generator=fresh()), masks(1, 8)
    before = x.mean(dim=(2, 3))
    masked = under(mask, lambda: x.mean(dim=(2, 3)))
    assert torch.equal(x.mean(dim=(2, 3)), before)
    assert not torch.equal(masked, before)


def test_the_gradient_of_a_mask_points_to_what_speaks_for_the_label():
    """A net that averages brightness: showing a bright pixel more raises it, a dark one lowers."""
    net = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, bias=False), nn.ReLU())
    net[0].weight = nn.Parameter(torch.full((1, 1, 3, 3), 1 / 9))
    x = torch.full((1, 1, 12, 12), 0.5)
    x[..., 2:6, 2:6], x[..., 8:11, 8:11] = 1.0, 0.1
    hard = torch.ones(1, 1, 12, 12)
    hard[..., 3:5, 3:5] = hard[..., 9:10, 9:10] = 0  # within a bright and a dark square
    for values in (torch.full((1, 1, 12, 12), 0.5), hard):
        mask = values.clone().requires_grad_()
        with LayerMasking(mask):
            net(x).mean(dim=(2, 3)).sum().backward()
        assert mask.grad.isfinite().all()
        assert mask.grad[..., 3:5, 3:5].min() > 0 > mask.grad[..., 9:10, 9:10].max()


@pytest.mark.parametrize("shown", [0.0, 0.5, 1.0])
def test_the_gradient_through_a_norm_is_finite_whatever_is_shown(shown):
    x, mask = torch.randn(1, 2, 6, 6, generator=fresh()), torch.full((1, 1, 6, 6), shown)
    with LayerMasking(mask.requires_grad_()):
        (x.norm(p=2, dim=(2, 3)) ** 2).sum().backward()
    assert mask.grad.isfinite().all()
    assert bool(mask.grad.any()) == (shown > 0)


def test_a_mask_with_a_gradient_sees_what_one_without_sees():
    module, x = named("timm", "resnet18"), torch.randn(1, 3, SIDE, SIDE, generator=fresh())
    mask = smooth_mask(x)
    hard = logits_of(module)(x, Hidden("layer_masking", mask))
    soft = masked_pass(module, x, Hidden("layer_masking", mask.clone().requires_grad_()))
    torch.testing.assert_close(soft.detach(), hard, rtol=1e-4, atol=1e-4)
