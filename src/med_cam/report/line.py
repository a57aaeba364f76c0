"""A line an image for the terminal, and one of what was proved."""

from med_cam.report.claims import claims
from med_cam.report.wording import baselines, percent, probability
from med_cam.results import Explanation


def summary_line(name: str, explanation: Explanation) -> str:
    """Name, label, probability before and after, area, and how it ended."""
    before = probability(explanation.before[explanation.target])
    after = probability(explanation.after[explanation.target])
    parts = (
        name,
        explanation.label,
        f"{before} -> {after}",
        f"{percent(explanation.area)} of the image",
        _ending(explanation),
    )
    return "  ".join(" ".join(part.split()) for part in parts)


def claims_line(explanation: Explanation) -> str:
    """What was proved, in one line; empty where nothing was looked into."""
    return " ".join("; ".join(reported.text for reported in claims(explanation)).split())


def _ending(explanation: Explanation) -> str:
    if explanation.verified:
        return "verified"
    ending = f"NOT VERIFIED: {explanation.status}"
    if explanation.restricted is None:
        return ending
    only, area = explanation.restricted.claim.searched, percent(explanation.restricted.area)
    return f"{ending} Holds only on {baselines(only)}: {area}."
