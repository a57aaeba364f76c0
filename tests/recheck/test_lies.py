"""Every single lie in an explanation.json is noticed, or is of what is said not to be re-checked.

Each leaf of the document is changed in turn, each list is cut by each of its entries, and the
result is re-checked from its files. Where a field is nothing that the re-check computes with, what
it computes is taken from the honest run, and only the comparison is done again;
`benchmarks/forgeries.py` does all of it again for every lie.
"""

import importlib.util
import json
import re
import shutil
from pathlib import Path

import pytest

from med_cam.certification import evidence
from med_cam.errors import MedCamError
from med_cam.recheck import document as written
from med_cam.recheck.difference import differences
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.recheck.tolerance import not_rechecked
from med_cam.report.file_names import JSON_FILE
from med_cam.report.older import upgraded
from med_cam.report.saved import read_saved
from recheck.conftest import EVERY

SPEC = importlib.util.spec_from_file_location(
    "lies", Path(__file__).parents[2] / "benchmarks" / "lies.py"
)
LIES = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(LIES)

READ = re.compile(  # what the re-check computes with; everything else is only compared
    r"target|label|labels|status|seed|preset|config.*|classifier.*|image.*|sha256.*|tests"
    r"|.*\.certificate|.*\.tried|tests\.(minimality|agreement).*|restricted_claim(\.claim)?"
    r"|tests\.alternatives(\[\d\](\.claim)?)?|restricted_claim\.claim\.searched.*"
    r"|tests\.necessary_superset(\.claim)?|removal_choice.*"
    r"|beside_claim(\.claim)?"
    r"|ladder|ladder\.rung|ladder\.rung\.(name|strength|control|control\.masks)"
    r"|ladder\.tried|ladder\.tried\[\d\](\.(name|outcome|bounds))?"
)
SAME = {  # lies that change no figure of these results, by kind: nothing that is said is wrong
    "config.verification.shifts[0] one more": "the same shifts retain the prediction",
    "config.verification.consistency a little": "the same pictures are moved",
    "config.verification.consistency_rate a little": "the same pictures are moved",
    "config.verification.consistency_trials one more": "there are no more pictures",
    "config.verification.feather a little": "no removal of these results has a soft edge",
    "config.certification.contrast flipped": "the label is of no absence: none is made",
    "config.certification.controls one more": "no weaker claim is compared with any",
    "config.certification.reinsertion_patch one more": "the same trials retain the label",
    "restricted_claim.claim.certificate.tried one more": "without random samples there is no risk",
    "fallback.claim.certificate.tried one more": "without random samples there is no risk",
    "removal_choice null": "nothing is said of the choice any more, and no claim rests on it",
    "proof.minimality null": "nothing is said of the patches any more, and the line says so",
    # Only where the mask is the whole image (a restricted claim): whether patches were tested
    # there cannot be told without the search. Elsewhere test_forgeries sees it noticed.
    "tests.minimality null": "nothing is said of the patches any more, and the line says so",
    "tests.minimality.patches[0].number one more": "that sample is a witness too",
    "tests.minimality.tolerance one more": "with regions: no sample is lost that it would allow",
}
ON_EDGE = re.compile(r"tests\.minimality\.(patches\[\d+\]\.number one more|sufficient flipped)")


def same(name, lie):
    """Whether a lie changes nothing that is said, or lies within the tolerance.

    The mask of the kind "graded" is the whole image, whose patches are lost exactly at the
    threshold: a distance of 0, at which another machine may count otherwise.
    """
    return lie in SAME or (name == "graded" and ON_EDGE.fullmatch(lie) is not None)


LONG = (  # many real runs
    "plain", "further masks", "restricted claim", "1.1, fragile", "ranked", "nothing holds",
)  # fmt: skip
PARAMS = [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in EVERY]


