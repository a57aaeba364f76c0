"""What comes of a re-check: verdicts, and what was saved otherwise than it comes out."""

from dataclasses import dataclass

from med_cam.case.case import Case
from med_cam.recheck.choice import of_former_rule
from med_cam.recheck.compare import Verdict
from med_cam.recheck.difference import Difference
from med_cam.recheck.document import Again, beyond_preset, changes
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim
from med_cam.results.passes import Passes


@dataclass(frozen=True, slots=True)
class Recheck:
    """All claims of one result as they come out now, and the passes it took.

    Attributes:
        verdicts: claim by claim.
        differences: fields that were saved otherwise than they come out.
        claim: on the explanation's mask; None where there is none to make.
        passes: of all that was tested.
        note: what a reader should know besides; "" if nothing.
        numeric: fields that differ by no more than the outcomes on the edge allow.
    """

    verdicts: tuple[Verdict, ...]
    differences: tuple[Difference, ...]
    claim: Claim | None
    passes: Passes
    note: str = ""
    numeric: tuple[Difference, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether all that was claimed holds, and every figure is as it was saved."""
        return not self.differences and not any(verdict.refuted for verdict in self.verdicts)


Compared = tuple[tuple[Difference, ...], tuple[Difference, ...]]


def compared(case: Case, saved: Saved, now: Again, said: Again | None) -> Compared:
    """What differs, and what differs no longer with the outcomes on the edge as they were saved.

    Args:
        case: the image before the classifier.
        saved: the result.
        now: what came out.
        said: the same with the outcomes on the edge as they were saved; None if that is no other.
    """
    found = tuple(changes(case, saved, now, older=saved.older))
    if said is None:
        return found, ()
    other = tuple(changes(case, saved, said, older=saved.older))
    paths = {difference.path for difference in other}
    return other, tuple(difference for difference in found if difference.path not in paths)


def note_of(case: Case, saved: Saved) -> str:
    """What a reader should know besides."""
    version = "schema version 1: status and warnings are as they were saved" if saved.older else ""
    chosen = of_former_rule(saved.document["removal_choice"])
    return "; ".join(filter(None, (version, chosen, beyond_preset(case, saved.document))))
