"""Text on the page fits, says what it can, and is never taken for mathematics."""

from hypothesis import given, settings, strategies as st

from med_cam.report import fonts
from med_cam.report.lettering import ELLIPSIS, Face, readable, shortened, text_width, wrapped

FACE = Face(17, bold=True)


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=200), st.floats(60, 900), st.integers(1, 3))
def test_every_line_fits_and_no_word_is_lost_but_at_an_ellipsis(text, width, lines):
    rows = wrapped(text, FACE, width=width, lines=lines)
    assert len(rows) <= lines
    assert all(text_width(row, FACE) <= width for row in rows)
    whole = "".join(readable(text).split())
    shown = "".join("".join(rows).split())
    assert shown == whole or (shown.endswith(ELLIPSIS) and whole.startswith(shown[:-1]))


def test_lines_break_between_words():
    rows = wrapped("the decision rests on a tenth", FACE, width=200.0, lines=5)
    assert " ".join(rows) == "the decision rests on a tenth"
    assert len(rows) > 1


def test_a_text_that_fits_is_not_shortened():
    assert shortened("black 9/9", FACE, width=300.0) == "black 9/9"


def test_a_long_text_ends_in_an_ellipsis():
    short = shortened("word " * 100, FACE, width=300.0)
    assert short.startswith("word word")
    assert short.endswith(ELLIPSIS)
    assert text_width(short, FACE) <= 300


def test_bold_text_is_measured_as_bold():
    assert text_width("verified", Face(17, bold=True)) > text_width("verified", Face(17))


def test_characters_that_no_font_has_are_shown_by_their_numbers(monkeypatch):
    monkeypatch.setattr(fonts, "installed", dict)
    fonts._chosen.cache_clear()
    text = readable("Größe\n\u80bf\u7624  a\x07b")
    fonts._chosen.cache_clear()
    assert text == "Größe \\u80bf\\u7624 a\\x07b"
