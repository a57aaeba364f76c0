"""How good a classifier is, against plain counting."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from med_cam.errors import ClassifierError, ConfigError, DataError
from med_cam_studies.evaluation.performance import performance


def pairs_won(scores, own):
    """The area under the ROC curve, as the share of pairs in the right order; half for ties."""
    won = [1.0 if a > b else 0.5 if a == b else 0.0 for a in scores[own] for b in scores[~own]]
    return sum(won) / len(won) if won else math.nan


def calibration(labels, probabilities, bins=15):
    """Expected calibration error, one bin after the other; 1 belongs to the last."""
    error = 0.0
    for i in range(bins):
        inside = []
        for label, row in zip(labels, probabilities, strict=True):
            confidence = row.max()
            low, high = i / bins, (i + 1) / bins
            if low <= confidence < high or (i == bins - 1 and confidence == 1):
                inside.append((confidence, float(row.argmax() == label)))
        if inside:
            confidence, right = (sum(side) / len(inside) for side in zip(*inside, strict=True))
            error += len(inside) / len(labels) * abs(right - confidence)
    return error


def example(n, k, seed, *, present=None, rounded=False):
    random = np.random.default_rng(seed)
    labels = random.integers(0, present or k, n)
    logits = random.normal(size=(n, k)) + 2 * np.eye(k)[labels]
    if rounded:
        logits = logits.round() + np.arange(k) / 10  # ties between images, none between classes
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels, p.astype(np.float32)


@settings(max_examples=40, deadline=None)
@given(
    n=st.integers(1, 40),
    k=st.integers(2, 5),
    seed=st.integers(0, 999),
    rounded=st.booleans(),
    absent=st.booleans(),
)
def test_all_figures_are_those_of_plain_counting(n, k, seed, rounded, absent):
    labels, p = example(n, k, seed, present=k - absent, rounded=rounded)
    found = performance(torch.from_numpy(labels), torch.from_numpy(p))
    answers = p.argmax(axis=1)
    recalls = [
        np.mean(answers[labels == c] == c) if (labels == c).any() else math.nan for c in range(k)
    ]
    aurocs = [pairs_won(p[:, c], labels == c) for c in range(k)]
    for a in range(k):
        for b in range(k):
            assert found.counts[a][b] == sum((labels == a) & (answers == b))
    assert found.accuracy == pytest.approx(np.mean(answers == labels))
    assert found.recalls == pytest.approx(recalls, nan_ok=True)
    known = [r for r in recalls if not math.isnan(r)]
    assert found.balanced_accuracy == pytest.approx(sum(known) / len(known))
    assert found.aurocs == pytest.approx(aurocs, abs=1e-6, nan_ok=True)
    areas = [a for a in aurocs if not math.isnan(a)]
    macro = sum(areas) / len(areas) if areas else math.nan
    assert found.auroc == pytest.approx(macro, abs=1e-6, nan_ok=True)
    assert found.ece == pytest.approx(calibration(labels, p), abs=1e-5)
    assert found.majority == max((labels == c).sum() for c in range(k)) / n


def test_a_saturated_classifier_has_its_certain_answers_in_the_last_bin():
    p = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.96, 0.04], [0.04, 0.96]])
    labels = torch.tensor([0, 1, 0, 1])
    found = performance(labels, p)
    assert found.ece == pytest.approx(abs(3 / 4 - (1 + 1 + 0.96 + 0.96) / 4), abs=1e-6)


def test_one_class_alone_has_recalls_but_no_curve():
    found = performance(torch.tensor([1, 1]), torch.tensor([[0.2, 0.8], [0.7, 0.3]]))
    assert found.recalls == pytest.approx((math.nan, 0.5), nan_ok=True)
    assert found.balanced_accuracy == 0.5
    assert all(math.isnan(a) for a in (*found.aurocs, found.auroc))
    assert found.majority == 1


def test_of_equally_probable_classes_the_first_is_the_answer():
    found = performance(torch.tensor([0, 1]), torch.tensor([[0.5, 0.5], [0.5, 0.5]]))
    assert found.counts == ((1, 0), (1, 0))
    assert found.aurocs == (0.5, 0.5)


def test_sigmoid_outputs_need_not_sum_to_one():
    found = performance(torch.tensor([0, 1]), torch.tensor([[0.9, 0.8], [0.3, 0.6]]))
    assert (found.accuracy, found.aurocs) == (1, (1, 0))
    assert found.ece == pytest.approx((0.1 + 0.4) / 2, abs=1e-6)


def test_the_interval_of_the_accuracy_is_the_exact_one():
    perfect = performance(torch.zeros(59, dtype=torch.long), torch.tensor([[0.9, 0.1]] * 59))
    low, high = perfect.accuracy_interval
    assert low**59 == pytest.approx(0.025)  # so rare are 59 of 59 at this accuracy
    assert high == 1
    half = performance(torch.tensor([0, 1]), torch.tensor([[0.9, 0.1]] * 2))
    low, high = half.accuracy_interval
    assert 1 - (1 - low) ** 2 == pytest.approx(0.025)
    assert 1 - high**2 == pytest.approx(0.025)


@pytest.mark.parametrize(
    ("labels", "p", "error", "sentence"),
    [
        ([], [], DataError, "no labelled images"),
        ([2], [[0.5, 0.5]], DataError, "from 2 to 2 where the classifier has 2"),
        ([0, -1], [[0.5, 0.5]] * 2, DataError, "from -1 to 0"),
        ([0], [[1.5, -0.5]], ClassifierError, "from -0.5 to 1.5"),
        ([0], [[math.nan, 0.5]], ClassifierError, "nan"),
    ],
)
def test_what_cannot_be_scored_is_refused(labels, p, error, sentence):
    values = torch.tensor(p, dtype=torch.float32).reshape(-1, 2)
    with pytest.raises(error, match=sentence):
        performance(torch.tensor(labels, dtype=torch.long), values)


def test_a_missing_torchmetrics_is_reported_with_its_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchmetrics.functional.classification", None)
    with pytest.raises(ConfigError, match=r"med-cam-evidence\[studies\]"):
        performance(torch.tensor([0, 1]), torch.tensor([[0.9, 0.1], [0.2, 0.8]]))
