"""What the user asked for, as it stood on the command line."""

from dataclasses import dataclass
from pathlib import Path

OUT = Path("med-cam-out")


@dataclass(frozen=True, slots=True)
class Request:
    """The options of `med-cam explain`; None is "choose for me".

    Attributes:
        images: files and folders.
        model: a classifier's folder or file; the bundled one by default.
        target: label to explain; the classifier's own answer by default.
        preset: the settings to start from.
        config: a TOML file with settings over the preset's.
        out: the folder that gets one folder an image.
        references: a folder of other images, for the shape test.
        backgrounds: names with commas between them, over which a claim is made.
        seed: of every draw.
        device: as `load_classifier` takes it.
        debug: show tracebacks and the warnings of other libraries.
    """

    images: tuple[Path, ...] = ()
    model: str | None = None
    target: str | None = None
    preset: str = "default"
    config: Path | None = None
    out: Path = OUT
    references: Path | None = None
    backgrounds: str | None = None
    seed: int | None = None
    device: str = "auto"
    debug: bool = False
