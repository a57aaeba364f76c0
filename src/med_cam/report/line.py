"""One line per image for the terminal, and one of what was tested."""

from med_cam.report.claims import claims
from med_cam.report.wording import percent, probability, verdict, warnings_counted, weaker
from med_cam.results import Explanation


def summary_line(name: str, explanation: Explanation) -> str:
    """Name, label, probability before and after, area, verdict, number of warnings.

    The area is that of the ladder's rung where the claim failed.
    """
    before = probability(explanation.before[explanation.target])
    after = probability(explanation.after[explanation.target])
    rung = weaker(explanation)
    area = explanation.area if rung is None else rung.area
    parts = (
        name,
        explanation.label,
        f"{before} -> {after}",
        f"{percent(area)} of the image",
        _ending(explanation),
    )
    return "  ".join(" ".join(part.split()) for part in parts)


def claims_line(explanation: Explanation) -> str:
    """What was tested, in one line; empty where nothing was."""
    return " ".join("; ".join(reported.text for reported in claims(explanation)).split())


def _ending(explanation: Explanation) -> str:
    count = warnings_counted(explanation)
    warned = f" ({count})" if count else ""
    if explanation.cut_short:
        warned += " (cut short by the budget of passes)"
    if explanation.verified:
        return f"{verdict(explanation)}{warned}"
    return f"{verdict(explanation).upper()}{warned}: {explanation.status}"
