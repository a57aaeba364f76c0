"""Why a result may come out otherwise, in one sentence."""

from collections.abc import Mapping
from typing import Any


def cause_of(document: Mapping[str, Any], versions: Mapping[str, str], device: str) -> str:
    """The likeliest cause, once the files are whole and the classifier is the same.

    Args:
        document: of the result.
        versions: of the software that takes part now.
        device: where the classifier runs now.
    """
    said = document["versions"]
    other = [
        f"{name} {said[name]}, now {version}"
        for name, version in versions.items()
        if name in said and said[name] != version
    ]
    if document["device"] != device:
        other.append(f"on {document['device']}, now on {device}")
    if other:
        return f"saved with {'; '.join(other)}: what differs may be due to that"
    return (
        "saved with the same software on the same kind of device: the result was changed, or this "
        "machine computes otherwise"
    )