@pytest.fixture(scope="module", params=PARAMS)
def result(request, result_of, tmp_path_factory):
    """The name of a kind, a result of it in a folder, and the classifier."""
    name, folder = request.param, tmp_path_factory.mktemp("kind") / "result"
    return name, shutil.copytree(result_of(name), folder), EVERY[name].classifier


@pytest.fixture
def again(result, monkeypatch):
    """The re-check of a document in the result's folder, and what came out of the honest one."""
    _, folder, classifier = result
    honest, now = (folder / JSON_FILE).read_text(), {}
    seen = evidence.content(read_saved(folder, 1).image.pixels, read_saved(folder, 1).mask)
    monkeypatch.setattr(evidence, "content", lambda *_: seen)  # of files that no lie changes

    def of(text):
        (folder / JSON_FILE).write_text(text)
        return rechecked(classifier, read_saved(folder, classifier.channels), None, Options())

    with monkeypatch.context() as recording:
        for part in ("explanation_now", "origin_now"):
            recording.setattr(written, part, kept(getattr(written, part), now))
        assert of(honest).holds
    yield of, now
    (folder / JSON_FILE).write_text(honest)


def kept(function, now):
    def called(*arguments):
        found = function(*arguments)
        now.update(found)
        return found

    return called


def noticed(again, lie, paths, *, older):
    """Whether a document is refused, or comes out otherwise; `paths` are what differs in it."""
    run, now = again
    if paths and all(READ.fullmatch(path) is None for path in paths):
        document = upgraded(lie.document) if older else lie.document
        tops = {re.split(r"[.\[]", path)[0] for path in paths}
        return any(any(differences(document[t], now[t], t, older=older)) for t in tops)
    try:
        return not run(json.dumps(lie.document)).holds
    except MedCamError:
        return True


def paths_of(lie, honest, *, older):
    """The fields that a lie changes, in today's names; none if it cannot be read any more."""
    if not older:
        return [lie.path]
    try:
        was, now = (dict(LIES.leaves(upgraded(d))) for d in (honest, lie.document))
    except (KeyError, TypeError, AttributeError, ValueError):
        return []
    other = [k for k in {**was, **now} if was.get(k, LIES) != now.get(k, LIES)]
    deepest = [k for k in other if not any(o != k and o[: len(k)] == k for o in other)]
    return [LIES.path_of(keys) for keys in deepest]


def told(name):
    """The lies that are tried: settings are changed in one kind, the trace in its first step.

    Of the parts of a mask, each of which is a re-check of its own, the first is lied about; where
    the mask is made of regions every one.
    """
    lists = "trace" if name in ("plain", "regions") else r"(trace|tests\.minimality\.patches)"
    far = re.compile(lists + r"\[\d*[1-9]\d*\]")

    def kept(lie):
        settings = lie.path.startswith("config.")
        return far.match(lie.path) is None and (name == "plain" or not settings)

    return kept


def test_every_lie_is_noticed_or_of_what_is_not_rechecked(result, again):
    name, folder, _ = result
    document = json.loads((folder / JSON_FILE).read_text())
    every = [lie for lie in LIES.lies(document) if told(name)(lie)]
    assert len(every) > 200
    older, missed = name.startswith("1.1"), []
    for lie in every:
        paths = paths_of(lie, document, older=older)
        left = [path for path in paths if not not_rechecked(path, older=older)]
        if (left or not paths) and not noticed(again, lie, left, older=older):
            missed.append(f"{lie.path} {lie.what}")
    assert [lie for lie in missed if not same(name, lie)] == []


def test_a_result_without_tests_or_certificate_is_not_verified(result, again):
    name, folder, _ = result
    run, _ = again
    document = json.loads((folder / JSON_FILE).read_text()) | {"verified": True}
    for lie in ({"tests": None}, {"claim": document["claim"] | {"certificate": None}}):
        try:
            found = run(json.dumps(document | lie))
        except MedCamError:  # which is no success either
            continue
        assert not found.holds, name
