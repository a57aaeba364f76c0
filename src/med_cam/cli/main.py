"""The command line itself: options in, exit status out. Nothing heavy is imported here."""

import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Annotated, Any

import typer

from med_cam.cli import manual
from med_cam.cli.options.audit import AuditOptions
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.export import ExportOptions
from med_cam.cli.options.pages import CompareOptions, DossierOptions, ReportOptions
from med_cam.cli.options.studies import CheckOptions, ReproduceOptions, TrainOptions
from med_cam.cli.options.verify import VerifyOptions
from med_cam.cli.parameters import old_names, with_parameters
from med_cam.cli.run import DONE, MISTAKE, OFFLINE, ONLINE, Work, carry_out, one_sentence
from med_cam.cli.screen import screen
from med_cam.report.installed import own_version

COMMANDS: Mapping[str, type] = {
    "explain": ExplainOptions,
    "verify": VerifyOptions,
    "export": ExportOptions,
    "report": ReportOptions,
    "dossier": DossierOptions,
    "compare": CompareOptions,
    "audit": AuditOptions,
    "data": CheckOptions,
    "train": TrainOptions,
    "reproduce": ReproduceOptions,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status.

    0: all was done. 2: the user's mistake. 3: a claim was not reproduced. 1: an internal error.
    130, 143: interrupted, terminated.
    """
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = renewed(given)
    if (empty := empty_one(arguments)) is not None:
        screen().complain(f"{empty} is empty; leave it out, or write . for the working folder.")
        return MISTAKE
    if arguments != given:
        screen().complain(note_on_names(given, arguments))
    try:
        status: int | None = app(
            arguments or ["--help"], prog_name="med-cam", standalone_mode=False
        )
    except typer.TyperException as error:
        message = one_sentence(error.format_message()).rstrip(".")
        screen().complain(f"{message} (see {command_of(arguments)} --help).")
        return MISTAKE
    return DONE if status is None else status


def empty_one(arguments: Sequence[str]) -> str | None:
    """What is empty among the arguments, in words: `""` is no path, name or number.

    A variable of a shell that is not set gives one; as a path it would be the working folder.
    """
    before = ""
    for argument in arguments:
        name, equals, value = argument.partition("=")
        if name.startswith("--") and equals and not value:
            return name
        if not argument.strip():
            return f"what follows {before}" if before.startswith("-") else "an argument"
        before = argument
    return None


def renewed(arguments: Sequence[str]) -> list[str]:
    """The arguments with today's names of options for old ones, as in `--cell=8`."""
    known = old_names(COMMANDS[arguments[0]]) if arguments and arguments[0] in COMMANDS else {}
    end = arguments.index("--") if "--" in arguments else len(arguments)
    parts = [argument.partition("=") for argument in arguments[:end]]
    return ["".join((known.get(name, name), *rest)) for name, *rest in parts] + [*arguments[end:]]


def note_on_names(given: Sequence[str], arguments: Sequence[str]) -> str:
    """One sentence on the old names among the arguments."""
    pairs = [
        (old.partition("=")[0], new.partition("=")[0])
        for old, new in zip(given, arguments, strict=True)
        if old != new
    ]
    changes = " and ".join(f"{old} is now {new}" for old, new in dict.fromkeys(pairs))
    go = "the old names go" if len(set(pairs)) > 1 else "the old name goes"
    return f"{changes}; {go} with the next version."


def command_of(arguments: Sequence[str]) -> str:
    """The command whose help is meant; an unknown one was meant to be explained."""
    first = arguments[0] if arguments else ""
    return f"med-cam {first if first in COMMANDS else 'explain'}"


def command(
    options: type[Any], module: str, *, interrupted: str, environment: Mapping[str, str] = OFFLINE
) -> Callable[..., int]:
    """A function for typer: the fields of `options` are its parameters.

    Args:
        options: a dataclass of med_cam.cli.options.
        module: of med_cam.cli, imported when the command runs; its `run` does the work.
        interrupted: what to say after Ctrl-C.
        environment: variables to set, where the user has not.
    """

    def call(**given: Any) -> int:  # noqa: ANN401  as the fields say
        chosen = options(**given)

        def load() -> Work:
            return partial(import_module(f"med_cam.cli.{module}").run, chosen)

        return carry_out(
            load, debug=chosen.debug, interrupted=interrupted, environment=environment
        )

    return with_parameters(call, options)


def show_version(wanted: bool) -> bool:  # noqa: FBT001  typer calls it so
    """Say the version and leave; pass the option on if it was not given."""
    if wanted:
        typer.echo(f"med-cam {own_version()}")
        raise typer.Exit
    return wanted


app = typer.Typer(
    name="med-cam",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(help=manual.PROGRAM)
def med_cam(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help="Show the version.",
            callback=show_version,
            is_eager=True,
            show_default=False,
        ),
    ] = False,
) -> None:
    """What stands before the commands."""


data = typer.Typer(help=manual.DATA, rich_markup_mode="rich")
app.command("explain", help=manual.EXPLAIN)(
    command(
        ExplainOptions,
        "explain",
        interrupted="interrupted before an image was finished; nothing was written.",
    )
)
app.command("verify", help=manual.VERIFY)(
    command(VerifyOptions, "verify", interrupted="interrupted; nothing was changed.")
)
app.command("report", help=manual.REPORT)(
    command(ReportOptions, "report", interrupted="interrupted; nothing was written.")
)
app.command("dossier", help=manual.DOSSIER)(
    command(DossierOptions, "dossier", interrupted="interrupted; nothing was written.")
)
app.command("compare", help=manual.COMPARE)(
    command(CompareOptions, "compare", interrupted="interrupted; nothing was written.")
)
app.command("export", help=manual.EXPORT)(
    command(ExportOptions, "export", interrupted="interrupted; what was exported stays.")
)
app.command("audit", help=manual.AUDIT)(
    command(AuditOptions, "audit", interrupted="interrupted; nothing was written.")
)
app.add_typer(data, name="data")
data.command("check", help=manual.CHECK)(
    command(CheckOptions, "data_check", interrupted="interrupted; nothing was written.")
)
app.command("train", help=manual.TRAIN)(
    command(
        TrainOptions,
        "train",
        interrupted="stopped; the same command continues after the last full epoch.",
        environment=ONLINE,
    )
)
app.command("reproduce", help=manual.REPRODUCE)(
    command(
        ReproduceOptions,
        "reproduce",
        interrupted="stopped; the same command continues after the last finished image.",
    )
)
