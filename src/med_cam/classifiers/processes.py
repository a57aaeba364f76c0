"""A classifier in other processes: sent to one that was spawned, refused in one that would hang.

A spawned process unpickles what it is sent. The classes of a factory's file and of timm have to be
importable there first: a worker that cannot unpickle its task dies without a word, and whoever
waits for its answer waits for ever.

A forked process has none of the threads that torch's OpenMP library (libgomp) thinks it has. The
first computation that wants them waits for ever.
"""

import os
import pickle
import sys
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.own_file import PREFIX, module_of
from med_cam.errors import ClassifierError, first_line

ZOOS = {  # by package: what has to be imported by `compat` before it can be
    "timm": "timm",
    "torchvision": "torchvision",
    "transformers": "torchvision",
    "onnx2torch": "torchvision",
}

_threads_ran_in: set[int] = set()  # processes; a fork has its parent's


@dataclass(frozen=True, slots=True)
class Needed:
    """What has to be imported before a classifier is unpickled.

    Attributes:
        files: a factory's file and its SHA-256, by the name of its module.
        zoos: packages of architectures.
    """

    files: Mapping[str, tuple[str, str]]
    zoos: tuple[str, ...]


def sent(fields: Mapping[str, Any]) -> tuple[Needed, bytes]:
    """The fields of a classifier pickled, and what they need.

    Raises:
        ClassifierError: if they cannot be pickled, as programs and closures cannot; or a factory's
            file is not what it was when the classifier was loaded.
    """
    names = {type(part).__module__ for part in fields["module"].modules()}
    zoos = tuple({ZOOS[name] for name in (name.split(".")[0] for name in names) if name in ZOOS})
    files = {name: _file_of(name) for name in names if name.startswith(PREFIX)}
    known = fields["loaded_from"].source_files.values()
    for path, digest in files.values():
        _refuse_changed(path, known or [digest])
    try:
        return Needed(files, zoos), pickle.dumps(dict(fields))
    except Exception as error:
        reason = first_line(error)
        raise ClassifierError(
            f"{fields['name']} cannot be sent to another process ({reason}); load it there, with "
            "load_classifier"
        ) from error


def received(build: Callable[..., Any], needed: Needed, rest: bytes) -> Any:  # noqa: ANN401
    """What was sent, built again where it arrived.

    Raises:
        ClassifierError: if a factory's file is not what it was.
    """
    for name, (path, digest) in needed.files.items():
        _refuse_changed(path, [digest])
        if name not in sys.modules:
            module_of(name, Path(path))
    for zoo in needed.zoos:
        with suppress(ImportError):  # transformers works without torchvision too
            import_torchvision(zoo)
    return build(**pickle.loads(rest))


def _file_of(name: str) -> tuple[str, str]:
    path = str(sys.modules[name].__file__)
    return path, _digest(path)


def _digest(path: str) -> str:
    try:
        return sha256(Path(path).read_bytes()).hexdigest()
    except OSError:
        return ""


def _refuse_changed(path: str, known: Collection[str]) -> None:
    if _digest(path) not in known:
        raise ClassifierError(f"{path} was changed after the classifier was loaded; load it anew")


def refuse_fork_of_threads() -> None:
    """Check that torch's threads are of this process.

    Raises:
        ClassifierError: they ran in the one that it was forked from, and more than one is wanted.
    """
    if torch.get_num_threads() == 1:
        return
    if _threads_ran_in - {os.getpid()}:
        raise ClassifierError(
            "this process was forked from one in which torch ran with several threads, and would "
            'wait for them for ever; start it with multiprocessing.get_context("spawn"), or call '
            "torch.set_num_threads(1) in it first"
        )
    _threads_ran_in.add(os.getpid())
