"""Which fonts draw a text: the one that comes with matplotlib, then others of the machine.

A character that no font has would be an empty box. One of a script that is written from right to
left, or whose letters change with their neighbours, would be drawn, but wrongly, by the matplotlib
versions that do not shape text. Both are shown by their number in Unicode instead: \u80ba.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache

FAMILY = "DejaVu Sans"  # comes with matplotlib, so every machine draws the same with it
OF_BOXES = ("Last Resort", "LastResort", "Adobe Blank")  # have a glyph for everything, of nothing
SHAPED = (  # first and last code point of blocks whose letters join, stack or change their order
    (0x0900, 0x109F),  # Devanagari to Sinhala, Thai, Lao, Tibetan, Myanmar
    (0x1780, 0x18AF),  # Khmer, Mongolian
    (0x1900, 0x1CFF),  # Limbu to Vedic
    (0xA800, 0xA95F), (0xA980, 0xAAFF), (0xABC0, 0xABFF),  # Syloti Nagri to Meetei Mayek
    (0x11000, 0x11FFF),  # Brahmi and its relatives
)  # fmt: skip
FROM_RIGHT = ("R", "AL", "RLE", "RLO", "RLI", "AN")
JOINERS = "\u200c\u200d\ufe0e\ufe0f"  # what they join is another sign than its parts


def families(text: str) -> tuple[str, ...]:
    """The font families that draw the text together, the usual one first."""
    return FAMILY, *_chosen(_beyond(text))


def undrawable(text: str) -> tuple[str, ...]:
    """The characters that would not be drawn, or not as they are written; each once, in order."""
    beyond = _beyond(text)
    drawn = _drawn_by(_chosen(beyond))
    return tuple(
        c for c in dict.fromkeys(text) if c in beyond and (is_shaped(c) or c not in drawn)
    )


def spelled(text: str) -> str:
    r"""The text with every character that would not be drawn as its number: \u80ba."""
    lost = undrawable(text)
    return "".join(c.encode("unicode_escape").decode() if c in lost else c for c in text)


def is_shaped(c: str) -> bool:
    """Whether a character is of a script that has to be shaped, or turned round."""
    return (
        c in JOINERS
        or unicodedata.bidirectional(c) in FROM_RIGHT
        or any(first <= ord(c) <= last for first, last in SHAPED)
    )


def _beyond(text: str) -> frozenset[str]:
    """The characters that the usual font lacks, or that have to be shaped."""
    if text.isascii() and text.isprintable():
        return frozenset()
    own = _usual()
    return frozenset(c for c in text if ord(c) not in own or is_shaped(c))


@cache
def _chosen(missing: frozenset[str]) -> tuple[str, ...]:
    """As few further families as have the characters, as far as there are any."""
    left = {ord(c) for c in missing if c.isprintable() and not is_shaped(c)}
    maps, chosen = (installed() if left else {}), []
    while left:
        name = max(sorted(maps), key=lambda family: len(left & maps[family]), default=None)
        if name is None or not left & maps[name]:
            break
        chosen.append(name)
        left -= maps[name]
    return tuple(chosen)


def _drawn_by(chosen: Iterable[str]) -> frozenset[str]:
    maps = installed() if chosen else {}
    return frozenset(chr(code) for name in chosen for code in maps[name])


@cache
def _usual() -> frozenset[int]:
    """Code points that both weights of the usual font can draw."""
    from matplotlib.font_manager import FontProperties, findfont

    weights = ("normal", "bold")
    return _code_points([findfont(FontProperties(family=FAMILY, weight=w)) for w in weights])


@cache
def installed() -> Mapping[str, frozenset[int]]:
    """The code points that each font family of the machine can draw in all its weights."""
    from matplotlib.font_manager import fontManager

    files: dict[str, set[str]] = {}
    for entry in fontManager.ttflist:
        if entry.style == "normal" and not entry.name.startswith(OF_BOXES):
            files.setdefault(entry.name, set()).add(entry.fname)
    return {name: _code_points(files[name]) for name in sorted(files)}


def _code_points(files: Iterable[str]) -> frozenset[int]:
    """Those of every file; none if one cannot be opened or scaled."""
    from matplotlib.font_manager import get_font

    maps = []
    for file in files:
        try:
            font = get_font(file)
            maps.append(frozenset(font.get_charmap()))
            font.load_char(min(maps[-1], default=0))
        except (RuntimeError, ValueError, OSError):
            return frozenset()
    return frozenset.intersection(*maps)
