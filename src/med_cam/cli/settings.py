"""From preset, TOML file and options to one Config, refused before anything is loaded."""

from dataclasses import replace

from med_cam.cli.options import ExplainOptions, ReproduceOptions
from med_cam.config.baselines import BASELINES
from med_cam.config.presets import preset
from med_cam.config.settings import Certification, Config, relative_to
from med_cam.config.toml import config_from_toml
from med_cam.errors import ConfigError


def settings(options: ExplainOptions | ReproduceOptions) -> Config:
    """The preset, over it the file, over it the options.

    Raises:
        ConfigError: an unknown preset, key or baseline, or a value out of range.
    """
    config = preset(options.preset)
    if options.config is not None:
        config = config_from_toml(options.config, config)
    if options.removal is not None:
        config = relative_to(config, removal_names(options.removal))
    if isinstance(options, ExplainOptions):
        config = replace(config, certification=to_certify(options, config.certification))
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    return config


def to_certify(options: ExplainOptions, rules: Certification) -> Certification:
    """What is certified and tested, with the options over it.

    Raises:
        ConfigError: if one is out of range.
    """
    more, seeds, patch = options.alternatives, options.seeds, options.patch
    return replace(
        rules,
        patch=rules.patch if patch is None else patch,
        most_patches=rules.most_patches if patch is None else 0,
        alternatives=rules.alternatives if more is None else more,
        seeds=rules.seeds if seeds is None else seeds,
        necessary_superset=rules.necessary_superset or options.necessary_superset,
    )


def removal_names(text: str) -> tuple[str, ...]:
    """Names between commas, each once.

    Raises:
        ConfigError: if there is none.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise ConfigError(f"--removal {text!r} names none; known are {', '.join(BASELINES)}")
    return names
