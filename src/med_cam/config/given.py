"""What a caller from Python gave, in words: errors on arguments that are something else."""

from collections.abc import Sized
from pathlib import Path

from med_cam.config.rules import shown
from med_cam.errors import ConfigError, MedCamError

PLAIN = (str, bytes, int, float, Path, type(None))


def refuse_other(
    where: str,
    value: object,
    kind: type | tuple[type, ...],
    words: str,
    error: type[MedCamError] = ConfigError,
) -> None:
    """Check that an argument is of the kind that is expected.

    Args:
        where: its name.
        value: what was given.
        kind: what it has to be an instance of.
        words: the end of "must be", and where to have one from.
        error: what is raised.

    Raises:
        MedCamError: the `error`, with what was given, if it is of another kind.
    """
    if not isinstance(value, kind):
        raise error(f"{where} must be {words}, got {given(value)}.")


def given(value: object) -> str:
    """A value in a few words: itself if it is short and plain, else its type and size."""
    if isinstance(value, PLAIN):
        return shown(value)
    name = type(value).__qualname__
    shape, mode = getattr(value, "shape", None), getattr(value, "mode", None)
    if isinstance(shape, tuple):
        size = f" of shape {tuple(shape)} and type {getattr(value, 'dtype', 'unknown')}"
    elif isinstance(mode, str):  # of Pillow
        size = f" of mode {mode}"
    else:
        size = f" of {len(value)}" if isinstance(value, Sized) else ""
    return f"{name}{size}"
