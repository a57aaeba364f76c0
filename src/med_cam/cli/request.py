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
        against: the one label to tell the target from.
        cell: side of the cells of the discrete stage, in pixels; as the settings have it.
        alternatives: further disjoint masks to look for.
        necessary: whether to look for a larger mask that is necessary too.
        seeds: masks to compare.
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
    baselines: str | None = None
    against: str | None = None
    cell: int | None = None
    alternatives: int | None = None
    necessary: bool = False
    seeds: int | None = None
    seed: int | None = None
    device: str = "auto"
    debug: bool = False


@dataclass(frozen=True, slots=True)
class VerifyRequest:
    """The options of `med-cam verify`; None is "as it was explained".

    Attributes:
        folders: results, or folders of them.
        model: the classifier; the bundled one by default.
        references: the other images of the explanations.
        backgrounds: names with commas between them, for another certificate.
        draws: of the random backgrounds together.
        confidence: of the bounds.
        seed: other draws.
        batch: composites a pass.
        device, debug: as for `Request`.
    """

    folders: tuple[Path, ...]
    model: str | None = None
    references: Path | None = None
    baselines: str | None = None
    samples: int | None = None
    confidence: float | None = None
    seed: int | None = None
    batch: int = 1
    device: str = "auto"
    debug: bool = False


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The options of `med-cam audit`.

    Attributes:
        images: files and folders.
        model: a classifier's folder or file; the bundled one by default.
        references: a folder of other images, for the background "others".
        draws: of everything random, an image.
        seed: of every draw.
        device: as `load_classifier` takes it.
        out: the folder that gets audit.json and audit.md, if any.
        debug: as for `Request`.
    """

    images: tuple[Path, ...] = ()
    model: str | None = None
    references: Path | None = None
    samples: int = 8
    seed: int = 0
    device: str = "auto"
    out: Path | None = None
    debug: bool = False


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """The options of `med-cam data check`.

    Attributes:
        study: name of the data set.
        root: its folder.
        debug: as for `Request`.
    """

    study: str
    root: Path
    debug: bool = False


@dataclass(frozen=True, slots=True)
class TrainRequest:
    """The options of `med-cam train`; None is "choose for me".

    Attributes:
        study: name of the data set.
        root: its folder.
        out: the classifier's folder.
        recipe: one of the study's; its first by default.
        init: "timm", "random" or a weights file.
        emptiness: whether masked and empty images are trained on; as the recipe has it by default.
        epochs: at most; as the recipe has it by default.
        device: as `load_classifier` takes it.
        seed: of every draw; the recipe's by default.
        debug: as for `Request`.
    """

    study: str
    root: Path
    out: Path
    recipe: str | None = None
    init: str = "timm"
    emptiness: bool | None = None
    epochs: int | None = None
    device: str = "auto"
    seed: int | None = None
    debug: bool = False


@dataclass(frozen=True, slots=True)
class ReproduceRequest:
    """The options of `med-cam reproduce`; None is "choose for me".

    Attributes:
        study: name of the data set.
        root: its folder.
        out: gets figure, tables, report and results.
        model: a classifier of this data set; the bundled one for brain-mri by default.
        images: explained of each class.
        tiles: side of tiles in source pixels; 0 = whole images.
        preset, config, backgrounds, seed, device, debug: as for `Request`.
    """

    study: str
    root: Path
    out: Path
    model: str | None = None
    images: int = 4
    tiles: int = 0
    preset: str = "default"
    config: Path | None = None
    baselines: str | None = None
    seed: int | None = None
    device: str = "auto"
    debug: bool = False
