"""The files that a module of the user's own consists of: its own and those that it imports.

They are found by reading, nothing is run: `import` statements anywhere in a file, and calls of
`import_module` with a name written out. Names made by code are not found.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

CALLS = ("import_module", "__import__")


def module_files(file: Path, root: Path, within: Path) -> dict[str, Path]:
    """The file and all that it imports, directly or not, by their ways from `root`.

    Args:
        file: of the module.
        root: the folder that absolute names begin in.
        within: only files in this folder count, or this file alone.
    """
    found: dict[str, Path] = {}
    pending = [file, *_packages(file, root)]
    while pending:
        path = pending.pop()
        name = path.relative_to(root).as_posix()
        if name not in found and path.is_relative_to(within):
            found[name] = path
            pending += _imported(path, root)
    return found


def installed_files(module: ModuleType) -> dict[str, Path]:
    """The same of an imported module: of its package only, or its own file if it is in none."""
    if not module.__file__:
        return {}
    file, depth = Path(module.__file__), module.__name__.count(".")
    root = file.parents[depth + (file.stem == "__init__")]
    alone = not depth and file.stem != "__init__"
    return module_files(file, root, file if alone else root / module.__name__.partition(".")[0])


def _packages(file: Path, root: Path) -> Iterator[Path]:
    """The `__init__.py` of the packages that a file lies in, which run before it."""
    for folder in file.parents[: len(file.relative_to(root).parts) - 1]:
        if (folder / "__init__.py").is_file():
            yield folder / "__init__.py"


def _imported(path: Path, root: Path) -> Iterator[Path]:
    """Files below the root that a file names in imports; absolute names may begin beside it."""
    for level, name in _names(path):
        folders = path.parents[level - 1 : level] if level else [root, path.parent]
        for folder in (f for f in folders if f.is_relative_to(root)):
            place = folder
            for part in filter(None, name.split(".")):
                place = place / part
                files = (place.with_name(f"{part}.py"), place / "__init__.py")
                yield from filter(Path.is_file, files)


def _names(path: Path) -> Iterator[tuple[int, str]]:
    """What a file imports: how many dots before the name, and the name with all its dots."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):  # compiled, or never imported
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                yield from ((0, alias.name) for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield from ((level, f"{module or ''}.{alias.name}") for alias in names)
            case ast.Call(
                func=ast.Name(id=called) | ast.Attribute(attr=called),
                args=[ast.Constant(value=str(name)), *_],
            ) if called in CALLS and name.replace(".", "").isidentifier():
                yield 0, name
