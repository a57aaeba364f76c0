"""The figure of a study: all words on the page, none too small, none over another."""

import os
import re
import subprocess
import sys
import zlib
from itertools import combinations, product
from pathlib import Path

import pytest
from made_up import shown

from med_cam.report.wording import NOT_A_DIAGNOSIS
from med_cam_studies.report import layout
from med_cam_studies.report.gallery import gallery, gallery_files
from med_cam_studies.report.layout import (
    TALLEST,
    WIDTH,
    fitted,
    grid_of,
    paged,
    panels_height,
    strips,
)

LONG = "Severe non-proliferative diabetic retinopathy with macular oedema, grade 3 of 4, "
CLASSES = ("naevus", "mole")


def drawn(items, **changed):
    return gallery(items, **({"title": "A study", "classes": CLASSES} | changed))


def said(pages):
    return [text.get_text() for page in pages for text in page.axes[0].texts]


def extents(page, dpi):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    page.set_dpi(dpi)
    ruler = FigureCanvasAgg(page).get_renderer()
    (axes,) = page.axes
    words = [text.get_window_extent(ruler) for text in axes.texts]
    return words, [image.get_window_extent(ruler) for image in axes.images], page.bbox


def test_under_each_image_stand_label_probabilities_area_verdict_and_name():
    lines = said(drawn([shown(0), shown(2)]))
    for line in (
        "naevus: 0.97 \u2192 0.90, area 9.1%",
        "\u2713 test passed",
        "scan-0.png",
        "\u2717 test failed",
        "scan-2.png",
    ):
        assert lines.count(line) == 1
    assert any(NOT_A_DIAGNOSIS in line for line in lines)


def test_the_providers_class_is_shown_where_it_differs_and_only_there():
    lines = said(drawn([shown(0), shown(1, truth="mole"), shown(2, truth="")]))
    assert [line for line in lines if "provider" in line] == ["provider's class: mole"]


def test_classes_come_in_their_order_with_how_many_are_left_out():
    items = [shown(n, label="mole" if n % 2 else "naevus") for n in range(12)]
    lines = said(drawn([*items, shown(20, label="wart")], rows=1))
    assert [w for w in lines if w in ("naevus", "mole", "wart")] == ["naevus", "mole", "wart"]
    assert lines.count("first 2 of 6 images") == 2
    assert "scan-0.png" in lines
    assert "scan-4.png" not in lines


def test_each_column_has_its_title_once_an_image_across():
    lines = said(drawn([shown(n, maps=("grad_cam", "attention_rollout")) for n in range(4)]))
    for title in ("Image", "Evidence alone", "Grad-CAM", "Attention rollout"):
        assert lines.count(title) == 2


@pytest.mark.parametrize(
    ("maps", "size"),
    [
        ((), (30, 40)),
        (("grad_cam",), (10, 200)),
        (("grad_cam", "extremal_perturbations", "x"), (200, 10)),
    ],
)
@pytest.mark.parametrize("length", [0, 1, 3])
def test_all_text_lies_on_the_page_at_six_points_or_more_and_none_on_another(maps, size, length):
    label = "naevus" + LONG * length
    texts = {"label": label, "truth": LONG * length, "image": "scan" + LONG * length}
    items = [shown(n, size=size, maps=maps, finding=n == 1, **texts) for n in range(5)]
    pages = drawn(items, title=label, classes=())
    for page, dpi in product(pages, (100, 200)):
        words, images, canvas = extents(page, dpi)
        for box in (*words, *images):
            assert box.x0 >= 0
            assert box.x1 <= canvas.x1
            assert box.y0 >= 0
            assert box.y1 <= canvas.y1
        # Line boxes may touch by the room for accents; ink may not.
        ink = [box.padded(-0.02 * dpi) for box in words]
        assert not any(a.overlaps(b) for a, b in combinations(ink, 2))
        assert not any(word.overlaps(image.padded(-1)) for word in ink for image in images)
        assert min(text.get_fontsize() for text in page.axes[0].texts) >= 6


def test_a_page_is_a_text_page_wide_and_never_taller_than_it():
    items = [shown(n, size=(60, 40), maps=(), label=f"class {n // 9}") for n in range(28)]
    pages = drawn(items)
    assert len(pages) > 1
    for page in pages:
        width, height = page.get_size_inches()
        assert width * 25.4 == pytest.approx(180)
        assert height <= TALLEST / 100
    assert sum(line.startswith("scan-") for line in said(pages)) == 3 * 6 + 1


def test_a_class_that_goes_on_says_so_on_the_next_page():
    items = [shown(n, size=(60, 40)) for n in range(30)]
    grid = grid_of(items)
    pages = list(paged(strips(items, CLASSES, 15, grid), grid))
    assert [page[0].heading for page in pages[1:]] == ["naevus, continued"] * (len(pages) - 1)
    assert sum(len(strip.items) for page in pages for strip in page) == 30


