"""The options of `med-cam audit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from med_cam.cli.options.boxes import OUTPUT, SETTINGS
from med_cam.cli.options.classifier import Device, Model, Trust
from med_cam.cli.options.inputs import Frame, Images, Slice, White, Window, references_option
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.settings import seed_option
from med_cam.cli.parameters import Was, option
from med_cam.config.rules import whole


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """The options of `med-cam audit`."""

    images: Images = None
    model: Model = None
    references: Annotated[
        Path | None,
        references_option(
            'Reference images for the recommended removal and for the baseline "others"; '
            "without any, both are left out."
        ),
    ] = None
    samples: Annotated[
        int,
        option(
            "N",
            "Random samples per image: of noise, of shapes, of hidden patches.",
            SETTINGS,
            allowed=whole(1, 1000),
        ),
        Was("--draws"),
    ] = 8
    seed: Annotated[
        int, seed_option("The same seed on the same machine gives the same numbers.")
    ] = 0
    device: Device = "auto"
    out: Annotated[
        Path | None,
        option(
            "DIR",
            "Gets audit.json (all numbers, hashes of classifier and images, versions) and "
            "audit.md. Earlier ones are replaced. Without this option nothing is written.",
            OUTPUT,
        ),
    ] = None
    white: White = None
    window: Window = None
    frame: Frame = None
    slice: Slice = None
    debug: Debug = False
    trust: Trust = None
