"""Are the results of two versions the same? For a change that should change nothing.

    python benchmarks/same_masks.py BEFORE AFTER

BEFORE and AFTER are folders that `med-cam explain` has written, on one machine, with one number
of threads. The table has a line per result of either: whether mask.png is the same byte for byte,
and passes and area before and after. Exit status 1 if a mask differs or a result is missing.
"""

import argparse
from pathlib import Path

from rows import table

from med_cam.report.file_names import JSON_FILE, MASK_FILE
from med_cam.report.read import read_explanation


def main() -> int:
    """Print the table; 0 if all masks are the same."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    options = parser.parse_args()
    names = sorted({*results(options.before), *results(options.after)})
    rows = {name: [compared(options.before / name, options.after / name)] for name in names}
    print(table(COLUMNS, rows))
    return int(any(row[0]["mask"] != "same" for row in rows.values()))


def results(folder: Path) -> list[str]:
    """Names of the result folders."""
    return [path.parent.name for path in folder.glob(f"*/{JSON_FILE}")]


def compared(before: Path, after: Path) -> dict:
    """One result in both versions."""
    lacking = [folder for folder in (before, after) if not (folder / JSON_FILE).is_file()]
    if lacking:
        return {"mask": f"not in {lacking[0].parent}", "passes": "", "area": ""}
    masks = {(folder / MASK_FILE).read_bytes() for folder in (before, after)}
    told = [read_explanation(folder) for folder in (before, after)]
    return {
        "mask": "same" if len(masks) == 1 else "DIFFERS",
        "passes": " -> ".join(str(document["passes"]["forward"]) for document in told),
        "area": " -> ".join(f"{document['area']:.4f}" for document in told),
    }


COLUMNS = {
    "mask.png": lambda lines: lines[0]["mask"],
    "forward passes": lambda lines: lines[0]["passes"],
    "area": lambda lines: lines[0]["area"],
}

if __name__ == "__main__":
    raise SystemExit(main())
