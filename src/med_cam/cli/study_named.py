"""A study, or a recipe of one, by the name that was asked for."""

from collections.abc import Iterable, Mapping

from med_cam.config.toml import nearest
from med_cam.errors import ConfigError
from med_cam_studies.training.catalogue import STUDIES, Study
from med_cam_studies.training.recipes import Recipe


def study_named(name: str) -> Study:
    """The study of that name.

    Raises:
        ConfigError: if there is none.
    """
    if name not in STUDIES:
        raise ConfigError(f"there is no study {name!r}{nearest(name, STUDIES)}")
    return STUDIES[name]


def stages_named(study: Study, recipe: str | None) -> Mapping[str, Recipe]:
    """The stages of a recipe; of the study's first one if none is named.

    Raises:
        ConfigError: if the study has no such recipe.
    """
    if recipe is None:
        return first(study.recipes.values())
    if recipe not in study.recipes:
        raise ConfigError(
            f"{study.title} has no recipe {recipe!r}{nearest(recipe, study.recipes)}"
        )
    return study.recipes[recipe]


def first(stages: Iterable[Mapping[str, Recipe]]) -> Mapping[str, Recipe]:
    """The first of several."""
    return next(iter(stages))
