"""How far apart are results that were saved elsewhere? Each re-checked here, as `verify` does.

    python benchmarks/machines.py RESULT... [--model MODEL] [--threads N]

Run it with one version of torch, or number of threads, on results that another has written. The
table has a line per result: what it was saved with, what it is re-checked with, the largest
difference of a number that follows from the classifier's probabilities, the least distance of a
test's outcome from another, and what the re-check says.
"""

import argparse
import math
from pathlib import Path
from unittest.mock import patch

import torch
from rows import table

from med_cam.cli import verify
from med_cam.cli.options.verify import VerifyOptions
from med_cam.cli.screen import screen
from med_cam.recheck import difference
from med_cam.recheck.tolerance import allowed


def main() -> int:
    """Print the table; 0 if every result holds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="+")
    parser.add_argument("--model")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = {str(folder): [compared(options.model, folder)] for folder in options.results}
    print(table(COLUMNS, rows))
    return int(not all(row["holds"] for (row,) in rows.values()))


def compared(model: str | None, folder: Path) -> dict:
    """One result, with every number of it beside the one that comes out."""
    pairs, ends, alike, recheck = [], [], difference.alike, verify.recheck

    def noted(saved, now, path):
        if isinstance(now, float) and isinstance(saved, float) and math.isfinite(now):
            pairs.append((abs(saved - now), now, path))
        return alike(saved, now, path)

    def kept(*arguments):
        ends.append(recheck(*arguments))
        return ends[-1]

    with patch.object(difference, "alike", noted), patch.object(verify, "recheck", kept):
        verify.run(VerifyOptions([folder], model=model, device="cpu"), screen(debug=False))
    (end,) = ends
    return {
        "saved": end.saved.document["versions"]["torch"],
        "apart": max(apart for apart, now, path in pairs if allowed(path, now) > OF_COUNTS),
        "nearest": min(now for _, now, path in pairs if path.endswith("nearest")),
        "holds": end.found.holds,
        "numeric": len(end.found.numeric),
        "other": len(end.found.differences),
    }


OF_COUNTS = 1e-5  # the tolerance of what follows from counts alone is below it


def said(line: dict) -> str:
    """What the re-check says."""
    verdict = "holds" if line["holds"] else "NOT REPRODUCED"
    return f"{verdict}, {line['numeric']} numerically different, {line['other']} otherwise"


COLUMNS = {
    "saved with torch": lambda lines: lines[0]["saved"],
    "re-checked with": lambda _: f"{torch.__version__}, threads: {torch.get_num_threads()}",
    "largest difference": lambda lines: f"{lines[0]['apart']:.1e}",
    "nearest to another outcome": lambda lines: f"{lines[0]['nearest']:.1e}",
    "verify": lambda lines: said(lines[0]),
}

if __name__ == "__main__":
    raise SystemExit(main())
