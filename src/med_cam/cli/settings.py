"""From preset, TOML file and options to one Config, refused before anything is loaded."""

from dataclasses import replace
from pathlib import Path

from med_cam.cli.request import ReproduceRequest, Request
from med_cam.config.presets import preset
from med_cam.config.settings import Certification, Config, relative_to
from med_cam.config.toml import config_from_toml, nearest
from med_cam.errors import ConfigError
from med_cam.masking import BASELINES

SEEDS = 2**32  # seeds are spread over the range of torch's generators


def settings(request: Request | ReproduceRequest) -> Config:
    """The preset, over it the file, over it the options.

    Raises:
        ConfigError: an unknown preset, key or background, or a value out of range.
    """
    config = preset(request.preset)
    if request.config is not None:
        config = config_from_toml(settings_file(request.config), config)
    if request.baselines is not None:
        config = relative_to(config, baselines_named(request.baselines))
    if isinstance(request, Request):
        config = replace(config, certification=to_prove(request, config.certification))
    if request.seed is not None:
        config = replace(config, seed=request.seed)
    if not 0 <= config.seed < SEEDS:
        raise ConfigError(f"the seed is {config.seed}; give one from 0 to {SEEDS - 1}")
    refuse_unknown_backgrounds(config)
    return config


def to_prove(request: Request, rules: Certification) -> Certification:
    """What is proved, with the options over it.

    Raises:
        ConfigError: if one is out of range.
    """
    more = request.alternatives
    return replace(
        rules,
        patch=rules.patch if request.cell is None else request.cell,
        most_patches=rules.most_patches if request.cell is None else 0,
        alternatives=rules.alternatives if more is None else more,
        seeds=rules.seeds if request.seeds is None else request.seeds,
        necessary_superset=rules.necessary_superset or request.necessary,
    )


def settings_file(path: Path) -> Path:
    """The path of a settings file that is there.

    Raises:
        ConfigError: if it is not.
    """
    if not path.is_file():
        raise ConfigError(f"there is no settings file {path}; check the path")
    return path


def baselines_named(text: str) -> tuple[str, ...]:
    """Names between commas, each once.

    Raises:
        ConfigError: if there is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ConfigError(f"--backgrounds {text!r} names none; known are {', '.join(BASELINES)}")
    return names


def refuse_unknown_backgrounds(config: Config) -> None:
    """Check the names, whether from an option or a file.

    Raises:
        ConfigError: if one is unknown, or none is claimed on.
    """
    rules = config.verification
    if not rules.baselines:
        raise ConfigError("verification.backgrounds is empty; a claim needs at least one")
    for name in (*rules.baselines, *rules.unseen):
        if name not in BASELINES:
            raise ConfigError(f"there is no background {name!r}{nearest(name, BASELINES)}")
