"""What the terminal says of an image: the parts of its line, and the details below it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from med_cam.config.notices import COUNTS, KINDS
from med_cam.report.claims import claims
from med_cam.report.wording import briefly, check, is_small, percent, probability, verdict, weaker
from med_cam.results.check import SUFFICIENCY
from med_cam.results.explanation import Explanation
from med_cam.results.notice import Notice


@dataclass(frozen=True, slots=True)
class Line:
    """An image in the terminal.

    Attributes:
        name: of its result.
        label: that was explained.
        before: its probability on the whole image.
        after: its probability on the evidence.
        area: share of the image in the mask; of the ladder's rung where the claim failed.
        outcome: whether a region is sufficient, in a word or two.
        well: whether that is a small region that passed all tests.
        remark: the first thing to know, in a sentence: why there is no such region, or the most
            telling warning; "" if there is none.
        brief: the same in a few words.
        more: warnings that are not in it.
    """

    name: str
    label: str
    before: str
    after: str
    area: str
    outcome: str
    well: bool
    remark: str
    brief: str
    more: int


def line_of(name: str, found: Explanation) -> Line:
    """The line of an explanation."""
    rung = weaker(found)
    well = found.verified and is_small(found.area)
    warnings = [notice for notice in found.claim.notices if notice.warns]
    shown = warnings[:1] if found.verified else []
    brief = "".join(map(in_few_words, shown)) if found.verified else why_not(found)
    remark = "".join(notice.text for notice in shown) if found.verified else found.status
    return Line(
        name=_flat(name),
        label=_flat(found.label),
        before=probability(found.before[found.target]),
        after=probability(found.after[found.target]),
        area=percent(found.area if rung is None else rung.area),
        outcome=briefly(found),
        well=well,
        remark=_flat(remark),
        brief=brief,
        more=len(warnings) - len(shown),
    )


def why_not(found: Explanation) -> str:
    """Why nothing is verified, in a few words: what blank input scores, or the failed check."""
    claim = found.claim
    if claim.baseline_suffices:
        alone = [r.baseline_probability for r in claim.baselines if r.name in claim.given_by]
        return f"blank input {probability(max(alone))}"
    failed = [check for check in claim.checks if not check.passed]
    failed.sort(key=lambda check: check.name != SUFFICIENCY)  # first of all
    return check(failed[0]).partition(",")[0] if failed else verdict(found)


def in_few_words(notice: Notice) -> str:
    """A notice's kind with its figure, as in "outline 15%"."""
    short, figure = KINDS[notice.kind].short, notice.figure
    if math.isnan(figure):
        return short
    return f"{short} {figure:.0f}" if notice.kind in COUNTS else f"{short} {figure:.0%}"


SIGNS = {True: "yes", False: "no", None: "-"}


def details(found: Explanation) -> Iterator[tuple[str, str]]:
    """All that is known of an image: a sentence each, and before it whether it holds."""
    yield SIGNS[found.verified], _flat(found.status)
    if found.cut_short:
        yield SIGNS[None], "cut short by the budget of passes"
    yield from (("warning", _flat(text)) for text in found.claim.warnings)
    yield from ((SIGNS[reported.holds], _flat(reported.text)) for reported in claims(found))


def _flat(text: str) -> str:
    """On one line."""
    return " ".join(text.split())
