"""matplotlib imported whatever its backend is set to: figures are drawn in memory, none is shown.

MPLBACKEND of a notebook, or one that is not installed, would fail when a figure is drawn: after
the search, whose result would be lost.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

VARIABLE = "MPLBACKEND"


@contextmanager
def in_memory() -> Iterator[None]:
    """For the length of a `with`, import matplotlib as for files; one imported before stays."""
    chosen = os.environ.get(VARIABLE)
    if chosen is None or "matplotlib" in sys.modules:
        yield
        return
    os.environ[VARIABLE] = "agg"
    try:
        yield
    finally:
        os.environ[VARIABLE] = chosen


def as_png(drawing: "Figure") -> bytes:
    """A drawing as PNG, at the size it was laid out for whatever matplotlib is set to."""
    with in_memory():
        from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = BytesIO()
    FigureCanvasAgg(drawing).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()
