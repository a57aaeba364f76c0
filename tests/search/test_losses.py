"""Each term against its definition, written out slowly; each gradient against differences."""

import math
from dataclasses import fields

import pytest
import torch
from hypothesis import given, settings, strategies as st
from torch.autograd import gradcheck

from med_cam.classifiers.forward import Outputs
from med_cam.config.presets import grouped
from med_cam.config.settings import Objective, Weights
from med_cam.results.reference import Reference
from med_cam.search import losses
from med_cam.search.objective import objective


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def slow_softmax(row):
    total = sum(math.exp(v) for v in row)
    return [math.exp(v) / total for v in row]


def slow_sigmoid(v):
    return 1 / (1 + math.exp(-v))


def test_total_variation_is_the_sum_over_lower_and_right_neighbours():
    mask = drawn(2, 1, 4, 5).sigmoid()
    for index in range(2):
        m = mask[index, 0].tolist()
        total = sum(abs(m[i + 1][j] - m[i][j]) for i in range(3) for j in range(5))
        total += sum(abs(m[i][j + 1] - m[i][j]) for i in range(4) for j in range(4))
        assert losses.total_variation(mask)[index].item() == pytest.approx(total / 20)


def test_area_and_binarization_are_sums_over_the_pixels_divided_by_their_number():
    mask = drawn(2, 1, 3, 4).sigmoid()
    for index in range(2):
        values = mask[index].flatten().tolist()
        assert losses.area(mask)[index].item() == pytest.approx(sum(values) / 12)
        expected = sum(abs(v - v * v) for v in values) / 12
        assert losses.binarization(mask)[index].item() == pytest.approx(expected)


@given(st.integers(2, 40), st.integers(2, 40))
@settings(max_examples=30, deadline=None)
def test_pixel_terms_do_not_grow_with_the_image(h, w):
    constant = torch.full((1, 1, h, w), 0.3)
    assert losses.area(constant).item() == pytest.approx(0.3)
    assert losses.binarization(constant).item() == pytest.approx(0.21)
    assert losses.total_variation(constant).item() == 0


@given(st.lists(st.booleans(), min_size=4, max_size=36))
@settings(max_examples=30, deadline=None)
def test_binarization_is_zero_exactly_on_hard_masks(bits):
    mask = torch.tensor(bits, dtype=torch.float32).view(1, 1, 1, -1)
    assert losses.binarization(mask).item() == 0
    assert losses.binarization(mask * 0.9 + 0.05).item() > 0


def test_kl_divergence_is_its_definition():
    logits, reference = drawn(3, 4), drawn(1, 4, seed=1)
    p = slow_softmax(reference[0].tolist())
    for row, got in zip(logits.tolist(), losses.kl_divergence(logits, reference), strict=True):
        q = slow_softmax(row)
        expected = sum(a * (math.log(a) - math.log(b)) for a, b in zip(p, q, strict=True))
        assert got.item() == pytest.approx(expected)


def test_bernoulli_kl_is_the_sum_over_outputs_of_binary_divergences():
    logits, reference = drawn(3, 4), drawn(1, 4, seed=1)
    for row, got in zip(logits.tolist(), losses.bernoulli_kl(logits, reference), strict=True):
        expected = 0.0
        for of_e, of_x in zip(row, reference[0].tolist(), strict=True):
            p, q = slow_sigmoid(of_x), slow_sigmoid(of_e)
            expected += p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))
        assert got.item() == pytest.approx(expected)


def test_a_pair_of_logits_diverges_as_the_bernoulli_of_their_difference():
    z, z0 = drawn(3, 1), drawn(1, 1, seed=1)
    pair, pair0 = torch.cat([z * 0, z], 1), torch.cat([z0 * 0, z0], 1)
    torch.testing.assert_close(losses.kl_divergence(pair, pair0), losses.bernoulli_kl(z, z0))


def test_cross_entropy_is_minus_the_log_probability_of_the_target():
    logits, target = drawn(3, 4), torch.tensor([2, 0, 3])
    terms = losses.cross_entropy(logits, target)
    for row, index, got in zip(logits.tolist(), target, terms, strict=True):
        assert got.item() == pytest.approx(-math.log(slow_softmax(row)[index]))


