"""The sections of a dossier: every number against plain counting on images made by hand."""

import math
from statistics import median

import pytest
from by_hand import LABELS, NOT_SUFFICIENT, counted, facts, made, one, tables, texts
from made_up import generator
from scipy.stats import beta

from med_cam.errors import ConfigError, OutputError
from med_cam.results.notice import Notice
from med_cam_studies.dossier.data import LeftOut, data, manifest
from med_cam_studies.dossier.errors import errors
from med_cam_studies.dossier.evidence import evidence, histogram
from med_cam_studies.dossier.performance import performance
from med_cam_studies.dossier.warning_kinds import kind_of, warning_kinds
from med_cam_studies.report.blocks import share
from med_cam_studies.report.explained import (
    one_an_image,
    refuse_unknown_truth,
    the_classifier,
)


@pytest.fixture(scope="module")
def every():
    """Of each label 5: 12 right, 3 wrong; every third of them not sufficient."""
    found = []
    for n in range(15):
        truth = LABELS[n % 3]
        predicted = truth if n % 5 else LABELS[(n + 1) % 3]
        more = NOT_SUFFICIENT if n % 4 == 3 else {}
        found.append(one(n, predicted, truth, p=0.5 + n / 40, area=0.05 + n / 20, **more))
    return found


def test_a_share_has_its_denominator_and_the_exact_interval():
    low, high = beta.ppf(0.025, 3, 18), beta.ppf(0.975, 4, 17)
    assert share(3, 20) == f"3 of 20: 15.0% ({low:.1%} to {high:.1%})"
    assert "of" not in share(0, 0)


def test_performance_is_that_of_plain_counting(every):
    unknown = one(99, "a")
    section = performance([*every, unknown], generator=generator())
    assert counted(facts(section)["Accuracy"]) == (12, 15)
    for label, cells in tables(section)["By label"].items():
        own = [o for o in every if o.truth == label]
        others = [o for o in every if o.truth != label]
        said = [o for o in every if o.predicted == label]
        assert counted(cells[0]) == (sum(o.predicted == label for o in own), len(own))
        assert counted(cells[1]) == (sum(o.predicted != label for o in others), len(others))
        assert counted(cells[2]) == (sum(o.truth == label for o in said), len(said))
        k = LABELS.index(label)
        scores = [(a.probabilities[k], b.probabilities[k]) for a in own for b in others]
        area = sum((a > b) + (a == b) / 2 for a, b in scores) / len(scores)
        assert float(cells[3].split()[0]) == pytest.approx(area, abs=0.005)
    confusion = tables(section)["Images by right label (row) and prediction (column)"]
    assert {
        (truth, predicted): int(row[k])
        for truth, row in confusion.items()
        for k, predicted in enumerate(LABELS)
    } == {
        (t, p): sum(o.truth == t and o.predicted == p for o in every)
        for t in LABELS
        for p in LABELS
    }


def test_independent_outputs_are_said():
    group = [one(0, "a", "b"), one(1, "b", "b", made=made())]
    assert "sigmoid" not in texts(performance(group, generator=generator()))
    group = [one(0, "a", "b", made=made(head="sigmoid"))]
    assert "independent of each other (sigmoid)" in texts(
        performance(group, generator=generator())
    )


def test_without_right_labels_performance_is_not_measured(every):
    section = performance([one(n, "a") for n in range(3)], generator=generator())
    assert "Not measured" in texts(section)
    assert "of 0 of 3 images" in texts(section)
    assert "of 0" in texts(errors([one(n, "a") for n in range(3)], generator=generator()))


def test_evidence_is_counted_by_label_and_size(every):
    other = one(50, "a", label="b")  # --target: no number of this section is of it
    section = evidence([*every, other])
    assert "1 results explain a label that is not the predicted one" in texts(section)
    found = tables(section)["Sufficient regions by predicted label"]
    for label in (*LABELS, "all"):
        own = [o for o in every if label in (o.label, "all")]
        verified = [o for o in own if o.verified]
        small = [o for o in verified if o.area <= 0.5]
        assert counted(found[label][0]) == (len(verified), len(own))
        assert counted(found[label][1]) == (len(small), len(own))
        areas = [o.area for o in verified]
        assert found[label][2].startswith(f"{100 * median(areas):.1f}%")
        assert found[label][2].endswith(f"of {len(areas)}")
    ended = tables(section)["How the tests ended"]
    assert counted(ended["sufficiency test failed"][0]) == (3, 15)
    assert len(found["all"][1]) < len(found["all"][0]) + 2


def test_further_tests_are_of_the_sufficient_masks_that_had_them():
    group = [
        one(0, "a", tests={"necessary": True}), one(1, "a", tests={"necessary": False}),
        one(2, "a"), one(3, "a", tests={"necessary": True}, **NOT_SUFFICIENT),
    ]  # fmt: skip
    found = tables(evidence(group))["Further tests of sufficient masks"]
    (necessary,) = (v for k, v in found.items() if k.startswith("the prediction always changes"))
    assert counted(necessary[0]) == (1, 2)


