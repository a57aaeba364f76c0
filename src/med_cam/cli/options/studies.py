"""The options of the commands around a data set: data check, train, reproduce."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli.options.boxes import INPUT, OUTPUT, SETTINGS
from med_cam.cli.options.classifier import Device, Trust
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.removals import Removals
from med_cam.cli.options.settings import ConfigFile, Preset, Seed, seed_option
from med_cam.cli.parameters import option
from med_cam.config.rules import none_or, whole

STUDIES = ("bach", "ham10000", "idrid", "brain-mri", "lc25000")
Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help=f"The data set: {', '.join(STUDIES)}.", show_default=False
    ),
]
Root = Annotated[
    Path,
    option(
        "DIR",
        "The folder with the unpacked data set, as its provider distributes it.",
        INPUT,
        exists=True,
    ),
]


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options of `med-cam data check`."""

    study: Study
    root: Root
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """The options of `med-cam train`; None is "as the recipe has it"."""

    study: Study
    root: Root
    out: Annotated[
        Path,
        option(
            "CLASSIFIER",
            "Gets classifier.toml, model.safetensors, model-card.md, measured.json, training.csv "
            "and checkpoints/.",
            OUTPUT,
        ),
    ]
    recipe: Annotated[
        str | None,
        option(
            "NAME",
            "bach, ham10000 and idrid have paper (the paper's architecture), small (the same "
            "trained from scratch, small enough for a CPU) and light (DeiT-Tiny or MobileNetV2). "
            "ham10000 also has start (a ResNet-18 to initialise idrid's with). brain-mri has "
            "robust and plain, lc25000 has light. Default: the first one named.",
            SETTINGS,
        ),
    ] = None
    init: Annotated[
        str,
        option(
            "timm|random|FILE",
            "Initial weights: timm's pretrained ones (needs a network once), random ones, or a "
            "weights file with timm's names.",
            SETTINGS,
        ),
    ] = "timm"
    emptiness: Annotated[
        bool | None,
        typer.Option(
            "--emptiness/--no-emptiness",
            help="Train also on masked images and on baselines alone, so that the classifier has "
            "no confident prediction where nothing is visible. Default: as in the recipe.",
            show_default=False,
            rich_help_panel=SETTINGS,
        ),
    ] = None
    epochs: Annotated[
        int | None,
        option("N", "At most N epochs in each stage.", SETTINGS, allowed=whole(1, 10_000)),
    ] = None
    device: Device = "auto"
    seed: Annotated[
        int | None,
        seed_option("Added to the seed of each stage: another seed gives other weights."),
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class ReproduceOptions:
    """The options of `med-cam reproduce`."""

    study: Study
    root: Root
    out: Annotated[
        Path, option("DIR", "Gets figure, tables, report.html, images/ and maps/.", OUTPUT)
    ]
    model: Annotated[
        str | None,
        option(
            "CLASSIFIER",
            "A classifier of this data set, as med-cam train writes it. Default for brain-mri: "
            "the bundled one.",
            INPUT,
        ),
    ] = None
    images: Annotated[
        int,
        option(
            "N", "How many images of each class to explain.", SETTINGS, allowed=whole(1, 10**6)
        ),
    ] = 4
    tiles: Annotated[
        int,
        option(
            "PIXELS",
            "Explain large images in tiles with sides of about this length, and stitch their "
            "evidence. For classifiers that were trained on such tiles. 0: whole images.",
            SETTINGS,
            allowed=none_or(16, 2**16),
        ),
    ] = 0
    preset: Preset = "default"
    config: ConfigFile = None
    removal: Removals = None
    seed: Seed = None
    device: Device = "auto"
    debug: Debug = False
    trust: Trust = None
