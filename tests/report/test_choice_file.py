"""audit.json read back as the choice of this classifier, by today's rule, or not at all."""

import json
from dataclasses import replace

import pytest
from torch import nn

from med_cam.audit.choice import RULE, chosen
from med_cam.classifiers.base import Classifier
from med_cam.errors import OutputError
from med_cam.report.choice_file import AUDIT_FILE, read_choice, write_choice
from med_cam.report.choice_text import choice_line, choice_sentence, choice_table
from med_cam.results.removal import RemovalChoice, RemovalFigures

NAN = float("nan")
MODEL = Classifier(nn.Conv2d(3, 2, 1), ("a", "b"), (32, 32), name="one")
FIGURES = (
    RemovalFigures("grey", 8, 1.0, 0.5, 0.5, 0.4, 1.0, "b", 0.5, 0.5, NAN, 0.5, 16),
    RemovalFigures("gaussian", 8, 1.0, 0.5, 0.5, 0.4, 1.0, "b", 0.5, 0.5, 0.5, 0.5, 16),
    RemovalFigures("layer_masking", 8, 0.0, 0.0, 1.0, 0.6, 0.0, "a", 0.5, 0.75, 1.0, 0.5, 16),
)
RULES = chosen(FIGURES)
CHOICE = RemovalChoice(
    RULES.removal, RULE, RULES.fails, RULES.reason, "measured", 8, 80, 0.2, FIGURES, {"x": "why"}
)


@pytest.fixture
def path(tmp_path):
    assert write_choice(MODEL, CHOICE, tmp_path)
    return tmp_path / AUDIT_FILE


def changed(path, change):
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


def test_a_choice_is_read_as_it_was_written(path):
    found = read_choice(path, replace(MODEL, name="under another name"))
    assert found.source == "audit"
    assert repr(replace(found, source="measured")) == repr(CHOICE)  # NaN is not itself
    assert CHOICE.removal == ("layer_masking",)


def test_shares_may_be_written_without_a_fraction(path):
    """Other programs write 1 for 1.0."""
    for name in ("blank_confident", "effect", "retained_75"):
        changed(path, lambda d, name=name: d["choice"]["figures"][2].update({name: 1}))
    changed(path, lambda d: d["choice"]["figures"][2].update({"blank_confident": 0}))
    assert repr(replace(read_choice(path, MODEL), source="measured")) == repr(CHOICE)


def test_another_classifier_is_refused_with_what_differs(path):
    for other, said in (
        (replace(MODEL, mean=(0.1,) * 3), "mean"),
        (replace(MODEL, labels=("a", "c")), "labels"),
        (replace(MODEL, module=nn.Conv2d(3, 2, 1)), "state"),
    ):
        with pytest.raises(OutputError, match=f"of another classifier .other {said}"):
            read_choice(path, other)


def test_another_set_than_the_figures_lead_to_is_refused(path):
    changed(path, lambda d: d["choice"].update(removal=["black"]))
    with pytest.raises(OutputError, match="names another set than its figures lead to"):
        read_choice(path, MODEL)


def test_a_figure_that_was_changed_for_another_set_is_refused(path):
    changed(path, lambda d: d["choice"]["figures"][2].update(blank_confident=1.0))
    with pytest.raises(OutputError, match="names another set"):
        read_choice(path, MODEL)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["choice"].update(rule="0"), f"made by rule 0, today's is {RULE}"),
        (lambda d: d["choice"].update(figures=[]), "no figures of removals"),
        (lambda d: d["choice"]["figures"][0].update(name="magic"), "no figures of removals"),
        (lambda d: d["choice"]["figures"][0].update(effect=2), r"figures\[0\].effect is 2"),
        (lambda d: d["choice"].pop("passes"), "lacks choice.passes"),
        (lambda d: d.update(choice=None), "has no choice of removals"),
        (lambda d: d.pop("choice"), "has no choice of removals"),
        (lambda d: d.pop("identity"), "does not say which classifier"),
    ],
)
def test_what_is_not_as_we_write_it_is_told_in_a_sentence(path, change, said):
    changed(path, change)
    with pytest.raises(OutputError, match=said):
        read_choice(path, MODEL)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe", b'{"choice": ' * 9000])
def test_what_is_no_json_is_told_in_a_sentence(path, content):
    path.write_bytes(content)
    with pytest.raises(OutputError, match=r"cannot be read|has no choice"):
        read_choice(path, MODEL)


def test_a_whole_audit_is_not_written_over_and_an_earlier_choice_is(path):
    assert write_choice(MODEL, replace(CHOICE, passes=81), path.parent)
    assert json.loads(path.read_text())["choice"]["passes"] == 81
    changed(path, lambda d: d.update(images=[]))
    before = path.read_text()
    assert not write_choice(MODEL, CHOICE, path.parent)
    assert path.read_text() == before


def test_it_is_said_what_was_chosen_why_and_what_it_took():
    said = choice_sentence(CHOICE)
    assert "Removal: layer_masking, one choice for this classifier by rule 5" in said
    assert "8 reference images, 80 passes (10.0 an image of references)." in said
    head, *rows = choice_table(CHOICE).splitlines()
    assert head.split()[:3] == ["removal", "images", "blank"]
    assert [row.split()[0] for row in rows] == ["grey", "gaussian", "layer_masking"]
    assert "100% b" in rows[0]
    assert rows[0].endswith("50.0%, 50.0%, -   50.0%")
    assert len(choice_line(CHOICE)) < 120
