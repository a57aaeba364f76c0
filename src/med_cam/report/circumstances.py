"""When a result was made, by which command, and on what: machine, Python, every package."""

import platform
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import distributions
from typing import Annotated

from med_cam.report.layout import Pattern

Time = Annotated[str, Pattern(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")]  # ISO 8601, in UTC


@dataclass(frozen=True, slots=True)
class Platform:
    """What a result was made on; the name of the machine is not saved.

    Attributes:
        system: operating system with its version.
        machine: kind of processor, as `x86_64`.
        python: kind of Python with its version, as `CPython 3.11.2`.
    """

    system: str
    machine: str
    python: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a result says of how it was made besides what decides its figures.

    Attributes:
        created: when, in UTC.
        command: that made it; None if it was made from Python.
        platform: what it was made on.
        environment: every installed package, as `environment.txt` has it.
    """

    created: str
    command: tuple[str, ...] | None
    platform: Platform
    environment: str


def circumstances(command: Sequence[str] | None = None) -> Circumstances:
    """What they are now.

    Args:
        command: line of arguments, if there is one.
    """
    return Circumstances(
        created=now(),
        command=None if command is None else tuple(command),
        platform=this_platform(),
        environment=environment(),
    )


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def this_platform() -> Platform:
    """The machine and the Python that this runs on."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return Platform(platform.platform(), platform.machine(), python)


@cache  # some hundred files are read
def environment() -> str:
    """Every installed package as `name==version`, a line each, sorted by name.

    As `pip freeze`, but without the places that packages were installed from, which may tell of a
    user. Of a package that is found twice, the one that Python imports.
    """
    found: dict[str, str] = {}
    for package in distributions():
        if "Name" in package.metadata and "Version" in package.metadata:
            name, version = package.metadata["Name"], package.metadata["Version"]
            found.setdefault(re.sub(r"[-_.]+", "-", name).lower(), f"{name}=={version}\n")
    return "".join(found[name] for name in sorted(found))
