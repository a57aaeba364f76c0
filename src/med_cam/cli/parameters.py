"""From a dataclass to what typer reads: a field is a parameter, its annotation says the rest."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from inspect import Parameter, Signature
from typing import Any, TypeVar, get_args, get_type_hints

import typer

from med_cam.config.rules import Allowed, shown

Call = TypeVar("Call", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Was:
    """An option's name in earlier versions, beside the option in its annotation."""

    name: str


def option(
    metavar: str,
    text: str,
    panel: str,
    *names: str,
    allowed: Allowed | None = None,
    **more: Any,  # noqa: ANN401  as typer takes them
) -> Any:  # noqa: ANN401  typer says so
    """What typer has to know of a field."""
    callback = None if allowed is None else refusing(allowed)
    return typer.Option(
        *names, metavar=metavar, help=text, rich_help_panel=panel, callback=callback, **more
    )


def flag(name: str, text: str, panel: str) -> Any:  # noqa: ANN401  typer says so
    """A switch that is off unless given."""
    return option("", text, panel, name, show_default=False)


def refusing(allowed: Allowed) -> Callable[[Any], Any]:
    """A check that typer makes before the command begins."""

    def check(value: Any) -> Any:  # noqa: ANN401  any option
        if value is not None and not allowed.fits(value):
            raise typer.BadParameter(f"must be {allowed.words}, got {shown(value)}")
        return value

    return check


def old_names(options: type) -> Mapping[str, str]:
    """Today's names of the options that had another one, by the old name."""
    hints = get_type_hints(options, include_extras=True)
    return {
        mark.name: f"--{name.replace('_', '-')}"
        for name, hint in hints.items()
        for mark in get_args(hint)
        if isinstance(mark, Was)
    }


def with_parameters(call: Call, options: type[Any]) -> Call:
    """The same function; to those who inspect it, the fields of `options` are its parameters."""
    hints = get_type_hints(options, include_extras=True)
    parameters = [
        Parameter(
            field.name,
            Parameter.KEYWORD_ONLY,
            default=Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(options)
    ]
    vars(call).update(__signature__=Signature(parameters))
    call.__annotations__ = hints
    return call
