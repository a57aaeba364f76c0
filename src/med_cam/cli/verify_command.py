"""The options of `med-cam verify`: options in, exit status out. Nothing heavy is imported here."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli import manual
from med_cam.cli.answer import Work, answer
from med_cam.cli.options import HOW, Debug, Device, Model
from med_cam.cli.request import VerifyRequest

INTERRUPTED = "interrupted; nothing was changed."


def verify(  # noqa: PLR0913  one argument an option
    *,
    folders: Annotated[list[Path], typer.Argument(metavar="DIR", hidden=True)],
    model: Model = None,
    references: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=manual.VERIFY_REFERENCES, show_default=False),
    ] = None,
    baselines: Annotated[
        str | None,
        typer.Option(
            metavar="A,B,...",
            help=manual.VERIFY_BACKGROUNDS,
            show_default=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=manual.VERIFY_DRAWS, show_default=False, rich_help_panel=HOW, min=1
        ),
    ] = None,
    confidence: Annotated[
        float | None,
        typer.Option(metavar="C", help=manual.CONFIDENCE, show_default=False, rich_help_panel=HOW),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=manual.VERIFY_SEED, show_default=False, rich_help_panel=HOW, min=0
        ),
    ] = None,
    batch: Annotated[
        int, typer.Option(metavar="N", help=manual.BATCH, rich_help_panel=HOW, min=1)
    ] = 1,
    device: Device = "auto",
    debug: Debug = False,
) -> int:
    """The options as one request, done."""
    request = VerifyRequest(
        folders=tuple(folders),
        model=model,
        references=references,
        baselines=baselines,
        samples=samples,
        confidence=confidence,
        seed=seed,
        batch=batch,
        device=device,
        debug=debug,
    )

    def load() -> Work:
        from med_cam.cli.verify import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted=INTERRUPTED)
