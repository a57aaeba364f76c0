"""What a mask is lost on, and what it survives, against plain loops, on toys that are exact.

Images, weights and baselines are small whole numbers, and probabilities are taken from them by
sums and powers of two: a masked input gets the same prediction in a batch and alone.
"""

import random
from itertools import product

import pytest
import torch

from med_cam.masking.view import View
from med_cam.verify.minimality import Trial, gaps, lost, part, survived, trial_of
from verify.small_scenes import SIDE, decision, random_mask, scene, whole_numbers

# Lost and survived, against the definition


def toy(seed):
    """Three classes by three random sums of pixels."""
    weights = whole_numbers(seed, 3, 2, SIDE, SIDE, most=4) - 2

    def predict(x):
        sums = torch.einsum("bchw,kchw->bk", x.double(), weights.double())
        return (sums / 64 + 0.5).clamp(0, 1).float()

    return predict


def trial(seed, samples, shifts, threshold, tolerance=0):
    infill = whole_numbers(seed + 1, 4, 2, SIDE, SIDE)
    found = trial_of(infill, samples, shifts, 2, decision(threshold), turn=3)
    return Trial(found.infill, found.steps, found.names, found.decision, tolerance)


def retained_on(predict, s, mask, on, i):
    """Whether the prediction is retained on the i-th masked input, made pixel by pixel."""
    dy, dx = on.steps[i]
    image, masked_input = s.x[0].numpy(), on.infill[i].numpy().copy()
    for y, x in product(range(SIDE), range(SIDE)):
        if mask[0, 0, y, x] and 0 <= y + dy < SIDE and 0 <= x + dx < SIDE:
            masked_input[:, y + dy, x + dx] = image[:, y + dy, x + dx]
    p = predict(torch.from_numpy(masked_input)[None])[0].tolist()
    return p.index(max(p)) == 1 and p[1] >= on.decision.threshold, p[1] - 2 * (
        p.index(max(p)) != 1
    )


def shuffled(on, seed):
    order = list(range(len(on.names)))
    random.Random(seed).shuffle(order)
    return part(on, order)


@pytest.mark.parametrize("seed", range(24))
@pytest.mark.parametrize("tolerance", [0, 2])
def test_what_a_mask_is_lost_on_is_true_whatever_the_order_and_the_hint(seed, tolerance):
    predict, s = toy(seed), scene(whole_numbers(seed + 2, 1, 2, SIDE, SIDE))
    on = trial(seed, range(4), range(8), (seed % 5) / 8, tolerance)
    mask = random_mask(seed, 0.4 + 0.05 * (seed % 12))
    retained = {name: retained_on(predict, s, mask, on, i)[0] for i, name in enumerate(on.names)}
    samples = {name for name, held in retained.items() if name[0] == "sample" and not held}
    shifts = sum(name[0] == "shift" and not held for name, held in retained.items())
    hints = [None, ("sample", 3), ("shift", -1), ("shift", 5), ("sample", 77), ("", -1)]
    for i, hint in enumerate(hints):
        found = lost(View(predict, s), mask, shuffled(on, i), hint)
        if not samples and shifts <= tolerance:
            assert found is None
        elif found == ("shift", -1):
            assert shifts > tolerance
        else:
            assert found in samples


def test_the_toys_above_are_lost_on_samples_on_shifts_and_on_nothing():
    ends = set()
    for seed in range(24):
        predict, s = toy(seed), scene(whole_numbers(seed + 2, 1, 2, SIDE, SIDE))
        on = trial(seed, range(4), range(8), (seed % 5) / 8)
        found = lost(View(predict, s), random_mask(seed, 0.4 + 0.05 * (seed % 12)), on)
        ends.add(found if found is None else found[0])
    assert ends == {None, "sample", "shift"}


@pytest.mark.parametrize("seed", range(12))
def test_a_sample_is_named_where_samples_are_tried_first(seed):
    predict, s = toy(seed), scene(whole_numbers(seed + 2, 1, 2, SIDE, SIDE))
    on, mask = trial(seed, range(4), range(8), 0.25), random_mask(seed)
    fell = {n for i, n in enumerate(on.names) if not retained_on(predict, s, mask, on, i)[0]}
    samples = {name for name in fell if name[0] == "sample"}
    found = lost(View(predict, s), mask, on)
    assert found in samples if samples else found == (("shift", -1) if fell else None)


@pytest.mark.parametrize("seed", range(12))
def test_a_hint_that_is_right_is_what_is_named_or_a_harder_one_beside_it(seed):
    predict, s = toy(seed), scene(whole_numbers(seed + 2, 1, 2, SIDE, SIDE))
    on, mask = trial(seed, range(4), (), 0.5), random_mask(seed)
    for i, name in enumerate(on.names):
        seen = []

        def counting(x, seen=seen):
            seen.append(len(x))
            return predict(x)

        if not retained_on(predict, s, mask, on, i)[0]:
            assert lost(View(counting, s), mask, on, name) is not None
            assert seen == [2]  # no masked inputs but the first two


