"""The commands around data sets: options in, exit status out. Nothing heavy is imported here."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli import manual
from med_cam.cli.answer import ONLINE, Work, answer
from med_cam.cli.options import HOW, Backgrounds, ConfigFile, Debug, Device, Preset, Seed
from med_cam.cli.request import CheckRequest, ReproduceRequest, TrainRequest

TRAINING_STOPPED = "stopped; the same command goes on after the last full epoch."
REPRODUCING_STOPPED = "stopped; the same command goes on after the last finished image."

Study = Annotated[str, typer.Argument(metavar="STUDY", help=manual.STUDY, show_default=False)]
Root = Annotated[
    Path, typer.Option(metavar="DIR", help=manual.ROOT, show_default=False, exists=True)
]


def check(*, study: Study, root: Root, debug: Debug = False) -> int:
    """The options as one request, done."""
    request = CheckRequest(study, root, debug)

    def load() -> Work:
        from med_cam.cli.check import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted="interrupted; nothing was written.")


def train(  # noqa: PLR0913  one argument an option
    *,
    study: Study,
    root: Root,
    out: Annotated[
        Path, typer.Option(metavar="CLASSIFIER", help=manual.TRAIN_OUT, show_default=False)
    ],
    recipe: Annotated[
        str | None,
        typer.Option(metavar="NAME", help=manual.RECIPE, show_default=False, rich_help_panel=HOW),
    ] = None,
    init: Annotated[
        str, typer.Option(metavar="timm|random|FILE", help=manual.INIT, rich_help_panel=HOW)
    ] = "timm",
    emptiness: Annotated[
        bool | None,
        typer.Option(
            "--emptiness/--no-emptiness",
            help=manual.EMPTINESS,
            show_default=False,
            rich_help_panel=HOW,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=manual.EPOCHS, show_default=False, rich_help_panel=HOW, min=1
        ),
    ] = None,
    device: Device = "auto",
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=manual.TRAIN_SEED, show_default=False, rich_help_panel=HOW, min=0
        ),
    ] = None,
    debug: Debug = False,
) -> int:
    """The options as one request, done."""
    request = TrainRequest(
        study=study,
        root=root,
        out=out,
        recipe=recipe,
        init=init,
        emptiness=emptiness,
        epochs=epochs,
        device=device,
        seed=seed,
        debug=debug,
    )

    def load() -> Work:
        from med_cam.cli.train import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted=TRAINING_STOPPED, environment=ONLINE)


def reproduce(  # noqa: PLR0913  one argument an option
    *,
    study: Study,
    root: Root,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help=manual.REPRODUCE_OUT, show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(metavar="CLASSIFIER", help=manual.STUDY_MODEL, show_default=False),
    ] = None,
    images: Annotated[
        int, typer.Option(metavar="N", help=manual.IMAGES, rich_help_panel=HOW, min=1)
    ] = 4,
    tiles: Annotated[
        int,
        typer.Option(
            metavar="PIXELS", help=manual.TILES, rich_help_panel=HOW, show_default=False, min=0
        ),
    ] = 0,
    preset: Preset = "default",
    config: ConfigFile = None,
    baselines: Backgrounds = None,
    device: Device = "auto",
    seed: Seed = None,
    debug: Debug = False,
) -> int:
    """The options as one request, done."""
    request = ReproduceRequest(
        study=study,
        root=root,
        out=out,
        model=model,
        images=images,
        tiles=tiles,
        preset=preset,
        config=config,
        baselines=baselines,
        seed=seed,
        device=device,
        debug=debug,
    )

    def load() -> Work:
        from med_cam.cli.reproduce import run

        return partial(run, request)

    return answer(load, debug=debug, interrupted=REPRODUCING_STOPPED)
