"""What makes a file if it is unpickled, and folders that are refused in one sentence."""

import os

import pytest

from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError


class Canary:
    """Unpickled, it makes a file."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


def refused(folder, match, **more):
    with pytest.raises(ClassifierError, match=match) as raised:
        load_classifier(folder, device="cpu", **more)
    assert "\n" not in str(raised.value)
