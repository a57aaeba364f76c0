"""What differs between two classifiers and between the settings of their results."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from med_cam.config.rules import shown
from med_cam.report.wording import baselines
from med_cam_studies.report.explained import Made, identity
from med_cam_studies.report.tables import NONE, Table
from med_cam_studies.versions.pairs import Pair

DIGITS = 12  # of a hash that are shown
LONGEST = 80  # characters of a value


def of_classifiers(pairs: Sequence[Pair]) -> Table:
    """What decides an answer and is not the same."""
    return _table(pairs, lambda made: identity(made))


def of_settings(pairs: Sequence[Pair]) -> Table:
    """Settings, removals, reference images and software that are not the same."""
    return _table(pairs, _settings)


def _table(pairs: Sequence[Pair], of: Any) -> Table:  # noqa: ANN401  a function to a mapping
    """A line for each difference, with the number of images that have it."""
    counts = Counter(
        line for pair in pairs for line in _different(of(pair.before.made), of(pair.after.made))
    )
    rows = [(*line, f"{count} of {len(pairs)}") for line, count in counts.items()]
    return Table(("what", "before", "after", "images"), tuple(rows))


def _different(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    old, new = dict(_flat(before)), dict(_flat(after))
    for name in dict.fromkeys((*old, *new)):
        if old.get(name) != new.get(name):
            words = name.replace("_", " ")
            yield words, _short(old.get(name)), _short(new.get(name))


def _settings(made: Made) -> dict[str, Any]:
    return {
        "claims relative to": baselines(made.removals),
        "reference images": made.references or None,
        **made.config,
        "version": made.versions,
    }


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Values with the sections they are in, as `search.steps`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _short(value: Any) -> str:  # noqa: ANN401  any JSON value
    if value is None:
        return NONE
    if isinstance(value, str):
        is_hash = len(value) == 64 and set(value) <= set("0123456789abcdef")
        return value[:DIGITS] if is_hash else value[:LONGEST]
    return shown(value)[:LONGEST]
