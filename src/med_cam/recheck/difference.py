"""What a saved document says beside what comes out now, field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from med_cam.recheck.tolerance import allowed, not_rechecked


class Absent:
    """In the place of a value that there is not."""

    def __repr__(self) -> str:
        return "nothing"


ABSENT = Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that was saved otherwise than it comes out.

    Attributes:
        path: of the field, as `claim.checks[1].value`.
        saved: its value in the result.
        now: its value now.
    """

    path: str
    saved: Any
    now: Any

    def __str__(self) -> str:
        return f"{self.path}: saved {_shown(self.saved)}, now {_shown(self.now)}"


def differences(
    saved: Any,  # noqa: ANN401  any JSON value
    now: Any,  # noqa: ANN401
    path: str = "",
    *,
    older: bool = False,
) -> Iterator[Difference]:
    """Every field in which two JSON values differ by more than the tolerance.

    Args:
        saved: the value in the result.
        now: what comes out, without what is not computed again.
        path: of the value; "" is the document.
        older: whether the result is of schema version 1.
    """
    if path and not_rechecked(path, older=older):
        return
    if isinstance(saved, Mapping) and isinstance(now, Mapping):
        for key in {**now, **saved}:
            inner = f"{path}.{key}" if path else str(key)
            yield from differences(
                saved.get(key, ABSENT), now.get(key, ABSENT), inner, older=older
            )
    elif isinstance(saved, list) and isinstance(now, list):
        for i, (was, entry) in enumerate(zip_longest(saved, now, fillvalue=ABSENT)):
            yield from differences(was, entry, f"{path}[{i}]", older=older)
    elif not alike(saved, now, path):
        yield Difference(path, saved, now)


def alike(saved: Any, now: Any, path: str) -> bool:  # noqa: ANN401  any JSON value
    """Whether two plain values are the same, numbers with a fraction within the tolerance."""
    if isinstance(now, float) and isinstance(saved, int | float) and not isinstance(saved, bool):
        return abs(saved - now) <= allowed(path, now)
    return type(saved) is type(now) and bool(saved == now)


def _shown(value: object) -> str:
    """A value in a sentence, not longer than a line."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "null" if value is None else repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 3]}..."


SHOWN = 100  # characters
