"""Results of every kind, made once, and a case that a toy classifier is asked about."""

from functools import cache

import pytest

from med_cam.case.case import observed
from med_cam.classifiers.forward import hooks_attached
from recheck.asked import IMAGE, PLAIN, Halves, classifier_of
from recheck.kinds import KINDS, OLDER

EVERY = {**KINDS, "1.1, fragile": OLDER["fragile"]}


@pytest.fixture(scope="session")
def result_of(tmp_path_factory):
    """The folder of a result by the name of its kind: who changes it takes a copy."""

    @cache
    def made(name):
        return EVERY[name].written(tmp_path_factory.mktemp("kind") / "result")

    return made


@pytest.fixture
def case():
    with hooks_attached(classifier_of(Halves())) as forward:
        yield observed(forward, classifier_of(Halves()), IMAGE, PLAIN)