def test_a_histogram_holds_every_area_once():
    areas = [0.0, 4.9, 5.0, 12.0, 12.5, 99.0, 100.0]
    found = histogram("a", areas, 9)
    counts = {round(bar.x): round(bar.height * found.highest / 100) for bar in found.bars}
    assert counts == {0: 2, 5: 1, 10: 2, 95: 2}
    assert found.median == 12.0
    assert all(bar.y + bar.height == pytest.approx(100) for bar in found.bars)
    assert histogram("a", [], 9).bars == ()


def test_errors_are_told_by_pairs_of_wrong_and_right():
    group = [
        one(
            n, "a", "b" if n % 3 == 0 else "a", p=0.4 + 0.03 * (n * 7 % 18), stability=n % 5 / 5,
            area=0.1 + n / 40, bound=0.9 + n % 4 / 50, verified=n % 4 > 0,
        )
        for n in range(18)
    ]  # fmt: skip
    found = tables(errors(group, generator=generator()))["AUROC for a wrong prediction"]
    scores = {
        "low confidence": lambda o: 1 - max(o.probabilities),
        "large mask": lambda o: o.area if o.verified else 1,
        "low bound": lambda o: 1 - o.bound,
        "low stability": lambda o: 1 - o.stability,
        "no sufficient": lambda o: not (o.verified and o.area <= 0.5),
    }
    wrong, right = ([o for o in group if (o.label == o.truth) is r] for r in (False, True))
    assert len(found) == len(scores)
    for (words, cells), (name, score) in zip(found.items(), scores.items(), strict=True):
        assert words.startswith(name)
        pairs = [(score(a), score(b)) for a in wrong for b in right]
        area = sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)
        assert float(cells[0].split()[0]) == pytest.approx(area, abs=0.0051)
        assert cells[1] == "6 wrong, 12 right"


def test_a_mask_without_a_bound_counts_as_none_and_a_missing_stability_not_at_all():
    group = [
        one(n, "a", "b" if n < 6 else "a", stability=math.nan if n % 2 else 1.0, **NOT_SUFFICIENT)
        for n in range(12)
    ]
    found = tables(errors(group, generator=generator()))["AUROC for a wrong prediction"]
    images = {words.split()[1]: cells[1] for words, cells in found.items()}
    assert images["bound"] == "6 wrong, 6 right"
    assert images["stability"] == "3 wrong, 3 right"


def test_too_few_errors_are_said_with_their_number():
    group = [one(n, "a", "b" if n < 4 else "a") for n in range(20)]
    section = errors(group, generator=generator())
    assert "Too few errors: 4 of 20 images" in texts(section)
    assert tables(section) == {}


def test_warnings_of_one_kind_differ_in_figures_and_labels_only():
    first = "more confident on the evidence over grey than on the whole image (0.99 against 0.97)"
    assert kind_of(first, LABELS) == kind_of(first.replace("0.9", "0.8"), LABELS)
    assert kind_of("grey alone is predicted a with 0.77", LABELS) == kind_of(
        "grey alone is predicted b with 1", LABELS
    )
    assert kind_of("grey alone", LABELS) == "grey alone"  # though "a" is a label
    odd = [Notice("file", text, math.nan, True) for text in ("a 1", "a 2", "b 3")]
    counts = warning_kinds([odd[:2], odd[2:], ()], LABELS)
    assert list(counts.values()) == [2]


def test_warnings_with_a_kind_are_counted_by_it_whatever_they_say():
    border = [Notice("border", text, 0.3, True) for text in ("30% at the edge", "at its edge")]
    outline = Notice("outline", "30% at the edge", 0.3, True)
    counts = warning_kinds([border[:1], [border[1], outline], ()], LABELS)
    assert list(counts.values()) == [2, 1]
    assert "at the image's border" in next(iter(counts))


def test_each_image_is_counted_once_and_what_is_left_out_is_said(every):
    again = one(3, "c", "a", place="again")
    kept, left_out = one_an_image([*every, again])
    assert (list(kept), left_out) == (every, 1)
    said = texts(data(kept, LeftOut(unreadable=2, repeated=1, unfinished=4)))
    assert "2 results are not as they were written" in said
    assert "1 further results are of images that are counted already" in said
    assert "4 images were named in a run and not explained" in said
    found = tables(data(kept, LeftOut()))["Images by right label and by prediction"]
    assert found["a"] == ("5", str(sum(o.predicted == "a" for o in every)))
    (annex,) = tables(manifest(every)).values()
    assert [row[2] for row in annex.values()] == [o.sha256 for o in every]


def test_two_classifiers_are_refused_in_one_sentence_that_names_both(tmp_path):
    other = made(name="net two", weights={"model.safetensors": "c" * 64})
    with pytest.raises(OutputError, match=r"net \(weights b{12}\) and net two \(weights c{12}\)"):
        the_classifier([one(0, "a"), one(1, "a", made=other)], tmp_path)
    renamed = made(name="another name", contrast="b")  # neither says what it is
    the_classifier([one(0, "a"), one(1, "a", made=renamed)], tmp_path)


def test_a_right_label_that_is_none_of_the_classifiers_is_refused():
    refuse_unknown_truth([one(0, "a", "b"), one(1, "a")])
    with pytest.raises(ConfigError, match="'gliom', which is none of the classifier's"):
        refuse_unknown_truth([one(0, "a", "gliom")])
