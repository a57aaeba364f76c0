"""The options of `med-cam audit`: options in, exit status out. Nothing heavy is imported here."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli import manual
from med_cam.cli.answer import Work, answer
from med_cam.cli.options import HOW, Debug, Device, Model
from med_cam.cli.request import AuditRequest
from med_cam.config.rules import SEEDS

INTERRUPTED = "interrupted; nothing was written."
MOST_DRAWS = 1000


def audit(  # noqa: PLR0913  one argument an option
    *,
    images: Annotated[
        list[Path] | None, typer.Argument(metavar="IMAGE|FOLDER", hidden=True)
    ] = None,
    model: Model = None,
    references: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help=manual.AUDIT_REFERENCES, show_default=False),
    ] = None,
    samples: Annotated[
        int,
        typer.Option(metavar="N", help=manual.DRAWS, rich_help_panel=HOW, min=1, max=MOST_DRAWS),
    ] = 8,
    seed: Annotated[
        int,
        typer.Option(
            metavar="N", help=manual.AUDIT_SEED, rich_help_panel=HOW, min=0, max=SEEDS - 1
        ),
    ] = 0,
    device: Device = "auto",
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help=manual.AUDIT_OUT, show_default=False)
    ] = None,
    debug: Debug = False,
) -> int:
    """The options as one request, done."""
    request = AuditRequest(
        images=tuple(images or ()),
        model=model,
        references=references,
        samples=samples,
        seed=seed,
        device=device,
        out=out,
        debug=debug,
    )

    def load() -> Work:
        from med_cam.cli.audit import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted=INTERRUPTED)
