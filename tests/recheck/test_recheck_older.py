"""Results that med-cam wrote before schema 2.0 are read, and every claim of them is re-tested."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report import read
from med_cam.report.read import read_explanation
from med_cam.report.saved import read_saved
from med_cam.report.schema import json_schema
from recheck.kinds import OLDER, SAVED

CLASSIFIERS = {name: kind.classifier for name, kind in OLDER.items()}


@pytest.fixture(params=sorted(CLASSIFIERS))
def found(request):
    """The claims of a result of version 1.1, re-tested."""
    classifier = CLASSIFIERS[request.param]
    saved = read_saved(SAVED / request.param, classifier.channels)
    return request.param, rechecked(classifier, saved, None, Options())


def test_what_is_read_is_valid_in_this_version():
    for name in CLASSIFIERS:
        found = Draft202012Validator(json_schema()).iter_errors(read_explanation(SAVED / name))
        assert [error.message for error in found] == []


def test_every_claim_is_confirmed_with_the_same_figures(found):
    name, result = found
    assert result.holds
    assert [v.name for v in result.verdicts if v.was != v.figure] == []
    assert [v.name for v in result.verdicts if v.claimed != v.now] == []
    assert len(result.verdicts) == {"either-patch": 19, "fragile": 12}[name]
    assert result.claim.certificate.holds


def test_a_document_is_read_and_its_shape_checked_once(monkeypatch):
    """Whoever changes it meanwhile changes nothing that is compared."""
    opened, checked = [], []
    content, misfits = read.content_of, read.misfits
    monkeypatch.setattr(read, "content_of", lambda *a, **b: opened.append(a) or content(*a, **b))
    monkeypatch.setattr(read, "misfits", lambda document: checked.append(1) or misfits(document))
    classifier = CLASSIFIERS["fragile"]
    saved = read_saved(SAVED / "fragile", classifier.channels)
    monkeypatch.setattr(Path, "read_text", lambda *_: pytest.fail("read again"))
    assert rechecked(classifier, saved, None, Options()).holds
    assert (len(opened), len(checked)) == (1, 1)
