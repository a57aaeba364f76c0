"""Fills of the user's own are those of the explanation, or it is not re-checked."""

from dataclasses import replace

import pytest

from med_cam.case.fills import Fill
from med_cam.errors import OutputError
from med_cam.recheck.fills import loadable, refuse_other_fills
from med_cam.results.removal import OwnFill

FOLDER = OwnFill("folder:dark", "folder", "dark", "a" * 64, 8)
FUNCTION = OwnFill("my:fill", "function", "nets.painted", None, None)


def document(*fills):
    return {"fills": [{name: getattr(f, name) for name in OwnFill.__slots__} for f in fills]}


def test_only_what_lies_in_files_can_be_loaded():
    assert loadable(document(FOLDER, FUNCTION)) == ("folder:dark",)


def test_the_same_fills_pass_and_another_or_a_missing_one_does_not():
    refuse_other_fills(document(), {})
    refuse_other_fills(document(FOLDER), {"folder:dark": Fill(FOLDER)})
    other = {"folder:dark": Fill(replace(FOLDER, sha256="b" * 64))}
    with pytest.raises(OutputError, match=r"not the one of the explanation.* aaaaaaaaaaaa;"):
        refuse_other_fills(document(FOLDER), other)
    with pytest.raises(OutputError, match=r"function nets\.painted given in Python"):
        refuse_other_fills(document(FUNCTION), {})
    refuse_other_fills(document(FUNCTION), {"my:fill": Fill(FUNCTION)})
