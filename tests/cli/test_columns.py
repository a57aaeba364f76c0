"""The lines of images are aligned, and none is wider than the terminal, whatever is in them."""

import pytest
from hypothesis import given, settings, strategies as st
from rich.cells import cell_len

from med_cam.cli.columns import below, columns, failed, head, line, middle_out, shortened
from med_cam.report.line import Line

TEXTS = st.text(st.sampled_from("ab12 _/-\u8111\u819c\u7624\u00e9"), min_size=1, max_size=60)
SHORT = ("yes", "large region", "some removals", "no: necessary")


def made(name="scan", label="glioma", remark="", brief="", *, more=0, outcome="yes"):
    return Line(name, label, ">0.99", "<0.01", ">99.9%", outcome, True, remark, brief, more)


LINES = st.builds(
    made, TEXTS, TEXTS, TEXTS, TEXTS, more=st.integers(0, 12), outcome=st.sampled_from(SHORT)
)


@settings(deadline=None)
@given(st.lists(LINES, min_size=1, max_size=5), st.integers(30, 220))
def test_no_line_is_wider_than_the_terminal_and_the_columns_stand_below_each_other(lines, width):
    at = columns([one.name for one in lines], [one.label for one in lines], width)
    shown = [line(one, at) for one in lines]
    for text in (head(at), *shown, *(failed(one.name, at) for one in lines)):
        assert cell_len(text) <= width
        assert "\n" not in text
    if width >= 80:
        ends = {cell_len(text[: text.index(">0.99") + 5]) for text in shown}
        assert ends == {cell_len(head(at)[: head(at).index("before") + 6])}
        assert {cell_len(t[: t.index(o.outcome)]) for t, o in zip(shown, lines, strict=True)} == {
            cell_len(head(at)[: head(at).index("sufficient")])
        }


def test_a_line_at_eighty_columns():
    at = columns(["Te-gl_0044", "Te-piTr_0005"], ["glioma", "meningioma"], 80)
    found = made("Te-gl_0044", "glioma", "x" * 99, "outline 15%", more=2)
    assert head(at) == (
        "image         label       before  after    area  sufficient     most telling"
    )
    assert line(found, at) == (
        "Te-gl_0044    glioma       >0.99  <0.01  >99.9%  yes            outline 15% (+2)"
    )


def test_with_room_the_remark_is_the_sentence():
    at = columns(["a"], ["glioma"], 160)
    assert line(made(remark="a sentence of some words", brief="few", more=1), at).endswith(
        "a sentence of some words (+1)"
    )


def test_a_label_in_wide_letters_takes_two_columns_each():
    label = "\u8111\u819c\u7624"
    at = columns(["a"], [label, "glioma"], 80)
    one, other = line(made("a", label), at), line(made("a", "glioma"), at)
    assert cell_len(one) == cell_len(other)
    assert len(one) == len(other) - 3


@pytest.mark.parametrize(
    ("name", "width", "text"),
    [("scan.png", 8, "scan.png"), ("a-long-name-01.png", 12, "a-lon\u202601.png")],
)
def test_of_a_long_name_both_ends_are_left(name, width, text):
    assert middle_out(name, width) == text


@given(TEXTS, st.integers(1, 70))
def test_what_is_shortened_fits(text, width):
    assert cell_len(shortened(text, width)) <= width
    assert cell_len(middle_out(text, max(4, width))) <= max(4, width)


def test_details_are_broken_between_words_and_indented():
    at = columns(["a"], ["glioma"], 60)
    shown = list(below([("warning", "word " * 30), ("yes", "short")], at))
    assert shown[0].startswith("    warning  word word")
    assert all(text.startswith(" " * 13 + "word") for text in shown[1:-1])
    assert shown[-1] == "    yes      short"
    assert max(map(len, shown)) <= 60
    assert " ".join(shown).split().count("word") == 30