@pytest.mark.parametrize("hint", [("sample", 3), ("sample", -1), None])
def test_the_only_sample_that_is_lost_is_found_at_once_where_it_is_the_hint(hint):
    s, mask, seen = scene(whole_numbers(1, 1, 2, SIDE, SIDE)), random_mask(0), []
    infill = torch.arange(8.0)[:, None, None, None].expand(8, 2, SIDE, SIDE)
    on = trial_of(infill, [0, 1, 2, 4, 5, 6, 3], (), 2, decision(), turn=8)
    hidden = torch.where(~mask[0, 0])

    def predict(x):
        number = x[:, 0, hidden[0][0], hidden[1][0]]
        seen.append(number.tolist())
        p = torch.where(number == 3, 0.25, 0.75)
        return torch.stack([0 * p, p, 0 * p], dim=1)

    assert lost(View(predict, s), mask, on, hint) == ("sample", 3)
    first = [3, 0] if hint == ("sample", 3) else [0, 1]
    assert seen[0] == first
    assert (len(seen) == 1) == (hint == ("sample", 3))


def test_of_the_samples_lost_together_the_hardest_is_named_and_ever_more_are_tried_at_once():
    s, mask = scene(whole_numbers(1, 1, 2, SIDE, SIDE)), random_mask(0)
    infill = torch.arange(20.0)[:, None, None, None].expand(20, 2, SIDE, SIDE)
    on = trial_of(infill, range(20), (), 2, decision(), turn=20)
    row, column = (axis[0] for axis in torch.where(~mask[0, 0]))
    sizes = []

    def losing(**gaps_of):
        lost_by = {int(name[1:]): gap for name, gap in gaps_of.items()}

        def predict(x):
            sizes.append(len(x))
            p = torch.tensor([0.5 - lost_by.get(int(v), 0.0) for v in x[:, 0, row, column]])
            return torch.stack([0 * p, p, 0 * p], dim=1)

        return View(predict, s)

    assert lost(losing(_0=0.125, _1=0.25), mask, on) == ("sample", 1)
    assert lost(losing(_2=0.125, _4=0.375, _5=0.25, _6=0.5), mask, on) == ("sample", 4)
    sizes.clear()
    assert lost(losing(), mask, on) is None
    assert sizes == [2, 4, 8, 6]


def test_a_mask_at_the_threshold_survives_and_of_no_masked_inputs_none_is_left():
    s, mask = scene(whole_numbers(1, 1, 2, SIDE, SIDE)), random_mask(0)

    def predict(x):
        return torch.tensor([[0.0, 0.5, 0.0]]).expand(len(x), 3)

    on = trial(0, range(4), range(8), 0.5)
    assert survived(View(predict, s), mask, on).names == on.names
    none = part(on, [])
    assert survived(View(predict, s), mask, none).names == ()
    assert len(gaps(View(predict, s), mask, none)) == 0


def test_all_samples_are_tried_where_none_is_lost_and_few_where_the_first_is():
    s = scene(whole_numbers(1, 1, 2, SIDE, SIDE))
    on, mask, seen = trial(0, range(4), range(8), 0.5), random_mask(0), []

    def always(p):
        def predict(x):
            seen.append(len(x))
            return torch.tensor([[0.0, p, 0.0]]).expand(len(x), 3)

        return predict

    assert lost(View(always(0.5), s), mask, on) is None
    assert sum(seen) == len(on.names)
    seen.clear()
    assert lost(View(always(0.25), s), mask, on) == ("sample", 0)
    assert sum(seen) == 2


def test_no_masked_inputs_are_survived_by_every_mask():
    s = scene(whole_numbers(1, 1, 2, SIDE, SIDE))
    on = part(trial(0, range(4), range(8), 1.0), [])
    assert lost(View(toy(0), s), random_mask(0), on) is None


@pytest.mark.parametrize("seed", range(15))
def test_what_a_mask_survives_is_left_of_a_trial_the_hardest_first(seed):
    predict, s = toy(seed), scene(whole_numbers(seed + 2, 1, 2, SIDE, SIDE))
    on, mask = trial(seed, range(4), range(8), 0.25, tolerance=3), random_mask(seed)
    reported = [retained_on(predict, s, mask, on, i) for i in range(len(on.names))]
    left = survived(View(predict, s), mask, on)
    expected = sorted(
        (i for i, (held, _) in enumerate(reported) if held), key=lambda i: reported[i][1]
    )
    assert left.names == tuple(on.names[i] for i in expected)
    assert left.steps == tuple(on.steps[i] for i in expected)
    assert torch.equal(left.infill, on.infill[expected])
    assert left.tolerance == 3
    assert lost(View(predict, s), mask, left) is None
