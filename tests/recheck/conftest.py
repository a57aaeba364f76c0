"""Results of every kind, made once."""

from functools import cache

import pytest

from recheck.kinds import KINDS, OLDER

EVERY = {**KINDS, "1.1, fragile": OLDER["fragile"]}


@pytest.fixture(scope="session")
def result_of(tmp_path_factory):
    """The folder of a result by the name of its kind: who changes it takes a copy."""

    @cache
    def made(name):
        return EVERY[name].written(tmp_path_factory.mktemp("kind") / "result")

    return made
