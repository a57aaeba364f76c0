"""Which lies in an explanation.json does the re-check notice? Each put into a copy of a result.

    python benchmarks/forgeries.py MODEL RESULT...

Each leaf of each document is changed, each list cut by one entry, and the result re-checked as
`med-cam verify` does, from its files. The table has a line per result; what went unnoticed is
listed below it. Results with reference images are not taken. Exit status 1 if a lie was missed.
"""

import argparse
import json
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from lies import lies
from rows import table

from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.recheck.tolerance import not_rechecked
from med_cam.report.file_names import JSON_FILE
from med_cam.report.saved import read_saved


def main() -> int:
    """Print the table; 0 if all that is re-checked was noticed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model")
    parser.add_argument("results", type=Path, nargs="+")
    options = parser.parse_args()
    model = load_classifier(options.model)
    rows = {str(folder): [tried(model, folder)] for folder in options.results}
    print(table(COLUMNS, rows))
    missed = [f"{name}: {lie}" for name, (row,) in rows.items() for lie in row["missed"]]
    print("\n".join(["", *missed]))
    return int(bool(missed))


def tried(model, folder: Path) -> dict:
    """All lies of one result."""
    counts = {"lies": 0, "noticed": 0, "by design": 0, "missed": []}
    with TemporaryDirectory() as place:
        copy = Path(place) / folder.name
        copytree(folder, copy)
        for lie in lies(json.loads((folder / JSON_FILE).read_text())):
            counts["lies"] += 1
            (copy / JSON_FILE).write_text(json.dumps(lie.document))
            if noticed(model, copy):
                counts["noticed"] += 1
            elif not_rechecked(lie.path):
                counts["by design"] += 1
            else:
                counts["missed"].append(f"{lie.path} {lie.what}")
    return counts


def noticed(model, folder: Path) -> bool:
    """Whether the result is refused or not reproduced."""
    try:
        return not rechecked(model, read_saved(folder, model.channels), None, Options()).holds
    except MedCamError:
        return True


COLUMNS = {
    "lies": lambda lines: str(lines[0]["lies"]),
    "noticed": lambda lines: str(lines[0]["noticed"]),
    "not re-checked by design": lambda lines: str(lines[0]["by design"]),
    "unnoticed": lambda lines: str(len(lines[0]["missed"])),
}

if __name__ == "__main__":
    raise SystemExit(main())
