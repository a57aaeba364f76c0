"""Labels of any script: drawn by a font that has them, else shown by their numbers and said."""

from importlib import import_module

import numpy as np
import pytest

from med_cam.report import fonts
from med_cam.report.fonts import FAMILY, families, spelled, undrawable
from med_cam.report.lettering import Face, text_width

LUNG = "\u80ba\u708e"  # two characters of Chinese
MADE = "Made Sans"
font_manager = import_module("matplotlib.font_manager")


@pytest.fixture
def forget():
    """Fonts are looked for again, before and after."""
    parts = (fonts._chosen, fonts.installed)
    for part in parts:
        part.cache_clear()
    yield
    for part in parts:
        part.cache_clear()


@pytest.fixture
def made(tmp_path, monkeypatch, forget):
    """A font of the machine with Chinese characters, which look like an M and a W."""
    from fontTools import subset, ttLib

    path = font_manager.findfont(font_manager.FontProperties(family=FAMILY))
    font = ttLib.TTFont(path)
    cut = subset.Subsetter()
    cut.populate(text="0MW")
    cut.subset(font)
    for table in font["cmap"].tables:
        glyphs = dict(table.cmap)
        if ord("M") in glyphs and table.format in (4, 12):
            table.cmap |= {ord(LUNG[0]): glyphs[ord("M")], ord(LUNG[1]): glyphs[ord("W")]}
    for record in font["name"].names:
        if record.nameID in (1, 4, 16):
            record.string = MADE
        elif record.nameID == 6:
            record.string = MADE.replace(" ", "")
    file = tmp_path / "made.ttf"
    font.save(file)
    manager = font_manager.fontManager
    own = [entry for entry in manager.ttflist if entry.name == FAMILY]
    monkeypatch.setattr(manager, "ttflist", list(own))
    manager.addfont(str(file))
    manager._findfont_cached.cache_clear() if hasattr(manager, "_findfont_cached") else None
    return file


@pytest.fixture
def bare(monkeypatch, forget):
    """A machine without fonts but the usual one, and one that has boxes for everything."""
    manager = font_manager.fontManager
    kept = [e for e in manager.ttflist if e.name == FAMILY or e.name.startswith("Last Resort")]
    monkeypatch.setattr(manager, "ttflist", kept)


def test_usual_text_needs_the_usual_font_only():
    assert families("Größe \u03b1 \u2713") == (FAMILY,)
    assert undrawable("Größe \u03b1 \u2713") == ()


def test_a_font_of_the_machine_draws_what_the_usual_one_lacks(made):
    assert families(f"a {LUNG}") == (FAMILY, MADE)
    assert undrawable(LUNG) == ()
    assert spelled(LUNG) == LUNG


def test_the_characters_are_drawn_by_that_font(made):
    # Before matplotlib 3.11 edges differ a little: 0.97. Other characters have 0.14.
    found, wanted = ink(LUNG) < 128, ink("MW") < 128
    assert (found & wanted).sum() > 0.9 * (found | wanted).sum()
    assert text_width(LUNG, Face(30)) == text_width("MW", Face(30))


def test_what_no_font_has_is_spelled_and_told(bare):
    assert families(LUNG) == (FAMILY,)
    assert undrawable(f"x{LUNG}x{LUNG}") == tuple(LUNG)
    assert spelled(f"x{LUNG}") == "x\\u80ba\\u708e"


def test_what_only_part_of_is_there_is_spelled_in_part(made):
    assert spelled(LUNG + "\u809d") == LUNG + "\\u809d"


@pytest.mark.parametrize(
    "text",
    [
        "\u0633\u0631\u0637\u0627\u0646", "\u05e1\u05e8\u05d8\u05df",
        "\u0915\u0948\u0902\u0938\u0930", "\u0e21\u0e30\u0e40\u0e23\u0e47\u0e07", "a\u200db",
    ],
    ids=["arabic", "hebrew", "devanagari", "thai", "joined"],
)  # fmt: skip
def test_scripts_that_have_to_be_shaped_are_spelled_whatever_fonts_there_are(text, monkeypatch):
    monkeypatch.setattr(fonts, "_drawn_by", lambda _: frozenset(text))
    assert spelled(text).isascii()
    assert undrawable(text)


def test_a_font_that_cannot_be_opened_is_left_out(tmp_path, bare, monkeypatch):
    manager = font_manager.fontManager
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    entry = font_manager.FontEntry(fname=str(broken), name="Broken")
    monkeypatch.setattr(manager, "ttflist", [*manager.ttflist, entry])
    assert undrawable(LUNG) == tuple(LUNG)


def ink(text):
    """Which pixels a text darkens."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from med_cam.report.lettering import write

    drawing = Figure(figsize=(2, 1), dpi=100)
    axes = drawing.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 200), ylim=(100, 0))
    axes.set_axis_off()
    write(axes, (20.0, 60.0), text, Face(30))
    canvas = FigureCanvasAgg(drawing)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., 0]


def test_ink_tells_characters_apart():
    assert (ink("M") != ink("W")).any()
