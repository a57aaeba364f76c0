"""The options of `med-cam prepare`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from med_cam.cli.options.boxes import OUTPUT, SETTINGS
from med_cam.cli.options.classifier import Device, Model, Trust
from med_cam.cli.options.inputs import Frame, Images, Slice, White, Window, references_option
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.settings import ConfigFile, seed_option
from med_cam.cli.parameters import option
from med_cam.config import rules
from med_cam.config.settings import Preparation

PREPARATION = Preparation()


@dataclass(frozen=True, slots=True)
class PrepareOptions:
    """The options of `med-cam prepare`."""

    images: Images = None
    model: Model = None
    references: Annotated[
        Path | None,
        references_option(
            "Reference images, by which --removal auto chooses: give the same as to explain."
        ),
    ] = None
    white: White = None
    window: Window = None
    frame: Frame = None
    slice: Slice = None
    config: ConfigFile = None
    removal: Annotated[
        str | None,
        option(
            "auto|NAME,...",
            "How the rest of the image is hidden; the same as in med-cam explain, whose help "
            "describes it.",
            SETTINGS,
        ),
    ] = None
    audit: Annotated[
        Path | None,
        option("FILE", "The audit.json that --removal auto goes by, as in explain.", SETTINGS),
    ] = None
    epochs: Annotated[
        int | None,
        option(
            "N",
            "How often the network sees each image; this takes no passes. Default: "
            f"{PREPARATION.epochs}.",
            SETTINGS,
            allowed=rules.epochs,
        ),
    ] = None
    seed: Annotated[
        int | None,
        seed_option("The same seed on the same machine gives the same file. Default: 0."),
    ] = None
    device: Device = "auto"
    out: Annotated[
        Path,
        option(
            "FILE",
            "The network, for med-cam explain --proposal. An earlier one is replaced, when the "
            "new one is finished.",
            OUTPUT,
        ),
    ] = Path("proposal.safetensors")
    debug: Debug = False
    trust: Trust = None
