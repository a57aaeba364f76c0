"""The choice of a classifier's removals in words: a sentence, a table, a line for the figure."""

import math

from med_cam.audit.choice import both
from med_cam.report.text_table import aligned
from med_cam.report.wording import percent
from med_cam.results.removal import RemovalChoice, RemovalFigures

HEAD = ("removal", "images", "blank", "own", "effect", "pull", "retained 25, 50, 75%", "chance")
MEANING = (
    "blank, own: images for which nothing shown gets some label, or their own, with confidence. "
    "effect: images that score at least {:g} above that, of those that can. pull: of images of "
    "other labels, the share that random masks showing 10 to 50% bring to one label. retained: "
    "images that keep their label where 25, 50 or 75% is shown; chance: those that would at 50 "
    "and 75% if the same labels were given to any of these."
)


def choice_sentence(choice: RemovalChoice) -> str:
    """What was chosen, why, and what it took."""
    if choice.source == "default":
        return f"Removal: {both(choice.removal)}, by default: {choice.reason}."
    how = "read from an audit of it" if choice.source == "audit" else "measured now"
    least = "" if not choice.fails else f" It fails {' and '.join(choice.fails)}."
    each = choice.passes / choice.references if choice.references else 0.0
    return (
        f"Removal: {both(choice.removal)}, one choice for this classifier by rule {choice.rule}, "
        f"{how}: {choice.reason}.{least} {choice.references} reference images, "
        f"{choice.passes:,} passes ({each:.1f} an image of references)."
    )


def choice_rows(choice: RemovalChoice) -> tuple[tuple[str, ...], ...]:
    """The figures of each removal that was measured, under `HEAD`."""
    return tuple(
        (
            f.name,
            str(f.references),
            percent(f.blank_confident),
            percent(f.blank_own),
            percent(f.effect),
            pull(f),
            retained(f),
            percent(f.chance),
        )
        for f in choice.figures
    )


def choice_table(choice: RemovalChoice) -> str:
    """The figures as a table; "" if there are none."""
    rows = choice_rows(choice)
    return aligned([HEAD, *rows], left=frozenset({0, 5})) if rows else ""


def choice_line(choice: RemovalChoice) -> str:
    """The choice in a short line, for the figure."""
    names = both(choice.removal)
    if choice.source == "default":
        return f"Removal: {names} (default, nothing measured)"
    how = f"fails {' and '.join(choice.fails)} of" if choice.fails else "passes"
    return f"Removal: {names} (auto, {how} rule {choice.rule} on {choice.references} references)"


def pull(figures: RemovalFigures) -> str:
    """The pull with its label."""
    return f"{percent(figures.pull)} {figures.pull_label}" if figures.pull else "0.0%"


def retained(figures: RemovalFigures) -> str:
    """How many answers survive, for the three shares."""
    shares = (figures.retained_25, figures.retained_50, figures.retained_75)
    return ", ".join("-" if math.isnan(share) else percent(share) for share in shares)
