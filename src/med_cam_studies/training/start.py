"""Where a training begins: timm's architecture with a new head, on pretrained weights or none."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from med_cam.classifiers.checkpoint import read_states
from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.matching import best_match
from med_cam.errors import ClassifierError
from med_cam_studies.training.recipes import Recipe

TIMM, RANDOM = "timm", "random"


def started(init: str | Path, recipe: Recipe, classes: int) -> nn.Module:
    """The recipe's architecture with a head of zeros; the rest, if new, by its seed.

    Args:
        init: "timm" for timm's pretrained weights, "random" for none, or a weights file with
            timm's names.
        recipe: architecture, its arguments, seed.
        classes: outputs of the new head.

    Raises:
        ClassifierError: if there is no such architecture, or its weights cannot be had, read or
            fitted.
    """
    model = untrained(recipe, classes)
    silence_head(model)
    if init == TIMM:
        fetch(model, recipe)
    elif init != RANDOM:
        fill(model, Path(init))
    swift: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return swift


def untrained(recipe: Recipe, classes: int) -> nn.Module:
    """The architecture with random weights, torch's global generator left as it was.

    Raises:
        ClassifierError: if timm has no such architecture, or not with these arguments.
    """
    timm = import_timm()
    try:
        with torch.random.fork_rng(devices=[]):  # timm uses the global generator
            torch.manual_seed(recipe.seed)  # noqa: TID251 - and gets it back as it was
            model: nn.Module = timm.create_model(
                recipe.architecture, num_classes=classes, **recipe.arguments
            )
    except (RuntimeError, TypeError, ValueError) as error:
        raise ClassifierError(
            f"timm cannot build {recipe.architecture} with {dict(recipe.arguments)} ({error}); "
            "choose another recipe."
        ) from error
    return model


def silence_head(model: nn.Module) -> None:
    """Zero in all weights of the head.

    timm makes those of some architectures so large (MobileNetV2's from -0.38 to 0.38 for seven
    classes) that the first steps, whose loss is several times that of a guess, spoil the body.
    """
    for name, parameter in model.named_parameters():
        if name.startswith(head_prefixes(model)):
            nn.init.zeros_(parameter)


def fetch(model: nn.Module, recipe: Recipe) -> None:
    """Put timm's pretrained weights into all but the head; from the network or timm's cache.

    Raises:
        ClassifierError: if they cannot be had.
    """
    timm = import_timm()
    try:
        source = timm.create_model(recipe.architecture, pretrained=True, **recipe.arguments)
    except Exception as error:
        raise ClassifierError(
            f"the pretrained weights of {recipe.architecture} cannot be fetched "
            f"({type(error).__name__}); without a network give --init FILE, a weights file with "
            "timm's names, or --init random."
        ) from error
    copy_body(model, source.state_dict(), source=f"timm's {recipe.architecture}")


def fill(model: nn.Module, weights: Path) -> None:
    """Put the weights of a file into all but the head.

    Raises:
        ClassifierError: if they cannot be read, or belong to another architecture.
    """
    if not weights.is_file():
        raise ClassifierError(
            f"there is no weights file {weights}; --init takes timm, random or a file."
        )
    match = best_match(read_states(weights), model.state_dict(), source=str(weights))
    beyond = dict.fromkeys(match.within, torch.empty(0))  # of another architecture
    copy_body(model, {**beyond, **match.found}, source=str(weights))


def copy_body(model: nn.Module, found: Mapping[str, torch.Tensor], *, source: str) -> None:
    """Copy all weights but those of the head.

    Raises:
        ClassifierError: if one is lacking or does not fit.
    """
    head = head_prefixes(model)
    state = {key: value.float() for key, value in found.items() if not key.startswith(head)}
    own = model.state_dict()
    lacking = [k for k in own if k not in state and "num_batches" not in k]
    lacking = [k for k in lacking if not k.startswith(head)]
    misfit = [k for k, v in state.items() if k not in own or own[k].shape != v.shape]
    if lacking or misfit:
        raise ClassifierError(
            f"{source} does not fit {type(model).__name__}: it lacks {lacking[:3]}, and does not "
            f"fit in {misfit[:3]}; give weights of the recipe's architecture."
        )
    model.load_state_dict(state, strict=False)


def head_prefixes(model: nn.Module) -> tuple[str, ...]:
    """How the names of the head's weights begin, as timm's own description has it."""
    named = getattr(model, "default_cfg", {}).get("classifier", "classifier")
    names = (named,) if isinstance(named, str) else tuple(named)
    return tuple(f"{name}." for name in names)
