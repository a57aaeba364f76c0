"""The document for a reader: A4, the same bytes, nothing left out, nothing outside of its page."""

import re
from dataclasses import replace
from itertools import pairwise

import pytest

from med_cam.report.export_pdf import HEIGHT, MARGIN, WIDTH, pages, pdf
from med_cam.report.reader_text import sections, usable
from med_cam.report.result import image_of, read_result
from med_cam.report.write import write
from report.test_weaker import laddered
from warnings_of import warnings_of

WARNINGS = tuple(
    f"warning {i} of this test, {'with many words, ' * (i % 7)}at last" for i in range(60)
)


@pytest.fixture
def result(folder):
    return read_result(folder)


@pytest.fixture
def warned(tmp_path, refused, image, provenance, instant_figure):
    """A result that failed, with more warnings than a page has lines."""
    found = replace(refused, claim=replace(refused.claim, notices=warnings_of(*WARNINGS)))
    write(found, image, tmp_path / "warned", provenance)
    return read_result(tmp_path / "warned")


def texts(figure):
    return [text for axes in figure.axes for text in axes.texts]


def said(found):
    return " ".join(line.text for section in sections(found) for line in section.statements)


def test_the_same_result_gives_the_same_bytes_with_no_date_but_its_own(result, monkeypatch):
    first = pdf(result)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert pdf(result) == first
    assert re.findall(rb"/(\w+Date) \(D:(\d+)", first) == [(b"CreationDate", b"20261126010203")]


def test_a_region_of_a_weaker_claim_that_is_drawn_is_named(result):
    found = replace(laddered(result.explanation), area=1.0)  # a claim that holds, on all of it
    assert not usable(found)
    (picture,) = [
        text.get_text()
        for text in texts(pages(replace(result, explanation=found), None)[0])
        if text.get_text().startswith("Large region")
    ]
    assert picture == "Large region: 100%; yellow: weaker claim"
    assert "A weaker claim holds for 3.0% of the image: said so." in said(found)


def test_pages_are_of_a4(result):
    boxes = re.findall(rb"/MediaBox \[ ?([\d. ]+?) ?\]", pdf(result))
    assert boxes
    for box in boxes:
        width, height = (float(side) / 72 * 25.4 for side in box.split()[2:])
        assert (width, height) == pytest.approx((210, 297), abs=0.2)


def test_every_warning_is_on_a_page_and_no_line_outside_of_it(warned):
    drawn = pages(warned, image_of(warned))
    assert len(drawn) > 2
    every = " ".join(text.get_text() for figure in drawn for text in texts(figure)).lower()
    every = " ".join(every.split())
    assert all(warning in every for warning in WARNINGS)
    for number, figure in enumerate(drawn, start=1):
        figure.canvas.draw()
        for text in texts(figure):
            box = text.get_window_extent()
            assert box.x0 >= MARGIN - 2
            assert box.x1 <= WIDTH - MARGIN + 2
            assert 0 <= box.y0 < HEIGHT
        assert any(f"page {number} of {len(drawn)}" in text.get_text() for text in texts(figure))
        assert any("not a diagnosis" in text.get_text() for text in texts(figure))


HEADINGS = ("In short", "Warnings", "When to overrule", "What was tested", "What was not tested")


def told(figure):
    """The texts of a page, from the top."""
    rows = sorted(figure.axes[0].texts, key=lambda text: text.get_position()[1])
    return [text.get_text() for text in rows if text.get_text()]


@pytest.mark.parametrize("count", range(8, 20, 2))
def test_a_page_begins_with_a_heading_and_few_lines_are_not_left_over(
    tmp_path, explanation, image, provenance, instant_figure, count
):
    """Whatever the number of lines: a second page begins a section, with all of it."""
    found = replace(
        explanation, claim=replace(explanation.claim, notices=warnings_of(*WARNINGS[:count]))
    )
    write(found, image, tmp_path / "scan", provenance)
    drawn = pages(read_result(tmp_path / "scan"), None)
    assert len(drawn) == 2
    assert told(drawn[1])[0].startswith(HEADINGS)
    assert not told(drawn[1])[0].endswith("(continued)")


def test_what_goes_on_is_named_again(warned):
    first, second, *_ = pages(warned, None)
    assert any(text.startswith("Warnings") for text in told(first))
    assert told(second)[0].startswith("Warnings")
    assert told(second)[0].endswith("(continued)")


def test_lines_do_not_lie_on_each_other(warned):
    for figure in pages(warned, None):
        rows = sorted({text.get_position()[1] for text in figure.axes[0].texts})
        assert all(low + 8 < high for low, high in pairwise(rows))


def test_a_verified_result_says_what_it_shows_and_what_not(explanation):
    text = said(explanation)
    assert usable(explanation)
    assert "10.0% of the image, is enough for that answer" in text
    assert "Whether the label is right" in text
    assert explanation.claim.warnings[0] in text
    assert "63 of 63 samples" in text


@pytest.mark.parametrize("change", [{"verified": False}, {"area": 0.51}])
def test_what_is_not_usable_is_never_called_enough(explanation, change):
    found = replace(explanation, **change)
    assert not usable(found)
    assert "is enough for that answer: with the rest" not in said(found)
    assert "you have no explanation then" in said(found)


def test_a_check_that_failed_is_said(refused):
    failed = [
        line.text for part in sections(refused) for line in part.statements if line.holds is False
    ]
    assert any("after a shift on 18/24, 90% required" in text for text in failed)
    assert any("Do not take an outline" in text for text in failed)


def test_without_a_copy_of_the_image_it_is_neither_shown_nor_named(
    tmp_path, explanation, image, provenance
):
    write(explanation, image, tmp_path / "scan", provenance, with_image=False)
    result = read_result(tmp_path / "scan")
    assert image_of(result) is None
    first, *_ = pages(result, None)
    for axes in first.axes[1:]:
        assert (axes.images[0].get_array() == 0.5).all()
    assert "Scan.PNG" not in " ".join(text.get_text() for text in texts(first))
