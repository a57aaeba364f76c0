"""The options of `med-cam verify`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli.options.boxes import CERTIFICATE, INPUT, SETTINGS
from med_cam.cli.options.classifier import Device, Model, Trust
from med_cam.cli.options.inputs import references_option
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.settings import seed_option
from med_cam.cli.parameters import Was, option
from med_cam.config import rules
from med_cam.config.rules import whole


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options of `med-cam verify`; None is "as it was explained"."""

    folders: Annotated[list[Path], typer.Argument(metavar="DIR", hidden=True)]
    model: Model = None
    references: Annotated[
        Path | None,
        references_option("The same reference images that the explanations were made with."),
    ] = None
    image: Annotated[
        list[Path] | None,
        option(
            "FILE|FOLDER",
            "The image, for a result made with --no-source, or a folder with the images of many; "
            "may be given several times. Each result takes the one that has its SHA-256.",
            INPUT,
        ),
    ] = None
    removal: Annotated[
        str | None,
        option("NAME,...", "Hide the rest so instead of as saved.", CERTIFICATE),
        Was("--baselines"),
        Was("--backgrounds"),
    ] = None
    samples: Annotated[
        int | None,
        option(
            "N",
            "How many random samples, over all random baselines. If all of 299 retain the "
            "prediction, a retention rate of 99% is certified with 95% confidence.",
            CERTIFICATE,
            allowed=whole(1, 10_000),
        ),
        Was("--draws"),
    ] = None
    confidence: Annotated[
        float | None,
        option(
            "C",
            "Confidence of the bounds, as in 0.95. Default: as saved.",
            CERTIFICATE,
            allowed=rules.confidence,
        ),
    ] = None
    seed: Annotated[
        int | None, seed_option("Use other random samples than the explanation did.", CERTIFICATE)
    ] = None
    batch: Annotated[
        int | None,
        option(
            "N",
            "Masked inputs per pass of the classifier. This does not change the verdicts."
            " Default: as many as are fastest.",
            SETTINGS,
            allowed=whole(1, 1024),
        ),
    ] = None
    device: Device = "auto"
    debug: Debug = False
    trust: Trust = None