def test_bernoulli_cross_entropy_reads_the_targets_own_output_only():
    logits, target = drawn(3, 4), torch.tensor([2, 0, 3])
    got = losses.bernoulli_cross_entropy(logits, target)
    for row, index, value in zip(logits.tolist(), target, got, strict=True):
        assert value.item() == pytest.approx(-math.log(slow_sigmoid(row[index])))


LAYERS = [(2, 3, 4, 4), (2, 5, 7)]  # a feature map and tokens


def slow_mse(a, b):
    return sum((u - v) ** 2 for u, v in zip(a, b, strict=True)) / len(a)


def slow_cosine(a, b):
    dot = sum(u * v for u, v in zip(a, b, strict=True))
    return 1 - dot / math.sqrt(sum(u * u for u in a) * sum(v * v for v in b))


@pytest.mark.parametrize(("name", "slow"), [("mse", slow_mse), ("cosine", slow_cosine)])
def test_activation_matching_is_the_weighted_sum_over_layers(name, slow):
    of_e = [drawn(*shape, seed=i) for i, shape in enumerate(LAYERS)]
    of_x = [drawn(1, *shape[1:], seed=9 + i) for i, shape in enumerate(LAYERS)]
    got = losses.activation_matching(of_e, of_x, (0.3, 2.0), name)
    for index in range(2):
        expected = sum(
            alpha * slow(a[index].flatten().tolist(), b.flatten().tolist())
            for alpha, a, b in zip((0.3, 2.0), of_e, of_x, strict=True)
        )
        assert got[index].item() == pytest.approx(expected)


def test_failure_is_a_smooth_step_at_the_threshold():
    p = torch.tensor([0.0, 0.55, 0.6, 0.65, 1.0], dtype=torch.float64).clamp(1e-9, 1 - 1e-9)
    logits = torch.stack([torch.zeros_like(p), p.logit()], dim=1)
    got = losses.failure(logits, torch.ones(5, dtype=torch.long), 0.6, "softmax").tolist()
    assert got == sorted(got, reverse=True)
    assert got[0] > 0.95
    assert got[2] == pytest.approx(0.5)
    assert got[-1] < 0.1


@pytest.mark.parametrize("term", [losses.area, losses.binarization, losses.total_variation])
def test_gradients_of_mask_terms(term):
    assert gradcheck(term, drawn(2, 1, 4, 4).sigmoid().requires_grad_())


@pytest.mark.parametrize("term", [losses.kl_divergence, losses.bernoulli_kl])
def test_gradients_of_divergences(term):
    assert gradcheck(lambda e: term(e, drawn(1, 4, seed=1)), drawn(2, 4).requires_grad_())


@pytest.mark.parametrize("distance", ["mse", "cosine"])
def test_gradients_of_activation_matching(distance):
    x = drawn(1, 3, 4, seed=1)
    assert gradcheck(
        lambda e: losses.activation_matching([e], [x], [1.0], distance),
        drawn(2, 3, 4).requires_grad_(),
    )


def test_a_mask_of_the_wrong_shape_is_refused():
    with pytest.raises(Exception, match="mask"):
        losses.area(torch.rand(4, 4))


def outputs_of(seed):
    features = (drawn(2, 3, 4, seed=seed, dtype=torch.float32),)
    return Outputs(drawn(2, 3, seed=seed, dtype=torch.float32), features)


def reference():
    whole = Outputs(torch.randn(1, 3), (torch.randn(1, 3, 4),))
    return Reference(1, "softmax", 0.6, whole.logits, whole.logits.softmax(1), whole.activations)


def test_every_weight_has_its_term_and_every_term_its_weight():
    _, parts = objective(
        outputs_of(0), outputs_of(1), torch.rand(2, 1, 4, 4), reference(), Objective()
    )
    assert set(parts) == {field.name for field in fields(Weights)}


def test_the_objective_is_the_weighted_sum_of_its_terms():
    weights = Weights(1.5, 0.3, 2.0, 7.0, 0.1, 0.9, 4.0, 0.7)
    loss, parts = objective(
        outputs_of(0), outputs_of(1), torch.rand(2, 1, 4, 4), reference(), Objective(weights)
    )
    expected = sum(getattr(weights, name) * value for name, value in parts.items())
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_the_papers_groups_have_one_weight_each():
    w = grouped(10.0, 150.0, 20.0)
    assert (w.activation, w.kl, w.cross_entropy) == (10, 10, 10)
    assert (w.area, w.binarization, w.total_variation) == (150, 150, 150)
    assert (w.robustness, w.failure) == (20, 0)
