"""`med-cam train`: a data set to a measured classifier."""

import time
from collections.abc import Mapping
from dataclasses import replace

from med_cam.classifiers.load import chosen_device
from med_cam.cli.data_check import study_named
from med_cam.cli.options.studies import TrainOptions
from med_cam.cli.room import require_room
from med_cam.cli.run import DONE, MISTAKE
from med_cam.cli.screen import Screen, row
from med_cam.cli.signals import refuse_to_go_on
from med_cam.cli.tally import duration
from med_cam.config.rules import nearest
from med_cam.errors import ConfigError
from med_cam_studies.training.catalogue import Study
from med_cam_studies.training.recipes import Recipe
from med_cam_studies.training.train import Epoch
from med_cam_studies.training.training import CARD, Plan, Trained, Watch, trained

MASKED, EMPTY = 0.25, 0.06  # shares of a batch, where a recipe without them is asked for some


def run(options: TrainOptions, screen: Screen) -> int:
    """Train what was asked for; return the exit status.

    Raises:
        MedCamError: if it cannot begin, or not go on.
    """
    study = study_named(options.study)
    stages = as_asked(stages_named(study, options.recipe), options)
    device = chosen_device(options.device)
    require_room(options.out)
    plan = Plan(study, options.root, stages, options.init, device, options.out)
    screen.say(f"{plan.name}: {', '.join(stages)}, from {options.init}, on {device}.")
    with row(screen.bar, "starting", total=sum(r.epochs for r in stages.values())) as task:
        begun = time.perf_counter()

        def on_stage(text: str) -> None:
            screen.bar.update(task, description=text)

        def on_epoch(epoch: Epoch) -> None:
            refuse_to_go_on()
            screen.bar.advance(task)
            screen.say(epoch_line(epoch, stages, time.perf_counter() - begun))

        found = trained(plan, Watch(on_stage=on_stage, on_epoch=on_epoch))
    for sentence in found.faults:
        screen.complain(f"left out: {sentence}")
    screen.say(ending(found, plan, study))
    return MISTAKE if found.faults else DONE


def stages_named(study: Study, recipe: str | None) -> Mapping[str, Recipe]:
    """The stages of a recipe; of the study's first one if none is named.

    Raises:
        ConfigError: if the study has no such recipe.
    """
    if recipe is None:
        return next(iter(study.recipes.values()))
    if recipe not in study.recipes:
        raise ConfigError(
            f"{study.title} has no recipe {recipe!r}{nearest(recipe, study.recipes)}"
        )
    return study.recipes[recipe]


def as_asked(stages: Mapping[str, Recipe], options: TrainOptions) -> dict[str, Recipe]:
    """The stages with what the options say otherwise."""
    return {name: changed(recipe, options) for name, recipe in stages.items()}


def changed(recipe: Recipe, options: TrainOptions) -> Recipe:
    """One stage with what the options say otherwise."""
    if options.epochs is not None:
        recipe = replace(recipe, epochs=options.epochs)
    if options.seed is not None:
        recipe = replace(recipe, seed=recipe.seed + options.seed)
    if options.emptiness is False:
        recipe = replace(recipe, masked=0, empty=0)
    if options.emptiness and recipe.masked + recipe.empty == 0:
        recipe = replace(
            recipe, masked=round(MASKED * recipe.batch), empty=max(1, round(EMPTY * recipe.batch))
        )
    return recipe


def epoch_line(epoch: Epoch, stages: Mapping[str, Recipe], seconds: float) -> str:
    """One epoch, for the terminal."""
    return (
        f"{epoch.stage} epoch {epoch.number} of {stages[epoch.stage].epochs}: loss "
        f"{epoch.loss:.3f}, validation {epoch.accuracy:.1%} (balanced {epoch.balanced:.1%}), "
        f"{duration(seconds)}"
    )


def ending(found: Trained, plan: Plan, study: Study) -> str:
    """What was reached, beside the paper's figure, and where it is."""
    testing = found.measured.testing
    low, high = testing.accuracy_interval
    architecture, accuracy = study.paper
    paper = f"; the paper reports {accuracy:.0%} with {architecture}" if architecture else ""
    return (
        f"\nTest set: accuracy {testing.accuracy:.1%} (95% interval {low:.1%} to {high:.1%}), "
        f"balanced {testing.balanced_accuracy:.1%}, majority class {testing.majority:.1%}{paper}."
        f"\nThe classifier is in {plan.out}; {plan.out / CARD} says more."
    )
