"""Which installed packages a factory may come from: those that the user names, no others.

Without that, a `classifier.toml` could call any function that Python has, as in
`factory:os:system`.
"""

import sys
from collections.abc import Iterable

from med_cam.errors import ClassifierError, ConfigError


def trusted_names(names: object) -> tuple[str, ...]:
    """The packages, each once.

    Raises:
        ConfigError: if one is no name of a package, or part of Python itself.
    """
    several = isinstance(names, Iterable) and not isinstance(names, str)
    found = list(names) if several and isinstance(names, Iterable) else [names]
    for name in found:
        if not isinstance(name, str) or not is_dotted(name):
            raise ConfigError(f"trust takes names of packages, as in my_nets, got {name!r}.")
        if name.partition(".")[0] in sys.stdlib_module_names:
            raise ConfigError(
                f"trust takes packages that build classifiers; {name!r} is part of Python, and is "
                "not run for a classifier folder."
            )
    return tuple(dict.fromkeys(map(str, found)))


def require_trusted(module: str, trusted: Iterable[str], *, architecture: str) -> None:
    """Refuse the code of an installed module that the user has not named.

    Raises:
        ClassifierError: saying how to name it.
    """
    if is_within(module, trusted):
        return
    package = module.partition(".")[0]
    way = (
        "it is part of Python, and never run for a classifier folder"
        if package in sys.stdlib_module_names
        else f"give --trust {package} if you want that (in Python: trust=({package!r},))"
    )
    raise ClassifierError(
        f"{architecture!r} would run code of the installed package {package!r}, which is not in "
        f"the classifier's folder: {way}."
    )


def is_within(module: str, packages: Iterable[str]) -> bool:
    """Whether a module is one of these packages or lies in one."""
    return any(f"{module}.".startswith(f"{package}.") for package in packages)


def is_dotted(name: str) -> bool:
    """Whether it is a name as `import` takes it, without leading dots."""
    return all(part.isidentifier() for part in name.split("."))
