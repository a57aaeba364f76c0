"""Architectures that a function of the user's own Python code builds."""

import importlib
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

from med_cam.classifiers.checkpoint import read_states
from med_cam.classifiers.compat import beside_any_torch
from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.inside import inside
from med_cam.classifiers.module_files import installed_files, module_files
from med_cam.classifiers.own_file import module_of, own_name
from med_cam.classifiers.trust import is_dotted, require_trusted
from med_cam.classifiers.weights import built, fit
from med_cam.errors import ClassifierError, first_line


def load(description: Description, weights: Path | None) -> Loaded:
    """Call `package.module:function` with the described arguments, and put the weights in.

    A module file that lies in the classifier's folder goes before an installed one, which has to
    be of a package that the user trusts. Without a weights file the module stays as the function
    returned it.

    Raises:
        ClassifierError: if there is no such function, it fails, or the weights do not fit.
    """
    function = _function(description)

    def create(**arguments: Any) -> Any:  # noqa: ANN401  `built` looks at what it is
        return beside_any_torch(lambda: function(**arguments))

    module = built(create, description.arguments)
    if weights is not None:
        fit(module, read_states(weights), source=str(weights))
    return Loaded(module=module.cpu().float().eval(), source_files=_files(description))


def _function(description: Description) -> Callable[..., nn.Module]:
    module_name, _, name = description.target.partition(":")
    if not is_dotted(module_name) or not name.isidentifier():
        raise ClassifierError(
            f"{description.architecture!r} names no function; write "
            '"factory:package.module:function".'
        )
    file = _file(module_name, description.folder)
    if file is None:
        _require_trusted(module_name, description)
    try:
        module = beside_any_torch(
            lambda: (
                importlib.import_module(module_name) if file is None else _run(file, module_name)
            )
        )
    except Exception as error:
        raise ClassifierError(
            f"The module {module_name!r} of {description.architecture!r} cannot be imported "
            f"({type(error).__name__}: {first_line(error)}); install it, or put its file into the "
            "folder."
        ) from error
    function = getattr(module, name, None)
    if not callable(function):
        raise ClassifierError(f"The module {module_name!r} has no function {name!r}.")
    if file is None:  # a package may hold functions that it only imported, from os for one
        home = str(getattr(function, "__module__", ""))
        require_trusted(home, description.trusted, architecture=description.architecture)
    found: Callable[..., nn.Module] = function
    return found


def _require_trusted(name: str, description: Description) -> None:
    """Refuse an installed module that is not trusted, and say so if there is none at all."""
    package = name.partition(".")[0]
    if package not in sys.modules and find_spec(package) is None:
        raise ClassifierError(
            f"The module {name!r} of {description.architecture!r} cannot be imported: there is no "
            f"file {name.replace('.', '/')}.py in {description.folder}, and no such package is "
            "installed; put its file into the folder."
        )
    require_trusted(name, description.trusted, architecture=description.architecture)


def _files(description: Description) -> dict[str, Path]:
    """The files of the module and of what it imports from its folder or package."""
    name, folder = description.target.partition(":")[0], description.folder
    file = _file(name, folder)
    if folder is None or file is None:
        return installed_files(importlib.import_module(name))
    return module_files(file, root=folder, within=folder)


def _file(name: str, folder: Path | None) -> Path | None:
    """The module's file in the folder, if it is there."""
    file = name.replace(".", "/") + ".py"
    if folder is None or not (folder / file).is_file():
        return None
    return inside(folder, file, what="module")


def _run(file: Path, name: str) -> ModuleType:
    """The module's file run, under a name of its own."""
    return module_of(own_name(name, file), file)
