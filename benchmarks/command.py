"""What every benchmark does on the command line: options in, a table out, an exit status."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from med_cam.errors import MedCamError
from med_cam_studies.evaluation.json_lines import read_lines


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A command that says in --help what it measures."""
    return argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def resumed_parser(doc: str | None, out: str) -> argparse.ArgumentParser:
    """The same with the options of those that continue where they were; `out` is their file."""
    parser = parser_of(doc)
    parser.add_argument("--root", type=Path, help="folder of the data set")
    parser.add_argument("--model", type=Path, help="classifier; the bundled one by default")
    parser.add_argument("--out", type=Path, default=Path(out))
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--device", default="cpu", help="of every worker: cpu, cuda or cuda:N")
    parser.add_argument("--table-only", action="store_true", help="print --out, run nothing")
    return parser


def resumed(
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], None],
    report: Callable[[Sequence[dict]], str],
    *,
    needed: Sequence[str] = ("root",),
) -> int:
    """Run what --out lacks, unless only the table is wanted, and print the table of its lines."""
    options = parser.parse_args()
    if not options.table_only and any(getattr(options, name) is None for name in needed):
        names = " and ".join(f"--{name}" for name in needed)
        parser.error(f"{names} {'is' if len(needed) == 1 else 'are'} needed, unless --table-only")

    def text() -> str:
        if not options.table_only:
            run(options)
        lines = read_lines(options.out)
        try:
            return report(lines) if lines else "no results yet"
        except KeyError as error:
            raise MedCamError(
                f"{options.out} has lines of an earlier version, without {error}; give --out "
                "another file."
            ) from error

    stopped = f"stopped; the same command continues from {options.out}"
    return printed(parser, text, stopped=stopped)


def printed(
    parser: argparse.ArgumentParser, text: Callable[[], str], *, stopped: str = "stopped"
) -> int:
    """Print the text, or in a sentence why there is none."""
    try:
        print(text())
    except MedCamError as error:
        print(f"{Path(parser.prog).stem}: {error}")
        return 2
    except KeyboardInterrupt:
        print(stopped)
        return 130
    return 0
