"""Weights files to named tensors. Pickled objects are never run; a few inert kinds are let pass.

A training script saves more than weights: numbers, settings, paths, the optimiser. torch reads
them without running code as long as each kind is known to it; the kinds added here only hold what
they are given.
"""

import argparse
import datetime
import pathlib
import re
import types
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core import multiarray
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from med_cam.errors import ClassifierError

State = Mapping[str, Tensor]

DEPTH = 4  # of tables in tables that are looked through for weights
SHOWN = 8  # entries of a file named in a sentence
PATHS = ("PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath", "Path")
NUMPY = ("core", "_core")  # before and since NumPy 2


def _table(*_maker: object) -> dict[object, object]:
    """A plain table for a defaultdict, which torch does not fill."""
    return {}


INERT: tuple[Any, ...] = (
    (_table, "collections.defaultdict"),
    *(argparse.Namespace, types.SimpleNamespace, OrderedDict),
    *(list, dict, int, float, str, bool),  # what a defaultdict makes
    *(datetime.datetime, datetime.date, datetime.timedelta, datetime.timezone),
    *(np.dtype, *(getattr(np.dtypes, name) for name in np.dtypes.__all__)),
    *((multiarray.scalar, f"numpy.{core}.multiarray.scalar") for core in NUMPY),
    *((multiarray._reconstruct, f"numpy.{core}.multiarray._reconstruct") for core in NUMPY),
    np.ndarray,
    # A path of another system cannot be made here, and nothing is opened at a pure one.
    *(
        (pathlib.PurePosixPath, f"{module}.{name}")
        for module in ("pathlib", "pathlib._local")
        for name in PATHS
    ),
)
PLAIN = (  # tried on a whole module, and on a checkpoint with objects in it
    "import torch; c = torch.load({old!r}, map_location='cpu', weights_only=False); "
    "c = c.state_dict() if hasattr(c, 'state_dict') else c; "
    "torch.save(next((c[k] for k in ('state_dict', 'model_state_dict', 'model') if k in c), c), "
    "{new!r})"
)


def read_states(path: Path) -> dict[str, State]:
    """All tables of named tensors in a file, by where they stand in it ("" for the file itself).

    Raises:
        ClassifierError: if the file is broken, needs code to be run, or holds no tensors.
    """
    if path.suffix == ".safetensors":
        try:
            return {"": load_file(path)}
        except (SafetensorError, OSError, ValueError, KeyError) as error:
            raise ClassifierError(f"{path} is no readable safetensors file ({error}).") from error
    if is_torchscript(path):
        raise ClassifierError(
            f'{path} is a TorchScript program, not bare weights; say architecture = "torchscript".'
        )
    return states_in(_unpickled(path), path)


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive with TorchScript code in it."""
    if not zipfile.is_zipfile(path):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _unpickled(path: Path) -> object:
    try:
        with torch.serialization.safe_globals(list(INERT)):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        found = re.search(r"GLOBAL (\S+)", str(error))
        if found is None:
            raise ClassifierError(
                f"{path} cannot be read as plain weights; save model.state_dict() as safetensors "
                "(pickled objects are never run)."
            ) from error
        command = PLAIN.format(old=str(path), new="plain.pt")
        raise ClassifierError(
            f"{path} cannot be read as plain weights: it holds an object of {found[1]}, and "
            "pickled objects are never run; if you trust the file, take the weights out of it "
            f'where that class is installed: python -c "{command}"'
        ) from error


def states_in(content: object, path: Path) -> dict[str, State]:
    """The tables of named tensors in what a file holds, at any depth.

    Raises:
        ClassifierError: if there is none; naming what is there instead.
    """
    found = dict(_tables(content, "", DEPTH))
    if any(_is_quantised(content, table) for table in found.values()):
        raise ClassifierError(
            f"{path} holds quantised weights, which give no exact gradients; save the "
            "classifier as it was before quantisation."
        )
    if not found:
        names = ", ".join(str(key) for key in content) if isinstance(content, Mapping) else ""
        held = f" (only {names[:200]})" if names else ""
        raise ClassifierError(
            f"{path} holds {type(content).__name__} without named tensors{held}; save "
            "model.state_dict()."
        )
    return found


def _tables(content: object, place: str, depth: int) -> list[tuple[str, State]]:
    if not isinstance(content, Mapping) or depth == 0:
        return []
    named = {key: value for key, value in content.items() if isinstance(key, str)}
    tensors = {key: value for key, value in named.items() if isinstance(value, Tensor)}
    found: list[tuple[str, State]] = [(place, tensors)] if tensors else []
    for key, value in named.items():
        found += _tables(value, f"{place}.{key}".lstrip("."), depth - 1)
    return found


def _is_quantised(content: object, state: State) -> bool:
    """Whether torch's quantisation made it: packed tensors, or layers whose weights are packed."""
    if any(tensor.is_quantized for tensor in state.values()):
        return True
    names = set(content) if isinstance(content, Mapping) else set()
    return any("_packed_params" in str(name) for name in {*names, *state})
