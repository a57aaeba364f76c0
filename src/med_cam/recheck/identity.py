"""Whether the classifier given is the one that was explained: everything that decides an answer.

Results of version 1.1 have only the SHA-256 of the weights file, the input size, the resize rule
and the labels; these are compared then.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import identity_of
from med_cam.errors import ClassifierError
from med_cam.report.document import fields_of
from med_cam.report.older import NOT_SAVED
from med_cam.report.origin import explained

Document = Mapping[str, Any]
ORDER = (  # causes before what follows from them
    *("weights", "architecture", "arguments", "labels", "input_size", "channels", "mean", "std"),
    *("value_range", "channel_order", "standardise", "resize", "interpolation", "antialias"),
    *("crop_share", "head", "outputs"),
    *("thresholds", "source_files", "hooked_layers", "state"),
)
HASHES = ("weights", "source_files", "state")
LONG = 8  # entries of a list from which on only the first that differs is named
WIDTH = 100  # characters of a value that are shown


class Difference(NamedTuple):
    """One thing in which the classifier given is another than the one that was explained.

    Attributes:
        key: field of `classifier` in explanation.json; a dot is an entry of an object.
        saved: its value in explanation.json; None if there is none.
        now: its value.
    """

    key: str
    saved: object
    now: object


def refuse_other_classifier(classifier: Classifier, document: Document) -> None:
    """Check that this is the classifier that was explained.

    Raises:
        ClassifierError: if it is another, naming what differs first with both values.
    """
    found = differences(document, classifier)
    if not found:
        return
    if in_memory(document) and classifier.loaded_from.architecture:
        raise ClassifierError(
            "the explanation was made in Python with a module in memory "
            f"({document['classifier']['architecture']}), which no file holds; re-check it there, "
            "with med_cam.verify_saved(folder, model)"
        )
    (key, saved, now), *others = found
    also = ", ".join(other.key for other in others[:LONG])
    rest = f" (also different: {also}{', ...' if len(others) > LONG else ''})" if others else ""
    raise ClassifierError(
        f"the explanation was made with {key} = {_shown(key, saved)}, the classifier given has "
        f"{key} = {_shown(key, now)}{rest}; give the classifier that was explained"
    )


def differences(document: Document, classifier: Classifier) -> list[Difference]:
    """All that differs between the saved classifier and the one given, causes first.

    Args:
        document: of explanation.json, as this version writes it.
        classifier: before any contrast between two of its labels.
    """
    saved, now = document["classifier"], _written(classifier)
    keys = ORDER if is_saved(document) else ("input_size", "resize")
    found = [d for key in keys for d in _compared(key, saved.get(key), now[key])]
    files = ("sha256.weights", document["sha256"]["weights"], classifier.sha256 or None)
    if files[1] != files[2] and not any(d.key.startswith("weights") for d in found):
        found.insert(0, Difference(*files))
    if not is_saved(document) and not saved["contrast"]:
        found += _compared("labels", document["labels"], now["labels"])
    return found


def in_memory(document: Document) -> bool:
    """Whether it was a module in memory: known by the name of its class and its state alone."""
    said = document["classifier"]
    files = said.get("weights") or said.get("source_files")
    return bool(said.get("state")) and not files and ":" not in said["architecture"]


def is_saved(document: Document) -> bool:
    """Whether the result has the classifier's identity; those of version 1.1 have not."""
    return any(document["classifier"].get(name) is not None for name in NOT_SAVED["classifier"])


def _written(classifier: Classifier) -> dict[str, Any]:
    """The identity of a classifier as it would be written."""
    return fields_of(explained(identity_of(classifier), name=classifier.name))


def _compared(key: str, saved: Any, now: Any) -> Iterator[Difference]:  # noqa: ANN401  any JSON value
    """Objects by their entries, long lists by the first entry that differs, all else as it is."""
    if saved == now or (key == "weights" and _renamed(saved, now)):
        return
    if isinstance(saved, Mapping) and isinstance(now, Mapping):
        for name in sorted({*saved, *now}):
            if saved.get(name) != now.get(name):
                yield Difference(f"{key}.{name}", saved.get(name), now.get(name))
    elif isinstance(saved, list) and isinstance(now, list) and len(saved) == len(now) > LONG:
        place = next(i for i, (a, b) in enumerate(zip(saved, now, strict=True)) if a != b)
        yield Difference(f"{key}[{place}]", saved[place], now[place])
    else:
        yield Difference(key, saved, now)


def _renamed(saved: Any, now: Any) -> bool:  # noqa: ANN401
    """Whether it is one file under another name, which decides nothing."""
    files = isinstance(saved, Mapping) and isinstance(now, Mapping) and len(saved) == len(now) == 1
    return files and list(saved.values()) == list(now.values())


def _shown(key: str, value: object) -> str:
    """A value in a sentence: hashes by how they begin."""
    if value is None:
        return "none"
    if key.split(".")[0] in (*HASHES, "sha256"):
        return f"SHA-256 {str(value)[:12]}"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}..."
