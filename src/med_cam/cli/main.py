"""The command line itself: options in, exit status out. Nothing heavy is imported here."""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli import audit_command, manual, study_commands, verify_command
from med_cam.cli.answer import Work, answer
from med_cam.cli.failures import DONE, MISTAKE, one_sentence
from med_cam.cli.installed import own_version
from med_cam.cli.options import Backgrounds, ConfigFile, Device, Preset, Seed
from med_cam.cli.request import OUT, Request
from med_cam.cli.screen import screen

COMMANDS = ("explain", "verify", "audit", "data", "train", "reproduce")
NOTHING_FINISHED = "interrupted before an image was finished; nothing was written."

app = typer.Typer(
    name="med-cam",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return the exit status.

    0: all was done. 2: something was asked for wrongly. 1: a fault of ours. 130: interrupted.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    try:
        status: int | None = app(
            arguments or ["--help"], prog_name="med-cam", standalone_mode=False
        )
    except typer.TyperException as error:
        message = one_sentence(error.format_message()).rstrip(".")
        screen().complain(f"{message} (see {command_of(arguments)} --help).")
        return MISTAKE
    return DONE if status is None else status


def command_of(arguments: Sequence[str]) -> str:
    """The command whose help is meant; what is none was meant to be explained."""
    first = arguments[0] if arguments else ""
    return f"med-cam {first if first in COMMANDS else 'explain'}"


def show_version(wanted: bool) -> bool:  # noqa: FBT001  typer calls it so
    """Say the version and leave; pass the option on if it was not given."""
    if wanted:
        typer.echo(f"med-cam {own_version()}")
        raise typer.Exit
    return wanted


@app.callback(help=manual.PROGRAM)
def med_cam(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            help=manual.VERSION,
            callback=show_version,
            is_eager=True,
            show_default=False,
        ),
    ] = False,
) -> None:
    """What stands before the commands."""


WHAT, PROOF, RUN = "What", "What is proved", "Results"


@app.command(help=manual.EXPLAIN)
def explain(  # noqa: PLR0913  one argument an option
    *,
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE|FOLDER", hidden=True)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="CLASSIFIER", help=manual.MODEL, show_default=False, rich_help_panel=WHAT
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL", help=manual.TARGET, show_default=False, rich_help_panel=WHAT
        ),
    ] = None,
    references: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help=manual.REFERENCES, show_default=False, rich_help_panel=WHAT
        ),
    ] = None,
    preset: Preset = "default",
    config: ConfigFile = None,
    baselines: Backgrounds = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="LABEL", help=manual.AGAINST, show_default=False, rich_help_panel=WHAT
        ),
    ] = None,
    alternatives: Annotated[
        int | None,
        typer.Option(
            metavar="K", help=manual.ALTERNATIVES, show_default=False, rich_help_panel=PROOF
        ),
    ] = None,
    necessary: Annotated[
        bool,
        typer.Option(
            "--necessary",
            metavar="",
            help=manual.NECESSARY,
            show_default=False,
            rich_help_panel=PROOF,
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help=manual.SEEDS, show_default=False, rich_help_panel=PROOF),
    ] = None,
    cell: Annotated[
        int | None,
        typer.Option(
            metavar="PIXELS", help=manual.CELL, show_default=False, rich_help_panel=PROOF
        ),
    ] = None,
    seed: Seed = None,
    device: Device = "auto",
    out: Annotated[Path, typer.Option(metavar="DIR", help=manual.OUT, rich_help_panel=RUN)] = OUT,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug", metavar="", help=manual.DEBUG, show_default=False, rich_help_panel=RUN
        ),
    ] = False,
) -> int:
    """The options as one Request, done."""
    request = Request(
        images=tuple(images or ()),
        model=model,
        target=target,
        preset=preset,
        config=config,
        out=out,
        references=references,
        baselines=baselines,
        against=against,
        cell=cell,
        alternatives=alternatives,
        necessary=necessary,
        seeds=seeds,
        seed=seed,
        device=device,
        debug=debug,
    )

    def load() -> Work:
        from med_cam.cli.explain import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted=NOTHING_FINISHED)


app.command(help=manual.VERIFY)(verify_command.verify)
app.command(help=manual.AUDIT)(audit_command.audit)
data = typer.Typer(help=manual.DATA, rich_markup_mode="rich")
data.command(name="check", help=manual.CHECK)(study_commands.check)
app.add_typer(data, name="data")
app.command(help=manual.TRAIN)(study_commands.train)
app.command(help=manual.REPRODUCE)(study_commands.reproduce)
