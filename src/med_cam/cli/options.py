"""Options that several commands have, told once. Nothing heavy is imported here."""

from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli import manual

HOW = "How"

Preset = Annotated[str, typer.Option(metavar="NAME", help=manual.PRESET, rich_help_panel=HOW)]
ConfigFile = Annotated[
    Path | None,
    typer.Option(metavar="FILE.toml", help=manual.CONFIG, show_default=False, rich_help_panel=HOW),
]
Backgrounds = Annotated[
    str | None,
    typer.Option(
        metavar="A,B,...", help=manual.BASELINES, show_default=False, rich_help_panel=HOW
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help=manual.SEED, show_default=False, rich_help_panel=HOW),
]
Model = Annotated[
    str | None, typer.Option(metavar="CLASSIFIER", help=manual.MODEL, show_default=False)
]
Debug = Annotated[bool, typer.Option("--debug", metavar="", help=manual.DEBUG, show_default=False)]
Device = Annotated[str, typer.Option(metavar="NAME", help=manual.DEVICE, rich_help_panel=HOW)]
