"""With which settings and seed, and how many at a time."""

from pathlib import Path
from typing import Annotated, Any

from med_cam.cli.options.boxes import SETTINGS
from med_cam.cli.parameters import option
from med_cam.config.presets import PRESETS
from med_cam.config.rules import SEEDS, whole


def seed_option(text: str, panel: str = SETTINGS) -> Any:  # noqa: ANN401  typer says so
    """A seed, in the range that generators take."""
    return option("N", text, panel, allowed=whole(0, SEEDS - 1))


Preset = Annotated[
    str, option("NAME", f"The settings to start from: {', '.join(PRESETS)}.", SETTINGS)
]
ConfigFile = Annotated[
    Path | None,
    option("FILE.toml", "Your own settings. They replace those of the preset.", SETTINGS),
]
Seed = Annotated[
    int | None, seed_option("The same seed on the same machine gives the same mask. Default: 0.")
]
Workers = Annotated[
    int | None,
    option(
        "N",
        "Explain N images at a time, each in a process of its own with one thread of torch. "
        "The results are those of one. Default: one image at a time, with all threads.",
        SETTINGS,
        allowed=whole(1, 256),
    ),
]
