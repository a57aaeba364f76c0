"""A user's Python file as a module under a name of its own, run as it is now."""

import importlib.util
import sys
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType

PREFIX = "med_cam_factory_"


def own_name(name: str, file: Path) -> str:
    """The name under which a module's file is imported: of this file and no other."""
    return f"{PREFIX}{sha256(_path(file).encode()).hexdigest()[:16]}_{name.replace('.', '_')}"


def module_of(unique: str, file: Path) -> ModuleType:
    """Run a file as the module of that name.

    Raises:
        ImportError: if it is no Python file; and whatever the file raises.
    """
    path = _path(file)
    spec = importlib.util.spec_from_file_location(unique, path, loader=AsItIs(unique, path))
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[unique] = module  # dataclasses and pickles in the file look themselves up
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[unique]
        raise
    return module


class AsItIs(SourceFileLoader):
    """Runs a file as it is now: a cached compilation is told apart by whole seconds and its size.

    The file's SHA-256 is part of the classifier's identity, so that no other code may run.
    """

    def get_code(self, fullname: str) -> CodeType:
        """The file compiled, whatever lies in its cache."""
        return self.source_to_code(self.get_data(self.path), self.path)


def _path(file: Path) -> str:
    return str(file.resolve())
