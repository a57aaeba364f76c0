"""One result that was re-checked, in words: a line, and below it what did not come out again."""

from collections.abc import Sequence
from dataclasses import dataclass

from med_cam.recheck.compare import Verdict
from med_cam.recheck.outcome import Recheck
from med_cam.report.manifest import SHOWN
from med_cam.report.saved import Saved
from med_cam.report.wording import counted
from med_cam.verify.warnings import floored


@dataclass(frozen=True, slots=True, repr=False)
class Rechecked:
    """One result that was re-checked.

    Attributes:
        saved: the result as it lies on the disk.
        found: how its claims and figures came out.
        cause: why they may come out otherwise here, in one sentence.
        result_id: its ID; "" if it has no manifest.
    """

    saved: Saved
    found: Recheck
    cause: str
    result_id: str

    def __repr__(self) -> str:
        """The lines of `med-cam verify`."""
        return result_lines(self)

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds, and every figure is as it was saved."""
        return self.found.holds


def result_lines(end: Rechecked) -> str:
    """A result in a line, and below it what fails, what differs and what was not claimed."""
    found, name = end.found, end.saved.folder.name
    claimed = [verdict for verdict in found.verdicts if verdict.claimed]
    number = counted(len(claimed), "claim")
    certificate = found.claim.certificate if found.claim is not None else None
    bound = floored(certificate.bound) if certificate is not None else ""
    if found.holds:
        head = f"{number} re-checked, all hold again"
    else:
        failed = sum(not verdict.now for verdict in claimed)
        other = counted(len(found.differences), "saved value")
        head = f"NOT REPRODUCED: {failed} of {number}, {other}"
    rate = f"; retention rate at least {bound}" if bound else ""
    known = f"; result {end.result_id[:SHOWN]}" if end.result_id else ""
    lines = [f"{name}  {head}{rate}{known}"]
    if not end.result_id:
        lines.append("    no manifest: pictures are not re-checked")
    lines += [*verdict_lines(found.verdicts), *difference_lines(found)]
    if found.numeric or not found.holds:
        lines.append(f"    {end.cause}")
    return "\n".join([*lines, *([f"    {found.note}"] if found.note else [])])


MOST = 8  # differences of one result that are shown; one lie may change many figures


def difference_lines(found: Recheck) -> list[str]:
    """The fields that were saved otherwise than they come out, the first ones of many."""
    lines = []
    for what, many in (
        ("NOT REPRODUCED", found.differences),
        ("numerically different", found.numeric),
    ):
        lines += [f"    {what}: {other}" for other in many[:MOST]]
        more = len(many) - MOST
        lines += [f"    and {counted(more, 'further value')}"] if more > 0 else []
    return lines


def verdict_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """What does not hold, and what was never claimed."""
    shown = []
    for verdict in verdicts:
        figures = f" (saved {verdict.was}; now {verdict.figure})" if verdict.figure else ""
        if verdict.refuted:
            shown.append(f"    NOT REPRODUCED: {verdict.name}{figures}")
        elif not verdict.claimed:
            now = ", but it holds now" if verdict.now else ""
            shown.append(f"    not claimed{now}: {verdict.name}{figures}")
    return shown
