"""The figure for a phone: letters read at 390 pixels, nothing cut, nothing overlapping."""

from dataclasses import replace
from io import BytesIO
from itertools import combinations

import pytest
import torch
from PIL import Image as Picture

from med_cam.images.image import Image
from med_cam.report.export_phone import WIDTH, phone, phone_figure
from med_cam.report.figure_words import statements
from med_cam.report.result import read_result
from med_cam.report.source_line import source_line
from med_cam.report.write import write
from warnings_of import warnings_of

SCREEN = 390  # pixels across a common phone


def texts(drawing):
    return [text for axes in drawing.axes for text in axes.texts]


def said(drawing):
    return " ".join(" ".join(text.get_text() for text in texts(drawing)).split())


@pytest.fixture(params=["verified", "refused", "long"])
def found(request, explanation, refused):
    long = tuple(f"warning {i}, {'with many words, ' * (3 * i)}at last" for i in range(5))
    claim = replace(refused.claim, notices=warnings_of(*long))
    return {
        "verified": explanation,
        "refused": refused,
        "long": replace(refused, claim=claim),
    }[request.param]


def test_all_that_is_said_is_there_in_full_and_in_its_place(found):
    height, width = found.mask.shape
    drawing = phone_figure(found, Image(torch.full((1, height, width), 0.5)), "ab" * 32)
    words = said(drawing)
    for text in (found.label, found.status, *found.claim.warnings):
        assert " ".join(text.split()) in words
    assert all(" ".join(statement.text.split()) in words for statement in statements(found))
    assert "not a diagnosis" in words
    drawing.canvas.draw()
    boxes = [text.get_window_extent() for text in texts(drawing)]
    for box in boxes:
        assert box.x0 >= 20
        assert box.x1 <= WIDTH - 20
        assert box.y0 >= 0
    assert not any(one.shrunk(0.98, 0.6).overlaps(two.shrunk(0.98, 0.6))
                   for one, two in combinations(boxes, 2))  # fmt: skip


def test_the_three_highest_probabilities_are_there_before_and_after(explanation, image):
    found = replace(
        explanation,
        labels=("a1", "b1", "c1", "d1"),
        before=(0.02, 0.9, 0.07, 0.01),
        after=(0.1, 0.6, 0.05, 0.25),
    )
    words = said(phone_figure(found, image, ""))
    assert "Whole image: b1 0.90, c1 0.07, a1 0.02" in words
    assert "Evidence over grey: b1 0.60, d1 0.25, a1 0.10" in words


def test_file_classifier_version_and_day_stand_at_the_end(folder, explanation, image):
    source = source_line(read_result(folder).document)
    last = said(phone_figure(explanation, image, "ab" * 32, source)).rpartition("diagnosis. ")[2]
    assert last == f"{source} result abababababab"


def test_letters_are_as_large_as_those_of_a_page_on_a_screen_of_that_width(explanation, image):
    drawing = phone_figure(explanation, image, "ab" * 32)
    pixels = [text.get_fontsize() * drawing.dpi / 72 * SCREEN / WIDTH for text in texts(drawing)]
    assert min(pixels) >= 12


@pytest.mark.parametrize("size", [(20, 200), (200, 20)])
def test_pictures_are_as_wide_as_the_screen_or_as_tall_as_it_is(explanation, size):
    mask = torch.zeros(size, dtype=torch.bool)
    mask[5:10, 5:10] = True
    found = replace(explanation, mask=mask, tests=None)
    drawing = phone_figure(found, Image(torch.full((1, *size), 0.5)), "ab" * 32)
    for axes in drawing.axes[1:]:
        box = axes.get_position()
        w, h = box.width * WIDTH, box.height * drawing.get_figheight() * drawing.dpi
        assert w / h == pytest.approx(size[1] / size[0], rel=0.01)
        assert w > 0.85 * WIDTH or h > 0.95 * WIDTH


def test_the_file_is_a_picture_of_that_width_and_the_same_each_time(folder):
    result = read_result(folder)
    first = phone(result)
    assert Picture.open(BytesIO(first)).width == WIDTH
    assert phone(result) == first


def test_without_a_copy_of_the_image_its_place_is_plain(tmp_path, explanation, image, provenance):
    write(explanation, image, tmp_path / "scan", provenance, with_image=False)
    assert phone(read_result(tmp_path / "scan"))
    drawing = phone_figure(explanation, Image(torch.full((1, *explanation.mask.shape), 0.5)), "")
    assert (drawing.axes[-1].images[0].get_array() == 0.5).all()
