"""Killed again and again, a run loses nothing, does nothing twice, and its tables are whole."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(1)  # processes are forked: no thread of torch may run before
from killing import killed_at, operations, run
from many_images import finished, made, tables
import med_cam.cli.explain_image
from cli.corner import made_up

med_cam.cli.explain_image.explain = lambda classifier, image, **_: made_up(image)
here = Path("here")
here.mkdir()
arguments, out, log = made(here.resolve(), 12), here.resolve() / "out", here.resolve() / "log"
total = operations([*arguments[:-2], str(here.resolve() / "whole"), "--no-source"],
                   here.resolve() / "whole", log)
known, found, kept = {}, [], []
for place in (total // 5, total // 4, total // 3, None):
    if place is None:
        status = run(arguments, log)
    else:
        status = killed_at(place, signal.SIGKILL, arguments, out, log)
    kept.append(len(known))
    done, broken = finished(out)
    found += broken + tables(out, done) + [f"status {status}"] * (status not in (0, -9))
    found += [f"{name} is lost or done twice" for name in known if done.get(name) != known[name]]
    known |= done
print(json.dumps([kept, len(known), found]))
"""


def test_twelve_images_killed_three_times(tmp_path):
    paths = [ROOT / "src", ROOT / "tests", ROOT / "benchmarks"]
    ran = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, paths))}, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    kept, count, found = json.loads(ran.stdout)
    assert found == []
    assert count == 12
    assert 0 == kept[0] < kept[1] < kept[2] < kept[3] < 12  # each kill came in the middle
