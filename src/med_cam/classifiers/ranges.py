"""What the fields of a classifier may be: in `classifier.toml` and in `Classifier` alike.

Every number has two ends: a standard deviation of 1e-300 or a side of 10**9 is a slip, and ends in
NaN or in no memory.
"""

from collections.abc import Mapping
from typing import Any

from torch import nn

from med_cam.classifiers.probabilities import OUTPUTS
from med_cam.config.given import given
from med_cam.config.rules import Allowed, is_whole, number, shown, whole
from med_cam.errors import ClassifierError
from med_cam.images.geometry import INTERPOLATIONS, RULES

HEADS = ("softmax", "sigmoid")
SIDE = whole(1, 4096, why="64 images of 4096 x 4096 take 13 GB")
MEAN = number(-1e6, 1e6)
STD = number(1e-4, 1e6)
WHITE = number(0.01, 1e7)
CROP = number(0.1, 1.0, why="the rest of the image is never seen")
ORDERS = ("rgb", "bgr")
STANDARDS = ("dataset", "image", "channel")
THRESHOLD = number(1e-6, 1 - 1e-6)


def text(*names: str) -> Allowed:
    """A text; one of some names if there are any."""
    words = f"one of {', '.join(names)}" if names else "a text"
    return Allowed(lambda v: isinstance(v, str) and (not names or v in names), words)


def listed(each: Allowed, words: str) -> Allowed:
    """A tuple whose elements all fit."""
    return Allowed(lambda v: isinstance(v, tuple) and all(map(each.fits, v)), words)


FIELDS: Mapping[str, Allowed] = {  # of Classifier; how many there are of each is its own affair
    "name": text(),
    "module": Allowed(lambda v: isinstance(v, nn.Module), "a torch.nn.Module"),
    "labels": listed(text(), "a list of texts, one per output"),
    "input_size": Allowed(
        lambda v: isinstance(v, tuple) and len(v) == 2 and all(map(SIDE.fits, v)),
        f"two sides (height, width), each {SIDE.words}",
    ),
    "channels": Allowed(lambda v: is_whole(v) and v in (1, 3), "1 or 3"),
    "mean": listed(MEAN, f"a list of finite numbers, each {MEAN.words}"),
    "std": listed(STD, f"a list of finite numbers, each {STD.words}"),
    "value_range": WHITE,
    "rule": text(*RULES),
    "crop_share": CROP,
    "interpolation": text(*INTERPOLATIONS),
    "antialias": Allowed(lambda v: isinstance(v, bool), "true or false"),
    "channel_order": text(*ORDERS),
    "standardise": text(*STANDARDS),
    "head": text(*HEADS),
    "outputs": text(*OUTPUTS),
    "thresholds": listed(THRESHOLD, f"a list, each {THRESHOLD.words}"),
    "check": Allowed(
        lambda v: v is None or callable(v), "a function of a prepared image, or None"
    ),
    "hooked_layers": listed(text(), "a list of names of modules"),
}


def refuse_other_fields(classifier: Any) -> None:  # noqa: ANN401  a Classifier, defined above this
    """Check the fields of a classifier, each alone; a list becomes a tuple.

    Raises:
        ClassifierError: naming the first that cannot be meant.
    """
    for key, allowed in FIELDS.items():
        value = getattr(classifier, key)
        if isinstance(value, list):
            object.__setattr__(classifier, key, value := tuple(value))
        if not allowed.fits(value):
            name = classifier.name if isinstance(classifier.name, str) else "classifier"
            said = shown(value) if isinstance(value, tuple) else given(value)
            raise ClassifierError(f"{name}: {key} must be {allowed.words}, got {said}.")
