"""Samples of removals: what is drawn, how they are joined, what a View makes of them."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings, strategies as st

from med_cam.classifiers.forward import Outputs
from med_cam.masking.samplers import baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.hidden import Hidden
from med_cam.removal.masked_pass import masked_pass
from med_cam.removal.samples import REACH, Samples, joined, painted, worn


def fresh(seed=0):
    return torch.Generator().manual_seed(seed)


def scene(side=16, valid=None):
    x = torch.rand(1, 3, side, side, generator=fresh()) + 0.5
    colour = torch.zeros(1, 3, 1, 1)
    seen = torch.ones(1, 1, side, side, dtype=torch.bool) if valid is None else valid
    return Scene(x, seen, colour - 2, colour + 2, x[:0], feather=1)


def answers(x, hidden=None):
    """Brightness shown, as logits; a mean over what is shown where something is hidden inside."""

    def network(images):
        bright = F.conv2d(images, torch.ones(1, 3, 1, 1)).mean(dim=(2, 3))
        return Outputs(torch.cat([bright, -bright], dim=1), (images,))

    return network(x) if hidden is None else masked_pass(network, x, hidden)


def some(count, side=16, seed=1):
    field = torch.randn(count, 1, 4, 4, generator=fresh(seed))
    return (F.interpolate(field, (side, side), mode="bicubic") > 0).float()


@given(st.integers(-REACH, REACH), st.integers(-REACH, REACH), st.integers(0, 1))
@settings(max_examples=30, deadline=None)
def test_a_sample_never_shows_what_the_mask_hides(dy, dx, wear):
    mask = some(1)
    left = worn(mask, torch.tensor([[dy, dx, wear]]))
    assert bool((left <= mask).all())
    for i in range(REACH + wear, 16 - REACH - wear):
        for j in range(REACH + wear, 16 - REACH - wear):
            near = range(-wear, wear + 1)
            whole = all(
                mask[0, 0, i + a, j + b] and mask[0, 0, i + a - dy, j + b - dx]
                for a in near
                for b in near
            )
            assert bool(left[0, 0, i, j]) == whole


def test_the_edge_of_the_image_is_no_rim():
    everything = torch.ones(2, 1, 8, 8)
    assert torch.equal(worn(everything, torch.tensor([[2, -2, 1], [-1, 0, 1]])), everything)


def test_draws_cover_every_rim_alike():
    s, generator = scene(), fresh()
    rims = torch.cat([baseline("layer_masking", s, generator).rims for _ in range(600)])
    counts = torch.unique(rims, dim=0, return_counts=True)[1]
    assert len(counts) == (2 * REACH + 1) ** 2 * 2
    assert counts.max() < 5 * counts.min().clamp(min=1) + 20


def test_painted_samples_stay_tensors():
    s = scene()
    grey = baseline("grey", s, fresh())
    assert torch.equal(joined([grey, grey + 1]), torch.cat([grey, grey + 1]))


def mixed():
    s, generator = scene(), fresh(2)
    names = ("gaussian", "layer_masking", "feathered_uniform", "grey")
    return s, [baseline(name, s, generator) for name in names]


def test_samples_are_indexed_as_tensors_are():
    _, parts = mixed()
    every = joined(parts)
    assert isinstance(every, Samples)
    assert len(every) == 4
    assert len(every[[]]) == len(every[4:]) == 0
    for i, part in enumerate(parts):
        for one in (every[i : i + 1], every[[i]], every[torch.tensor([i])]):
            alone = painted(part) if isinstance(part, torch.Tensor) else part
            assert one.names == alone.names
            assert torch.equal(one.rims, alone.rims)
            assert one.feathers == alone.feathers
            assert torch.equal(one.infill, alone.infill.expand_as(one.infill))


@pytest.mark.parametrize("content", [None, 2.0])
def test_mixed_samples_give_what_each_gives_alone_in_their_order(content):
    s, parts = mixed()
    view, masks = View(answers, s), some(4)
    shown = None if content is None else s.x * content
    together = view.over(masks, joined(parts), content=shown)
    for i, part in enumerate(parts):
        alone = view.over(masks[i : i + 1], part, content=shown)
        torch.testing.assert_close(together.logits[i : i + 1], alone.logits)
        torch.testing.assert_close(together.activations[0][i : i + 1], alone.activations[0])


def test_one_mask_under_many_samples_and_many_masks_under_one():
    s, parts = mixed()
    view, masks = View(answers, s), some(3)
    many = view.over(masks[:1], joined(parts)).logits
    one = torch.cat([view.over(masks[:1], part).logits for part in parts])
    torch.testing.assert_close(many, one)
    under = view.over(masks, parts[1]).logits
    each = torch.cat([view.over(masks[i : i + 1], parts[1]).logits for i in range(3)])
    torch.testing.assert_close(under, each)


def test_hidden_pixels_have_no_influence_bit_for_bit():
    s, mask = scene(), some(1)
    samples = joined([baseline("layer_masking", s, fresh(i)) for i in range(8)])
    other = torch.where(mask > 0, s.x, torch.randn(s.x.shape, generator=fresh(9)) * 9)
    view = View(lambda *given: answers(*given).logits, s)
    assert torch.equal(view.over(mask, samples), view.over(mask, samples, content=other))


def test_padding_is_always_shown():
    valid = torch.ones(1, 1, 16, 16, dtype=torch.bool)
    valid[..., :4, :] = False
    s = scene(valid=valid)
    nothing = View(answers, s).hidden(baseline("layer_masking", s, fresh())).logits
    torch.testing.assert_close(nothing[0, 0], s.x[..., :4, :].sum(dim=1).mean())


def test_a_network_that_takes_one_size_of_batches_gets_masks_with_its_images():
    sizes = []

    def network(images):
        sizes.append(len(images))
        return F.conv2d(images, torch.ones(1, 3, 1, 1)).mean(dim=(2, 3))

    s = scene()
    x, masks = torch.cat([s.x, s.x * 2, s.x * 3, s.x + 1, s.x - 1]), some(5)
    hidden = Hidden("layer_masking", masks)
    parts = masked_pass(network, x, hidden, (2, 2))
    assert sizes == [2, 2, 2]
    torch.testing.assert_close(parts, masked_pass(network, x, hidden))
