"""Whatever stands in a saved document: it is refused in a sentence, or re-tested to the end."""

import copy
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from med_cam.cli.inputs import Ready, Source
from med_cam.cli.verify import recheck
from med_cam.errors import MedCamError, OutputError
from med_cam.recheck.recheck import Options
from med_cam.report.read import read_explanation
from planted_claims import CASES

OLD = Path(__file__).parents[1] / "recheck" / "saved-1.1" / "either-patch"
CLASSIFIER = replace(CASES["either patch, convolutional"].classifier, sha256="ab" * 32)
READY = Ready(Source(OLD, bundled=False), CLASSIFIER, None)
NEAR = st.integers(-2, 70) | st.sampled_from([0.0, 1.0, 0.5, "", "grey", "shift", "sample", "x"])
ANY = NEAR | st.none() | st.booleans() | st.lists(NEAR, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A result of this version, with alternatives and an enlarged mask."""
    copied = tmp_path_factory.mktemp("hostile") / "scan"
    shutil.copytree(OLD, copied)
    return copied


def places(value, path=()):
    """Every place of a document below its top, as the keys that lead to it."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from places(inner, (*path, key))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_one_value_that_is_another(folder, data):
    document = copy.deepcopy(read_explanation(OLD))
    *path, last = data.draw(st.sampled_from(list(places(document))))
    inner = document
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(ANY)
    (folder / "explanation.json").write_text(json.dumps(document), "utf-8")
    try:
        recheck(READY, Options(), folder)
    except MedCamError as error:
        assert "\n" not in str(error)  # noqa: PT017


def test_values_that_do_not_fit_together_are_one_sentence(folder, monkeypatch):
    def unfit(*_):
        raise KeyError("luck\nor not")

    document = read_explanation(OLD)
    (folder / "explanation.json").write_text(json.dumps(document), "utf-8")
    monkeypatch.setattr("med_cam.cli.verify.rechecked", unfit)
    with pytest.raises(OutputError, match="do not fit together") as raised:
        recheck(READY, Options(), folder)
    assert "\n" not in str(raised.value)
