"""Whether the fills of the user's own are those that a result was made with."""

from collections.abc import Mapping
from typing import Any

from med_cam.case.fills import Fill
from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE


def loadable(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a result's fills that lie in files."""
    return tuple(fill["name"] for fill in document["fills"] if fill["kind"] != "function")


def refuse_other_fills(document: Mapping[str, Any], fills: Mapping[str, Fill]) -> None:
    """Check that each fill of a result is there, and the same by its SHA-256.

    Raises:
        OutputError: if one is not.
    """
    for saved in document["fills"]:
        name = saved["name"]
        if name not in fills:
            raise OutputError(
                f"the explanation was made with the fill {name!r}, the function {saved['source']} "
                "given in Python, which a result does not hold; to re-check such a claim, give "
                "the fill as FILE.py:FUNCTION"
            )
        now = fills[name].source.sha256
        if now != saved["sha256"]:
            raise OutputError(
                f"the fill {name!r} is not the one of the explanation: its SHA-256 begins with "
                f"{str(now)[:12]}, that in {JSON_FILE} with {str(saved['sha256'])[:12]}; put back "
                "what was there, or explain the image again"
            )
