"""A command as a list of arguments, from its options: what was given, and what may be saved of it.

Made of the options and not of the arguments as they were typed, so that of each value it is known
what it is: a path may tell whose picture it is.
"""

from collections.abc import Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, get_args, get_type_hints

from typer.models import ArgumentInfo

HIDDEN = "..."  # in the place of a path


def command_line(
    options: Any,  # noqa: ANN401  any of med_cam.cli.options
    command: str,
    *,
    named: bool = True,
    paths: bool = True,
) -> tuple[str, ...]:
    """A command that does the same; what is at its default is left out.

    Args:
        options: of the command.
        command: its name, as `explain`.
        named: whether the files or folders are in it that it works on.
        paths: whether they and other paths are shown; else `...` stands in the place of each.
    """
    hints = get_type_hints(type(options), include_extras=True)
    given: list[str] = []
    works_on: list[str] = []
    for field in fields(options):
        value = getattr(options, field.name)
        if field.default is not MISSING and value == field.default:
            continue
        shown = paths or not _is_path(field.name, hints[field.name])
        texts = [str(one) if shown else HIDDEN for one in _each(value)]
        if any(isinstance(mark, ArgumentInfo) for mark in get_args(hints[field.name])):
            works_on += texts
        else:
            given += _option(f"--{field.name.replace('_', '-')}", value, texts)
    dashes = ["--"] if any(text.startswith("-") for text in works_on) else []
    return ("med-cam", *command.split(), *given, *([*dashes, *works_on] if named else []))


def _option(name: str, value: object, texts: list[str]) -> Iterator[str]:
    if value is True:
        yield name
        return
    for text in texts:
        yield from (name, text)


def _each(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _is_path(name: str, hint: Any) -> bool:  # noqa: ANN401  any annotation
    """Whether a field holds paths; a classifier may be named by one."""
    return name == "model" or Path in _types(hint)


def _types(hint: Any) -> Iterator[Any]:  # noqa: ANN401  any annotation
    yield hint
    for inner in get_args(hint):
        yield from _types(inner)
