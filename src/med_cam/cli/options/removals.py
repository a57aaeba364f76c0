"""How the rest of the image is hidden."""

from pathlib import Path
from typing import Annotated

from med_cam.cli.options.boxes import SETTINGS, TESTS
from med_cam.cli.parameters import Was, option
from med_cam.config.baselines import FEATHERED, FOLDER, HARD, INSIDE
from med_cam.config.presets import PRESETS

USUAL = ",".join(PRESETS["default"].verification.baselines)
HOW_HIDDEN = (
    "How the rest of the image is hidden: what is painted there, or a removal inside the "
    f"network ({' and '.join(sorted(INSIDE, reverse=True))}). All claims are relative to "
    f"these. Choose from {', '.join(HARD)}; {FEATHERED}NAME of what is painted has a soft edge. "
    f"Your own: {FOLDER}PATH, a folder of images, or FILE.py:FUNCTION, which needs --trust."
)
Removals = Annotated[
    str | None,
    option("NAME,...", f"{HOW_HIDDEN} Default: {USUAL}.", SETTINGS),
    Was("--baselines"),
    Was("--backgrounds"),
]
RemovalOrAuto = Annotated[
    str | None,
    option(
        "auto|NAME,...",
        f"{HOW_HIDDEN} auto: chosen once for the classifier by a fixed rule, from an audit "
        f"or on the reference images, and said. Default: auto for a classifier of yours "
        f"(--model), {USUAL} for the bundled one, what they name under --config and other "
        "presets.",
        SETTINGS,
    ),
    Was("--baselines"),
    Was("--backgrounds"),
]
AuditFile = Annotated[
    Path | None,
    option(
        "FILE",
        "The audit.json of the classifier that --removal auto goes by. Default: the one "
        "beside its classifier.toml, else the one in the folder of results, else it is "
        "measured on the reference images. One of another classifier is not taken.",
        SETTINGS,
    ),
]
Beside = Annotated[
    str | None,
    option(
        "NAME,...",
        "A second claim over these, beside the first: both areas are reported. As in --beside "
        f"{FEATHERED}others: is a region sufficient among other patients' images too?",
        TESTS,
    ),
]
