"""The figure says everything that it has to, on the page and without overlaps."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from med_cam.images.image import Image
from med_cam.report.figure import HEIGHT, figure
from med_cam.report.figure_words import BAD
from med_cam.results.claim import BesideClaim
from warnings_of import warnings_of

LONG = "Severe non-proliferative diabetic retinopathy with macular oedema, grade 3 of 4, "


def words(drawing):
    return [text for axes in drawing.axes for text in axes.texts]


def said(drawing):
    return "\n".join(text.get_text() for text in words(drawing))


def canvas_of(drawing):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    return FigureCanvasAgg(drawing)


def rendered(drawing):
    canvas = canvas_of(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def resized(explanation, height, width):
    mask = torch.zeros(height, width, dtype=torch.bool)
    mask[height // 4 : height // 2 + 1, width // 4 : width // 2 + 1] = True
    return Image(torch.full((3, height, width), 0.6)), replace(explanation, mask=mask)


def test_the_last_line_has_the_id_of_the_result_and_room_for_it(explanation, image):
    drawing = figure(image, explanation, "0123456789abcdef" * 4)
    rendered(drawing)
    (mark,) = [text for text in words(drawing) if text.get_text() == "result 0123456789ab"]
    box = mark.get_window_extent()
    assert box.x1 <= 1600 - 40
    others = [text for text in words(drawing) if text is not mark]
    assert not any(box.overlaps(text.get_window_extent()) for text in others)
    assert "result 0" not in said(figure(image, explanation))


def test_the_style_darkens_the_rest_or_leaves_the_outlined_picture_out(explanation, image):
    bright = Image(torch.full_like(image.pixels, 0.9))
    plain = replace(explanation, beside=None, ladder=None, restricted=None, contrast=None)
    panels = {
        style: [axes.images[0].get_array() for axes in figure(bright, plain, style=style).axes[1:]]
        for style in ("outline", "dimmed", "evidence")
    }
    assert [len(panes) for panes in panels.values()] == [3, 3, 2]
    assert np.allclose(panels["outline"][1], 0.9)
    mask = explanation.mask.numpy()
    assert np.allclose(panels["dimmed"][1][mask], 0.9)
    assert np.allclose(panels["dimmed"][1][~mask], 0.9 * 0.35)
    assert np.array_equal(panels["evidence"][1][..., 3] > 0, mask)


def test_other_outlines_are_drawn_in_every_style(refused, image):
    assert refused.restricted is not None
    assert len(figure(image, refused, style="evidence").axes[1:]) == 3


def test_the_choice_of_the_removals_is_said_in_a_line_of_its_own(explanation, image):
    line = "Removal: grey and gaussian (auto, passes rule 1 on 32 references)"
    drawing = figure(image, explanation, "0123456789abcdef" * 4)
    rendered(drawing)
    (drawn,) = [text for text in words(drawing) if text.get_text() == line]
    box = drawn.get_window_extent()
    others = [text for text in words(drawing) if text is not drawn]
    assert not any(box.overlaps(text.get_window_extent()) for text in others)
    assert "Removal:" not in said(figure(image, replace(explanation, removal_choice=None)))


def test_the_badge_of_a_large_mask_is_neither_good_nor_bad(explanation, image):
    text = " ".join(said(figure(image, replace(explanation, area=0.7))).split("\n"))
    assert "\u2022  SUFFICIENT ONLY AS A LARGE REGION" in text
    assert "PASSED" not in text


def test_a_verified_explanation_says_so_with_its_figures(explanation, image):
    text = " ".join(said(figure(image, explanation)).split("\n"))
    for needed in (
        "meningioma",
        "0.97 \u2192 0.90",
        "10.0%",
        "\u2713  SUFFICIENCY TEST PASSED",
        "1 WARNING",
        explanation.status,
        "Tests (all passed)",
        "retained over grey and 63 of 63 samples of Gaussian noise",
        "at least 95.0%, 95% confidence",
        "removing any of the 23 patches",
        "probability of meningioma 0.97 \u2192 0.03",
        "the outline alone does not leak the label (0 of 24",
        "2 further disjoint regions",
        "3 seeds: IoU 0.62",
        "shift stability 23/24",
        "not part of the claim: black 0/1",
        "more confident",
        "not a diagnosis",
    ):
        assert needed in text
    assert "NOT" not in text
    assert "\u2717" not in text


def test_one_that_is_not_verified_says_so_in_words_and_not_by_colour_alone(refused, image):
    text = said(figure(image, refused))
    assert "\u2717  SUFFICIENCY TEST FAILED" in text
    assert "PASSED" not in text
    assert "Tests (4 not passed)" in text
    assert "NOT certified" in text
    assert "shift stability 18/24, 90% required" in text


@pytest.mark.parametrize(
    ("part", "sign"),
    [("NOT certified", "\u2717"), ("not necessary", "\u2022"),
     ("shift stability 18/24", "\u2717"), ("negative finding", "\u2022")],
)  # fmt: skip
def test_what_fails_has_its_sign_and_the_failing_colour(refused, image, part, sign):
    drawn = words(figure(image, refused))
    (text,) = (t for t in drawn if part in t.get_text())
    before = drawn[drawn.index(text) - 1]
    assert before.get_text() == sign
    assert before.get_position()[1] == text.get_position()[1]
    assert (text.get_color() == BAD) == (sign == "\u2717")
    assert (before.get_color() == BAD) == (sign == "\u2717")


def test_one_claim_that_fails_among_others_is_counted(explanation, image):
    minimality = replace(explanation.tests.minimality, sufficient=False)
    found = replace(explanation, tests=replace(explanation.tests, minimality=minimality))
    text = said(figure(image, found))
    assert "all passed" not in text
    assert "Tests (1 not passed)" in text
    assert "not minimal" in text


def test_not_necessary_is_no_failure(explanation, image):
    necessity = replace(explanation.tests.necessity, changed=9)
    found = replace(explanation, tests=replace(explanation.tests, necessity=necessity))
    text = said(figure(image, found))
    assert "Tests (all passed)" in text
    assert "not necessary" in text


def test_of_the_whole_image_nothing_is_a_success(explanation, image):
    whole = replace(explanation, area=1.0, mask=torch.ones_like(explanation.mask))
    text = said(figure(image, whole))
    assert "\u2022  NO SMALLER REGION FOUND" in text
    assert "\u2713" not in text
    assert "all passed" not in text
    assert "TEST PASSED" not in text


def test_the_three_highest_probabilities_stand_before_and_after(explanation, image):
    labels = ("a", "b", "c", "d")
    before, after = (0.1, 0.6, 0.0999, 0.2001), (0.001, 0.9, 0.05, 0.049)
    found = replace(explanation, labels=labels, target=1, before=before, after=after)
    text = said(figure(image, found))
    assert "Whole image: b 0.60, d 0.20, a 0.10\n" in text
    assert "Evidence over grey: b 0.90, c 0.05, d 0.05\n" in text


def test_the_last_line_says_where_it_comes_from(explanation, image):
    for line in (
        "scan.png \u00b7 my-classifier \u00b7 med-cam 0.1.0 \u00b7 2026-11-26",
        "x" * 400,
    ):
        drawing = figure(image, explanation, "0123456789abcdef" * 4, line)
        rendered(drawing)
        (drawn,) = [text for text in words(drawing) if text.get_text()[:8] == line[:8]]
        box = drawn.get_window_extent()
        assert box.x0 >= 0
        others = [text for text in words(drawing) if text is not drawn]
        assert not any(box.overlaps(text.get_window_extent()) for text in others)


def test_without_certificate_and_tests_there_are_the_checks_and_their_baselines(bare, image):
    text = said(figure(image, bare))
    for needed in ("sufficiency 64/64", "shape leakage 1/24", "shift stability 23/24"):
        assert needed in text
    assert "relative to these baselines: grey 1/1, Gaussian noise 63/63" in text
    assert "sufficient" not in text


def test_a_long_label_is_cut_short_within_claims_but_figures_are_not(refused, image):
    long = LONG.strip(" ,")
    text = said(figure(image, replace(refused, label=long, labels=("a", long, "b"))))
    assert text.count(long) == 0
    assert "leaks Severe non-proliferative di\u2026 (12 of 24" in text


def test_the_restricted_claim_is_a_dashed_outline_with_its_words(refused, image):
    drawing = figure(image, refused)
    assert "restricted claim: 3.0% is sufficient over grey" in said(drawing)
    outlined = drawing.axes[2]
    dashed = [c for c in outlined.collections if c.get_linestyle()[0][1] is not None]
    assert len(dashed) == 1
    (path,) = dashed[0].get_paths()
    np.testing.assert_allclose(path.vertices.min(axis=0), (8.5, 5.5), atol=0.02)


def test_without_a_restricted_claim_there_is_no_legend(explanation, image):
    assert "restricted claim" not in said(figure(image, explanation))


def test_the_claim_beside_is_a_dashed_outline_with_both_areas(explanation, refused, image):
    other = refused.restricted
    beside = BesideClaim(other.mask, other.area, other.claim, 3, 1)
    drawing = figure(image, replace(explanation, restricted=None, beside=beside))
    words = said(drawing)
    assert f"{explanation.area:.1%} over" in words
    assert "beside: 3.0% is sufficient over grey" in words
    dashed = [c for c in drawing.axes[2].collections if c.get_linestyle()[0][1] is not None]
    assert len(dashed) == 1


def test_three_warnings_are_shown_and_the_others_counted(explanation, image):
    claim = replace(
        explanation.claim, notices=warnings_of(*(f"warning {i} " + LONG * 3 for i in range(7)))
    )
    text = said(figure(image, replace(explanation, claim=claim)))
    assert "warning 2" in text
    assert "warning 3" not in text
    assert "(+4 more in explanation.json)" in text


@pytest.mark.parametrize("length", [0, 1, 4])
@pytest.mark.parametrize(
    ("which", "shape"),
    [
        ("refused", (30, 30)),
        ("refused", (40, 900)),
        ("refused", (900, 40)),
        ("explanation", (30, 30)),
        ("explanation", (1, 1)),
        ("bare", (40, 900)),
    ],
)
def test_all_text_lies_on_the_page_and_none_on_another(request, which, shape, length):
    found = request.getfixturevalue(which)
    claim = replace(found.claim, notices=warnings_of("w " + LONG * length) * 6 * min(length, 1))
    found = replace(found, label="x" + LONG * length, status=LONG * (length + 1), claim=claim)
    image, found = resized(replace(found, restricted=None), *shape)
    drawing = figure(image, found)
    ruler = canvas_of(drawing).get_renderer()
    boxes = [text.get_window_extent(ruler) for text in words(drawing)]
    panels = [axes.get_window_extent(ruler) for axes in drawing.axes[1:]]
    for i, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.x1 <= 1600
        assert box.y0 >= 0
        assert box.y1 <= HEIGHT
        later = [*boxes[i + 1 :], *panels]
        # Line boxes may touch by the room for accents; ink may not.
        assert not any(box.padded(-2.5).overlaps(other.padded(-2.5)) for other in later)


@pytest.mark.parametrize("shape", [(30, 30), (40, 20), (20, 40)])
def test_the_pictures_stay_large_however_much_there_is_to_say(refused, shape):
    long = LONG.strip(" ,")
    claim = replace(refused.claim, notices=warnings_of(LONG * 3) * 6)
    found = replace(refused, label=long, labels=("a", long, "b"), status=LONG * 3, claim=claim)
    restricted = replace(refused.restricted, mask=torch.ones(*shape, dtype=torch.bool))
    image, found = resized(replace(found, restricted=restricted), *shape)
    panel = figure(image, found).axes[1].get_window_extent()
    assert max(panel.width, panel.height) >= 300


def test_the_page_is_sixteen_hundred_pixels_wide(explanation, image):
    assert rendered(figure(image, explanation)).shape == (int(HEIGHT), 1600, 3)


def test_the_evidence_panel_shows_content_inside_and_hatched_grey_outside(explanation):
    pixels = torch.zeros(3, 20, 30)
    pixels[0] = 1
    drawing = figure(Image(pixels), explanation)
    page, axes = rendered(drawing), drawing.axes[3]

    def at(x, y):
        column, row = axes.transData.transform((x, y))
        return page[int(HEIGHT) - 1 - int(row), int(column)]

    np.testing.assert_array_equal(at(12.5, 7.5), (255, 0, 0))
    outside = at(24, 15)
    assert outside.max() - outside.min() < 3
    assert 110 < outside.mean() < 160


@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_the_outline_shows_on_dark_and_on_bright_content(explanation, level):
    image = Image(torch.full((1, 20, 30), level))
    drawing = figure(image, explanation)
    page, axes = rendered(drawing), drawing.axes[2]
    column, row = axes.transData.transform((7.5, 8.0))
    around = page[int(HEIGHT) - 1 - int(row), int(column) - 6 : int(column) + 7].astype(float)
    brightness = around @ (0.299, 0.587, 0.114)
    assert abs(brightness - 255 * level).max() > 90
    assert (around.max(axis=1) - around.min(axis=1)).max() > 100  # the accent colour


def test_a_label_with_dollars_is_drawn_as_it_is(explanation, image):
    drawing = figure(image, replace(explanation, label="$x_1^2$ \\frac"))
    assert "$x_1^2$ \\frac" in said(drawing)
    rendered(drawing)


def test_the_users_matplotlib_settings_do_not_change_the_figure(explanation, image):
    import matplotlib as mpl

    plain = rendered(figure(image, explanation))
    odd = {
        "axes.facecolor": "red",
        "axes.grid": True,
        "figure.facecolor": "black",
        "font.size": 40,
        "text.color": "white",
        "lines.linewidth": 9,
        "image.interpolation": "bicubic",
        "image.origin": "lower",
        "axes.autolimit_mode": "round_numbers",
        "figure.constrained_layout.use": True,
        "axes.spines.left": False,
    }
    with mpl.rc_context(odd):
        assert np.array_equal(rendered(figure(image, explanation)), plain)


def test_drawing_needs_no_window_and_leaves_no_global_state(explanation, image):
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    rendered(figure(image, explanation))
    assert dict(mpl.rcParams) == before


def test_the_report_is_imported_without_matplotlib_and_never_brings_pyplot():
    code = (
        "import sys, med_cam.report.write; assert 'matplotlib' not in sys.modules; "
        "from med_cam.report.lettering import Face, text_width; text_width('a', Face(9)); "
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_label_that_no_font_has_is_its_place_and_numbers_and_a_note(explanation, image, caplog):
    """Hebrew is never drawn, whatever fonts the machine has."""
    label = "\u05e1\u05e8"  # longer ones are cut short, as all labels are
    foreign = replace(explanation, label=label, labels=("glioma", label, "notumor"))
    text = said(figure(image, foreign))
    assert "class2of3:\\u05e1\\u05e8" in "".join(text.split())
    assert label not in text
    (record,) = caplog.records
    assert record.name.startswith("med_cam.")
    assert record.getMessage().endswith(f"does not set their script: {label}.")


def test_nothing_is_noted_where_every_character_is_drawn(explanation, image, caplog):
    text = said(figure(image, replace(explanation, label="M\u00e9ningiome \u03b1")))
    assert "M\u00e9ningiome \u03b1" in text
    assert "class 2" not in text
    assert caplog.records == []
