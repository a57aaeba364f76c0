"""The ladder of claims of a saved result: the rung that held, tested again on its samples."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from med_cam.case.case import Case
from med_cam.certification import ladder as judge
from med_cam.recheck.compare import Verdict, of
from med_cam.recheck.difference import Difference
from med_cam.recheck.on_edge import rung_as_saved
from med_cam.recheck.tried import tried_again
from med_cam.report.saved import Saved
from med_cam.results.claim import Claim, RestrictedClaim
from med_cam.results.ladder import Attempt, Ladder, Rung
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.decision import Decision
from med_cam.verify.ladder_words import nothing, sentence
from med_cam.verify.rungs import MILDER, PAINTED, STRENGTHS, graded_over

Document = Mapping[str, Any]  # a part of explanation.json
SETTING = "ladder_passes"  # results made before there was a ladder do not have it


def ladder_again(
    case: Case,
    saved: Saved,
    response: BaselineResponse,
    restricted: RestrictedClaim | None,
) -> Ladder | None:
    """The ladder as it comes out; which rungs were tried before it is taken as it was saved.

    Its sentence is that of its rung; where it has none, see `with_cause`.
    """
    said = saved.document["ladder"]
    if said is None:
        return None
    tried = tried_again(saved, case.config.verification.confidence)
    rung = None
    if saved.rung is not None:
        rung = rung_again(case, saved, response, restricted, tried[-1])
    name = "nothing" if rung is None else rung.name
    return Ladder(name, "" if rung is None else sentence(rung), rung, tried, said["passes"])


def rung_again(
    case: Case,
    saved: Saved,
    response: BaselineResponse,
    restricted: RestrictedClaim | None,
    attempt: Attempt,
) -> Rung | None:
    """The rung that held, on its samples and with its risk; None if it cannot be."""
    said, mask = saved.document["ladder"]["rung"], saved.rung
    if said["name"] == "restricted":
        return restricted_again(case, restricted)
    if mask is None or attempt.risk <= 0:
        return None
    if said["name"] == "ranked":
        pictures = judge.consistent(case, mask, response)
        return judge.ranked(case, mask, said["control"]["masks"], attempt.risk, pictures)
    pictures = None
    asked = judge.necessary(case, response.decision)
    if said["name"] == "graded":
        asked = graded_again(case, said, response.decision)
        pictures = judge.consistent(case, mask, response)
    compared = judge.controlled(case, mask, asked)
    return judge.bounded(case, mask, asked, compared, attempt.risk, pictures)


def graded_again(case: Case, said: Document, decision: Decision) -> judge.Asked:
    """What a graded claim asks: over grey and noise in place of the blur where it was made so.

    A former version made it so always.
    """
    names, strengths = graded_over(case.config.verification.baselines)
    if names == MILDER and tuple(said["searched"]) == PAINTED:
        names, strengths = PAINTED, STRENGTHS
    decision = judge.milder_decision(case, decision, names, case.claims)
    strength = min(strengths, key=lambda known: abs(known - said["strength"]))
    return judge.graded(case, decision, strength, names)


def restricted_again(case: Case, restricted: RestrictedClaim | None) -> Rung | None:
    """The restricted claim, which was tested again as such, with its control."""
    if restricted is None:
        return None
    asked = judge.restricted(case, restricted.claim)
    return judge.as_rung(restricted, judge.controlled(case, restricted.mask, asked))


def with_cause(ladder: Ladder | None, claim: Claim) -> Ladder | None:
    """The ladder with its sentence, which is that of the claim where no rung holds."""
    if ladder is None or ladder.rung is not None:
        return ladder
    return replace(ladder, sentence=nothing(claim, ladder.tried))


def as_saved(
    ladder: Ladder | None, saved: Saved, restricted: RestrictedClaim | None
) -> Ladder | None:
    """The ladder with the outcomes on the edge as they were saved.

    Args:
        ladder: as it came out.
        saved: the result.
        restricted: the restricted claim as it was saved.
    """
    if ladder is None or ladder.rung is None:
        return ladder
    rung = rung_as_saved(ladder.rung, saved.document["ladder"]["rung"])
    if rung.name == "restricted" and restricted is not None:
        rung = judge.as_rung(restricted, rung.control) or rung
    return replace(ladder, rung=rung, sentence=sentence(rung))


def of_ladder(reported: Document, now: Ladder | None) -> Iterator[Verdict]:
    """Whether the rung that held still does."""
    said = (reported["ladder"] or {"rung": None})["rung"]
    if said is None:
        return
    rung = None if now is None else now.rung
    yield Verdict(
        f"ladder, {said['name']}",
        bool(said["holds"]),
        rung is not None and rung.holds,
        figure(said["name"], said["hits"], said["samples"], said["control"]["chance"]),
        "nothing"
        if rung is None
        else figure(rung.name, rung.hits, rung.samples, rung.control.chance),
    )


def figure(name: str, hits: int, samples: int, chance: float) -> str:
    """What a rung rests on, in words."""
    return f"p = {chance:.2g}" if name == "ranked" else of(hits, samples)


def no_ladder(case: Case, saved: Saved, *, holds: bool) -> Iterator[Difference]:
    """A ladder that is null where the settings lead to one."""
    document = saved.document
    if (
        SETTING not in document["config"].get("certification", {})
        or document["ladder"] is not None
    ):
        return
    if judge.ladder_wanted(case, holds=holds, area=document["area"]):
        yield Difference("ladder", None, "a ladder of claims, which the settings want")
