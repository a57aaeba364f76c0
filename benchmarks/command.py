"""What every benchmark with a file of results does on the command line."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from med_cam.errors import MedCamError


def parser_of(doc: str | None, out: str) -> argparse.ArgumentParser:
    """The options that all of them have; `out` is the file that results go to by default."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, help="folder of the data set")
    parser.add_argument("--model", type=Path, help="classifier; the bundled one by default")
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--table-only", action="store_true", help="print --out, run nothing")
    return parser


def parsed(
    parser: argparse.ArgumentParser, needed: Sequence[str] = ("root",)
) -> argparse.Namespace:
    """The options given; some are needed, unless only the table is wanted."""
    asked = parser.parse_args()
    if not asked.table_only and any(getattr(asked, name) is None for name in needed):
        names = " and ".join(f"--{name}" for name in needed)
        parser.error(f"{names} {'is' if len(needed) == 1 else 'are'} needed, unless --table-only")
    return asked


def carried_out(
    name: str,
    asked: argparse.Namespace,
    run: Callable[[argparse.Namespace], None],
    report: Callable[[Path], str],
) -> int:
    """Run what is missing, print the table; return the exit status."""
    try:
        if not asked.table_only:
            run(asked)
        print(report(asked.out))
    except MedCamError as error:
        print(f"{name}: {error}")
        return 2
    except KeyboardInterrupt:
        print(f"stopped; the same command goes on from {asked.out}")
        return 130
    return 0
