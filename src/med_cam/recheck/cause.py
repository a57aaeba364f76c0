"""Why a result may come out otherwise, in one sentence."""

import sys
from collections.abc import Mapping
from typing import Any

from med_cam.classifiers.base import Classifier
from med_cam.config.tolerance import EDGE
from med_cam.recheck.outcome import Recheck
from med_cam.report.installed import versions
from med_cam.report.saved import Saved


def likely_cause(saved: Saved, found: Recheck, classifier: Classifier) -> str:
    """Why a result comes out otherwise here and now, in one sentence."""
    numeric = bool(found.numeric) and not found.differences
    here = versions(sys.modules)
    return cause_of(saved.document, here, str(classifier.device), numeric=numeric)


def cause_of(
    document: Mapping[str, Any], versions: Mapping[str, str], device: str, *, numeric: bool = False
) -> str:
    """The likeliest cause, once the files are whole and the classifier is the same.

    Args:
        document: of the result.
        versions: of the software that takes part now.
        device: where the classifier runs now.
        numeric: whether nothing differs by more than the outcomes on the edge allow.
    """
    said = document["versions"]
    other = [
        f"{name} {said[name]}, now {version}"
        for name, version in versions.items()
        if name in said and said[name] != version
    ]
    if document["device"] != device:
        other.append(f"on {document['device']}, now on {device}")
    if numeric:
        saved = f" (saved with {'; '.join(other)})" if other else ""
        return (
            f"numerically different{saved}: every count that differs does so by no more than the "
            f"outcomes within {EDGE:g} of another, which another machine may count otherwise"
        )
    if other:
        return f"saved with {'; '.join(other)}: what differs may be due to that"
    return (
        "saved with the same software on the same kind of device: the result was changed, or this "
        "machine computes otherwise"
    )
