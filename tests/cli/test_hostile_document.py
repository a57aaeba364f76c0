"""Whatever stands in a saved document: it is refused in a sentence, or re-tested to the end."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from forging import rewrite_manifests
from med_cam.cli.classifier import Source
from med_cam.cli.inputs import Ready
from med_cam.cli.verify import recheck
from med_cam.errors import MedCamError
from med_cam.recheck.options import Options
from recheck.kinds import KINDS

KIND = KINDS["further masks"]
READY = Ready(Source(Path("squares"), bundled=False), KIND.classifier, None)
NEAR = st.integers(-2, 70) | st.sampled_from([0.0, 1.0, 0.5, "", "grey", "shift", "sample", "x"])
ANY = NEAR | st.none() | st.booleans() | st.lists(NEAR, max_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A result of this version, with an alternative and a necessary superset."""
    return KIND.written(tmp_path_factory.mktemp("hostile") / "scan")


@pytest.fixture(scope="module")
def honest(folder):
    """Its document as it was written."""
    return json.loads((folder / "explanation.json").read_text())


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
def test_one_value_that_is_another(folder, honest, data):
    document = copy.deepcopy(honest)
    *path, last = data.draw(st.sampled_from(list(places(document))))
    inner = document
    for key in path:
        inner = inner[key]
    inner[last] = data.draw(ANY)
    (folder / "explanation.json").write_text(json.dumps(document), "utf-8")
    rewrite_manifests(folder)
    try:
        recheck(READY, (lambda _: None, lambda _: {}), Options(), folder, {})
    except MedCamError as error:
        assert "\n" not in str(error)  # noqa: PT017
