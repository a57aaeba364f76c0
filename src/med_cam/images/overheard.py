"""What decoders say beside the picture: warnings of Python, and a decoder's log."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import PIL.Image

HARMLESS = ("Palette images with Transparency",)  # warnings that are of no damage; in TIFF, which
HARMLESS_IN_TIFF = "Corrupt EXIF"  # has its tags itself, Pillow warns of EXIF data in whole files
SHOWN, LONGEST = 3, 200  # messages of tifffile, which may have one for each tag; characters


@contextmanager
def overheard(*, tiff: bool, log: str = "tifffile") -> Iterator[list[str]]:
    """A list that has, after the `with`, what was said in it, each a note of the image.

    It is said nowhere else: neither as a Python warning nor in the log.

    Args:
        tiff: whether a TIFF is decoded.
        log: name of the log that is listened to.
    """
    notes: list[str] = []
    logger, ear = logging.getLogger(log), _Ear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        logger.addFilter(ear)
        try:
            yield notes
        finally:
            logger.removeFilter(ear)
    harmless = (*HARMLESS, HARMLESS_IN_TIFF) if tiff else HARMLESS
    said = [
        str(w.message)
        for w in caught
        if not str(w.message).startswith(harmless)
        and not issubclass(w.category, PIL.Image.DecompressionBombWarning)
    ]
    notes += dict.fromkeys(_note(text) for text in (*said, *ear.shown))


class _Ear(logging.Filter):
    """Keeps what this thread logs, and lets it go no further."""

    def __init__(self) -> None:
        super().__init__()
        self.thread = threading.get_ident()
        self.said: dict[str, None] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.thread != self.thread:
            return True
        if record.levelno >= logging.WARNING:
            self.said[record.getMessage()] = None
        return False

    @property
    def shown(self) -> list[str]:
        """The first messages, and how many more there are."""
        said, more = list(self.said), len(self.said) - SHOWN
        return said if more <= 0 else [*said[:SHOWN], f"{more} more of such messages"]


def _note(text: str) -> str:
    """A message in one line of printable characters."""
    first = (text.strip().splitlines() or ["something"])[0].rstrip(".")
    shown = "".join(c if c.isprintable() else "?" for c in first)
    return f"the image's decoder warns: {shown[:LONGEST]}"