def test_nothing_explained_gives_one_page():
    assert len(drawn([])) == 1


@pytest.mark.parametrize("panels", range(2, 12))
@pytest.mark.parametrize("count", [1, 2, 9])
def test_all_panels_of_a_strip_fit_the_width(panels, count):
    items = [shown(n, maps=tuple(f"m{k}" for k in range(panels - 2))) for n in range(count)]
    grid = grid_of(items)
    assert len(grid.titles) == panels
    assert grid.images * grid.image_width <= WIDTH
    assert panels * grid.panel_width <= grid.image_width + 1e-9
    assert grid.panel_width > 50
    assert grid.images <= max(count, 2)


@pytest.mark.parametrize("size", [(30, 40), (10, 200), (200, 10)])
def test_a_picture_keeps_its_shape_in_its_place(size):
    item = shown(size=size)
    grid = grid_of([item])
    tall = panels_height([item], grid)
    rgb = item.pixels.permute(1, 2, 0)
    left, top, width, height = fitted(rgb, (5.0, 7.0, grid.panel_width, tall))
    assert width * size[0] == pytest.approx(height * size[1])
    assert left >= 5 - 1e-9
    assert left + width <= 5 + grid.panel_width + 1e-9
    assert top + height == pytest.approx(7 + tall)


def pdf_text(pdf):
    """The characters that the pages draw, as the file has them."""
    bodies = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    drawn = b""
    for body in bodies:
        plain = zlib.decompressobj().decompress(body)
        if b"BT" in plain:
            drawn += b"".join(re.findall(rb"\((.*?)(?<!\\)\)", plain, re.DOTALL))
    return drawn.replace(b"\x00", b"").decode("latin-1")


def test_the_pdf_holds_its_words_as_text_in_truetype():
    pdf = gallery_files([shown(0)], title="Any study", classes=CLASSES)["figure.pdf"]
    assert b"/Type3" not in pdf
    assert b"/FontFile2" in pdf
    for words in ("Any study", "naevus: 0.97", "scan-0.png", "Grad-CAM"):
        assert words in pdf_text(pdf)


def test_the_same_input_gives_the_same_bytes_and_a_png_a_page(monkeypatch):
    monkeypatch.setattr(layout, "TALLEST", 200.0)
    items = [shown(n) for n in range(3)]
    files = gallery_files(items, title="A study", classes=CLASSES)
    assert list(files) == ["figure.pdf", "figure.png", "figure-2.png"]
    assert files["figure.pdf"].count(b"/Type /Page ") == 2
    assert files == gallery_files(items, title="A study", classes=CLASSES)


def test_the_users_matplotlib_settings_are_neither_used_nor_changed():
    import matplotlib as mpl

    items = [shown(0, finding=True)]
    plain = gallery_files(items, title="A study", classes=CLASSES)
    odd = {
        "axes.facecolor": "red",
        "axes.grid": True,
        "figure.facecolor": "black",
        "font.size": 40,
        "text.color": "white",
        "lines.linewidth": 9,
        "image.interpolation": "bicubic",
        "image.origin": "lower",
        "figure.constrained_layout.use": True,
        "savefig.bbox": "tight",
        "pdf.fonttype": 3,
    }
    with mpl.rc_context(odd):
        before = dict(mpl.rcParams)
        assert gallery_files(items, title="A study", classes=CLASSES) == plain
        assert dict(mpl.rcParams) == before


def test_figure_and_page_are_imported_without_matplotlib_and_jinja():
    code = (
        "import sys, med_cam_studies.report.gallery, med_cam_studies.report.page; "
        "assert not {'matplotlib', 'jinja2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["module://matplotlib_inline.backend_inline", "none"])
def test_a_study_is_published_whatever_the_backend_is_set_to(tmp_path, name):
    """Also where nothing was drawn before, since all images were explained by an earlier run."""
    code = """
import os, sys
from pathlib import Path
import PIL.Image
from made_up import row
from med_cam_studies.data.collection import Item
from med_cam_studies.report.publish import FILES, Head, publish
out = Path(sys.argv[2])
(out / "scan-0").mkdir()
PIL.Image.new("L", (40, 30), 90).save(out / "scan.png")
PIL.Image.new("1", (40, 30), 1).save(out / "scan-0" / "mask.png")
assert "matplotlib" not in sys.modules
item = Item(out / "scan.png", 0, "scan-0.png")
publish(Head("x", ("naevus",), {}), [row(0)], {"scan-0.png": item}, out)
assert {path.name for path in out.iterdir()} >= {*FILES}
assert os.environ["MPLBACKEND"] == sys.argv[1]
"""
    paths = [*sys.path, str(Path(__file__).parent)]
    environment = os.environ | {"MPLBACKEND": name, "PYTHONPATH": os.pathsep.join(paths)}
    command = [sys.executable, "-c", code, name, str(tmp_path)]
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
