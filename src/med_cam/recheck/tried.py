"""Which rungs of the ladder were tried, as it was saved, and what risk each took."""

from med_cam.case.case import Case
from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE
from med_cam.report.saved import Saved
from med_cam.results.ladder import RUNGS, Attempt
from med_cam.verify.rungs import risks


def tried_again(saved: Saved, confidence: float) -> tuple[Attempt, ...]:
    """The rungs that were tried, each with the risk that follows from those before it.

    Raises:
        OutputError: if they are not those down to the one that held.
    """
    said = saved.document["ladder"]
    entries, rung = said["tried"], said["rung"]
    order = [entry["name"] for entry in entries]
    held = [entry["name"] for entry in entries if entry["outcome"] == "holds"]
    wanted = RUNGS[: 1 + RUNGS.index(rung["name"])] if rung else RUNGS
    if order != list(wanted) or held != ([rung["name"]] if rung else []):
        raise OutputError(
            f"{saved.folder / JSON_FILE} has a ladder whose rungs do not lead to the one that "
            "holds; it was changed, explain the image again"
        )
    taken = risks([(entry["name"], entry["bounds"]) for entry in entries], confidence)
    return tuple(
        Attempt(entry["name"], entry["outcome"], entry["bounds"], risk, entry["why"])
        for entry, risk in zip(entries, taken, strict=True)
    )


def restricted_confidence(case: Case, saved: Saved) -> float | None:
    """Of the certificates of the restricted claim: None if they had a risk of their own."""
    said = saved.document["ladder"]
    if said is None:
        return None
    taken = [a.risk for a in tried_again(saved, case.config.verification.confidence)[:2]]
    return 1 - taken[-1] if len(taken) > 1 and taken[-1] > 0 else None
