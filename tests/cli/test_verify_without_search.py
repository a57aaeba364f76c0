"""`med-cam verify` runs where the search, the reduction and the pipeline cannot be imported."""

import subprocess
import sys

BARRED = ("med_cam.search", "med_cam.reduction", "med_cam.pipeline")
CODE = f"""
import sys

class Barred:
    def find_spec(self, name, path=None, target=None):
        if name.startswith({BARRED!r}):
            raise ImportError(f"{{name}} was imported")

sys.meta_path.insert(0, Barred())
from med_cam.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def without_search(*arguments):
    command = [sys.executable, "-c", CODE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_every_claim_is_rechecked_without_the_code_that_proposed_the_mask(
    run, scans, model, quick
):
    scan, more = scans / "scan-0.png", ("--out", "r", "--alternatives", 1)
    run(scan, "--model", model, "--config", quick, *more)
    done = without_search("verify", scans.parent / "r", "--model", model)
    assert (done.returncode, done.stderr) == (0, "")
    assert "all claims hold again in 1" in done.stdout


def test_the_bar_is_one(scans, model):
    done = without_search("explain", scans, "--model", model)
    assert done.returncode == 1
    assert "was imported" in done.stderr
