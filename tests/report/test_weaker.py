"""Where a claim failed and a rung of the ladder holds, reports speak of the rung."""

from dataclasses import replace

import pytest
import torch

from med_cam.report.claims import claims
from med_cam.report.figure import figure
from med_cam.report.figure_words import TITLES
from med_cam.report.line import line_of
from med_cam.report.wording import WEAKER, verdict, weaker
from med_cam.report.write import result_files
from med_cam.results.ladder import RUNGS, Control, Ladder, Rung


def laddered(explanation, name="necessary"):
    """The same, with a rung."""
    mask = torch.zeros_like(explanation.mask)
    mask[2:5, 3:9] = True
    rung = Rung(
        name, mask, 0.03, ("grey",), 1.0, 146, 146, 1, 1, 0.005, 0.96, 0.95, Control(39, 0, 0.025)
    )
    return replace(explanation, ladder=Ladder(name, "said so", rung, (), 300))


@pytest.mark.parametrize("name", RUNGS[1:])
def test_each_rung_has_a_badge_and_a_title_that_do_not_say_verified(refused, name):
    found = laddered(refused, name)
    assert verdict(found) == WEAKER[name]
    assert "passed" not in verdict(found)
    assert TITLES[name]


def test_the_line_has_the_area_of_the_rung(refused):
    assert line_of("a", laddered(refused)).area == "3.0%"


@pytest.mark.parametrize("name", RUNGS[1:])
def test_the_line_says_of_each_rung_that_it_is_less(refused, name):
    line = line_of("a", laddered(refused, name))
    assert (line.brief, line.well) == ("sufficiency 61/64", False)
    assert line.outcome not in ("yes", "no")
    assert len(line.outcome) <= 13


def test_beside_a_claim_that_holds_the_rung_is_one_more_statement(explanation):
    found = laddered(explanation)
    assert weaker(found) is None
    assert verdict(found) == "sufficiency test passed"
    assert claims(found)[0].text == "said so"
    assert "said so" not in [statement.text for statement in claims(laddered(explanation))[1:]]


def test_the_status_has_the_rung_already_where_the_claim_failed(refused):
    assert "said so" not in [statement.text for statement in claims(laddered(refused))]


def texts(drawing):
    return [text.get_text() for axes in drawing.axes for text in axes.texts]


def test_the_figure_shows_the_rung_in_the_place_of_the_evidence(image, refused):
    shown = " ".join(texts(figure(image, laddered(refused))))
    assert "Necessary region" in shown
    assert "necessary region: 3.0% of the image" in shown
    assert "Evidence alone" not in shown
    plain = " ".join(texts(figure(image, refused)))
    assert "Necessary region" not in plain
    assert "Evidence alone" in plain


def test_the_mask_of_the_rung_is_a_file(image, refused, provenance):
    files = result_files(laddered(refused), image, provenance, with_image=False)
    assert "rung.png" in files
    assert "rung.png" not in result_files(refused, image, provenance, with_image=False)
