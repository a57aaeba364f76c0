"""The verdict in the table is that of the figure, though it is told from the saved document."""

import json
from dataclasses import replace

import pytest

from med_cam.report import write as module
from med_cam.report.table import verdict_of
from med_cam.report.wording import verdict


def failing(found, **changes):
    """With its first check refused, or other changes of the claim."""
    first = replace(found.claim.checks[0], passed=False)
    checks = changes or {"checks": (first, *found.claim.checks[1:])}
    return replace(found, verified=False, claim=replace(found.claim, **checks))


KINDS = {
    "sufficiency test passed": lambda found: found,
    "sufficient only as a large region": lambda found: replace(found, area=0.7),
    "no smaller region found": lambda found: replace(found, area=1.0),
    "test failed": failing,
    "rules too weak to verify": lambda found: replace(found, verified=False),
    "cannot be explained": lambda found: failing(found, minimum_effect=1.0),
}


@pytest.mark.parametrize("words", KINDS)
def test_the_table_says_what_the_figure_says(
    words, explanation, image, provenance, tmp_path, monkeypatch
):
    monkeypatch.setattr(module, "figure_png", lambda *_: b"figure")
    found = KINDS[words](explanation)
    module.write(found, image, tmp_path / "result", provenance)
    document = json.loads((tmp_path / "result" / "explanation.json").read_text())
    assert verdict_of(document) == verdict(found)
    assert words in verdict(found)
