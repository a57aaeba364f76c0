"""Which grey value of a file is white, and the refusal where that cannot be right.

Values of 12 bits are often kept in files of 16: divided by 65535 they are almost black, and
nothing fails. So more than 8 bits of which less than an eighth is used are refused unless it is
declared what is white. A few hot pixels, or a mark that was burnt in, change nothing of that.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from med_cam.config.given import given
from med_cam.errors import ConfigError, ImageError

# A grey value; "file": the highest that the file can hold; None: nobody says.
White = int | float | Literal["file"] | None
FILE: Literal["file"] = "file"
FEW = 0.001  # of the values; hot pixels and marks are no more
EIGHTH = 1 / 8  # of the range: 13 bits in 16 stay below it, 14 bits do not


@dataclass(frozen=True, slots=True)
class Range:
    """What a file can hold.

    Attributes:
        full: the highest value; 1 for floats.
        words: of what it holds, as in "16-bit values".
        said: white as the file itself declares it (TIFF MaxSampleValue); 0 if it does not.
        hint: what else the file says of it, as the end of a sentence; "" if nothing.
        deep: whether it has more than 8 bits: a dark image of 8 is read as it is.
        option: how white is declared, {} is the value.
    """

    full: float
    words: str
    said: float = 0.0
    hint: str = ""
    deep: bool = False
    option: str = "--white {}"

    @property
    def as_file(self) -> str:
        """The word for the highest value, as it is written behind the option."""
        return FILE if self.option.startswith("--") else f'"{FILE}"'


def white_of(text: str) -> White:
    """A declared white as users write it.

    Raises:
        ConfigError: neither a number above 0 nor "file".
    """
    if text == FILE:
        return FILE
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise ConfigError(
            f"white must be a grey value above 0, as in 4095, or file (the whole range of each "
            f"file), got {text!r}"
        )
    return value


def refuse_other_white(white: object) -> None:
    """Check a white that was given in Python.

    Raises:
        ConfigError: neither a number above 0 nor "file" nor None.
    """
    if white is None or (isinstance(white, str) and white == FILE) or _positive(white):
        return
    raise ConfigError(
        f'white must be a grey value above 0, as in 4095, or "{FILE}" (the whole range), got '
        f"{given(white)}."
    )


def _positive(value: object) -> bool:
    known = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return known and 0 < float(value) < float("inf")  # type: ignore[arg-type]


def white_text(white: White) -> str | None:
    """A declared white as `white_of` reads it; None for none."""
    return white if white is None or white == FILE else _plain(float(white))


def unit(
    values: NDArray[np.generic], found: Range, declared: White, *, name: str
) -> tuple[NDArray[np.float32], float]:
    """Values to float32 in [0, 1], and the value that is 1.

    Raises:
        ImageError: a value is out of range or not a number; or less than an eighth of the range
            is used, and nobody declared what is white.
    """
    if not np.isfinite(values).all():
        raise ImageError(f"{name} holds NaN or infinite values; replace them.")
    declared = declared if found.deep else FILE
    white = _chosen(found, declared)
    lowest, highest = float(values.min()), float(values.max())
    some = declared not in (None, FILE) and _most(values) <= white  # hot pixels are shown white
    if lowest < 0 or (highest > white and not some):
        raise ImageError(_beyond(name, lowest, highest, white, found, declared))
    if declared is None and not found.said and (most := _most(values)) < EIGHTH * white:
        hot = highest >= EIGHTH * white
        seen = most if hot else highest
        raise ImageError(
            f"{name} would be almost black: "
            f"{'nearly all values are at most' if hot else 'its largest value is'} "
            f"{_plain(seen)}, {_percent(seen / white)} of the {_plain(white)} that {found.words} "
            f"reach; say which value is white with {found.option.format('VALUE')}{found.hint}, or "
            f"{found.option.format(found.as_file)} if it is so dark."
        )
    scaled = values.astype(np.float32)
    scaled /= np.float32(white)
    return scaled.clip(max=1.0), white


def _most(values: NDArray[np.generic]) -> float:
    """The largest value but for the few largest."""
    last = values.size - 1 - int(FEW * values.size)
    return float(np.partition(values, last, axis=None)[last])


def note_on(white: float, found: Range, values: NDArray[np.generic]) -> tuple[str, ...]:
    """What a reader must know of a white that is not the file's highest value."""
    if white == found.full:
        return ()
    above = int(np.count_nonzero(values.astype(np.float64) > white))
    more = f"; {above} of its {values.size} values lie above and are shown white" if above else ""
    return (
        f"the image was read with {_plain(white)} as white, where {found.words} reach "
        f"{_plain(found.full)}{more}",
    )


def _chosen(found: Range, declared: White) -> float:
    if declared is None:
        return found.said or found.full
    return found.full if declared == FILE else float(declared)


def _beyond(
    name: str, lowest: float, highest: float, white: float, found: Range, declared: White
) -> str:
    holds = f"{name} holds values from {_plain(lowest)} to {_plain(highest)}"
    if lowest < 0:
        normalised = "" if found.option.startswith("--") else ", as they are before normalisation"
        return f"{holds}; scale them to [0, {_plain(white)}]{normalised}."
    if declared not in (None, FILE):
        option = found.option.format("").strip(" =")
        above = f"above the {_plain(white)} that was declared white"
        return f"{holds}, {above}; give a higher {option}."
    how = found.option.format("VALUE")
    return f"{holds}; scale them to [0, {_plain(white)}], or say what is white with {how}."


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 else "less than 0.1%"


def _plain(value: float) -> str:
    """Whole numbers without an exponent."""
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else f"{value:g}"
