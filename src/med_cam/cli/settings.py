"""From preset, TOML file and options to one Config, refused before anything is loaded."""

from dataclasses import replace
from pathlib import Path

from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.studies import ReproduceOptions
from med_cam.config.baselines import BASELINES
from med_cam.config.presets import preset
from med_cam.config.settings import Certification, Config, relative_to
from med_cam.config.toml import MOST, RENAMED, config_from_toml, toml_table
from med_cam.errors import ConfigError

AUTO = "auto"  # in the place of names: chosen for the classifier


def settings(options: ExplainOptions | ReproduceOptions) -> Config:
    """The preset, over it the file, over it the options.

    Raises:
        ConfigError: an unknown preset, key or baseline, or a value out of range.
    """
    config = preset(options.preset)
    if options.config is not None:
        config = config_from_toml(options.config, config)
    if options.removal is not None and not is_auto(options):
        config = relative_to(config, removal_names(options.removal))
    if isinstance(options, ExplainOptions) and options.beside is not None:
        names = removal_names(options.beside, option="--beside")
        config = replace(config, verification=replace(config.verification, beside=names))
    if isinstance(options, ExplainOptions):
        config = replace(config, certification=to_certify(options, config.certification))
    if options.seed is not None:
        config = replace(config, seed=options.seed)
    return config


def is_auto(options: ExplainOptions | ReproduceOptions) -> bool:
    """Whether removals are to be chosen, in so many words.

    Raises:
        ConfigError: if an audit is given, and removals are named too.
    """
    auto = isinstance(options, ExplainOptions) and (options.removal or "").strip() == AUTO
    if isinstance(options, ExplainOptions) and options.audit and options.removal and not auto:
        raise ConfigError(f"--audit belongs to --removal {AUTO}; leave one of the two out")
    return auto


def wants_choice(options: ExplainOptions, *, bundled: bool) -> bool:
    """Whether removals are to be chosen for the classifier.

    They are where the user says so, and for a classifier of the user's where nothing names any:
    no option, no file of settings and no preset but the default one.
    """
    if is_auto(options) or (options.audit is not None and options.removal is None):
        return True
    named = options.removal is not None or options.preset != "default"
    return not (bundled or named or sets_baselines(options.config))


def sets_baselines(path: Path | None) -> bool:
    """Whether a file of settings names baselines, under their name or that of before 0.2."""
    if path is None:
        return False
    table = toml_table(path, "settings", most=MOST).get("verification", {})
    old = (name for name, new in RENAMED["verification"].items() if new == "baselines")
    return not {"baselines", *old}.isdisjoint(table)


def to_certify(options: ExplainOptions, rules: Certification) -> Certification:
    """What is certified and tested, with the options over it.

    Raises:
        ConfigError: if one is out of range.
    """
    more, seeds, patch = options.alternatives, options.seeds, options.patch
    if patch is not None and options.region_size is not None:
        raise ConfigError("--patch is for squares and --region-size for regions; give one of them")
    if patch is not None:  # squares take more passes: their reduction has no limit of its own
        rules = replace(rules, units="squares", budget=0)
    if options.region_size is not None:
        rules, patch = replace(rules, units="regions"), options.region_size
    if options.budget is not None:
        rules = replace(rules, budget=options.budget)
    return replace(
        rules,
        patch=rules.patch if patch is None else patch,
        most_patches=rules.most_patches if patch is None else 0,
        alternatives=rules.alternatives if more is None else more,
        seeds=rules.seeds if seeds is None else seeds,
        necessary_superset=rules.necessary_superset or options.necessary_superset,
    )


def removal_names(text: str, *, option: str = "--removal") -> tuple[str, ...]:
    """Names between commas, each once.

    Raises:
        ConfigError: if there is none, or they are to be chosen where only names will do.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if AUTO in names:
        raise ConfigError(
            f"{AUTO} is for med-cam explain alone, and stands by itself; name the removals here"
        )
    if not names:
        raise ConfigError(f"{option} {text!r} names none; known are {', '.join(BASELINES)}")
    return names
