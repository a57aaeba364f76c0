"""The rule that chooses the removals of a classifier: from figures to one declared set.

Once for a classifier and never for an image, in an order that is fixed before anything is
measured: choosing for an image would be picking the answer that one likes. docs/audit.md says the
same in words; whoever changes a number here counts `RULE` up.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from math import isnan

from med_cam.config.baselines import CONTENT, INSIDE, hard
from med_cam.config.presets import PRESETS
from med_cam.results.removal import RemovalFigures

RULE = "5"
FORMER = ("1", "2", "3", "4")  # from other figures: what was chosen by these is not chosen again
USUAL = PRESETS["default"].verification.baselines
PAINTED = (  # those first that left useful claims on most images of a plainly trained network
    *("others", "shuffled", "mean", "blur", "inpainted", "gaussian", "uniform"),
    *("black", "grey", "white"),
)
FAR = 0.5  # of how far a condition can be missed
NEARLY = 0.1  # of the answers: a dozen images tell no smaller difference
Removals = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing that a removal has to meet.

    Attributes:
        name: of the condition.
        figure: a share, from the figures of a removal.
        wanted: what it has to reach, or may not exceed.
        at_least: whether it has to reach that.
    """

    name: str
    figure: Callable[[RemovalFigures], float]
    wanted: float
    at_least: bool

    def missed(self, figures: RemovalFigures) -> float:
        """By how much it is missed, of how far it can be; 0 if it is met, 1 if not known."""
        value = self.figure(figures)
        if isnan(value):
            return 1.0
        gap, most = self.wanted - value, self.wanted
        if not self.at_least:
            gap, most = -gap, 1 - self.wanted
        return max(0.0, round(gap / most, 9))


def given_to_blank(figures: RemovalFigures) -> float:
    """Confident labels where nothing is shown; of what shows content, only the image's own."""
    return figures.blank_own if figures.name in CONTENT else figures.blank_confident


def given_to_nothing(figures: RemovalFigures) -> float:
    """Confident labels where nothing is shown; not of what shows content.

    An image that its own blur gives the label to leaves no effect, and counts as such.
    """
    return 0.0 if figures.name in CONTENT else figures.blank_confident


def pulled(figures: RemovalFigures) -> float:
    """Images that random masks bring to one label; what shows content may well do so."""
    return 0.0 if figures.name in CONTENT else figures.pull


def answers_kept(figures: RemovalFigures) -> float:
    """Answers that survive random masks of 50 and 75%, each half of it."""
    return (figures.retained_50 + figures.retained_75) / 2


def beyond_chance(figures: RemovalFigures) -> float:
    """The same beyond those that would survive by chance: 0 if no more do, 1 if all do.

    Cohen's kappa of the answers to masked inputs (doi 10.1177/001316446002000104).
    """
    beyond = answers_kept(figures) - figures.chance
    if isnan(beyond):
        return beyond
    return beyond / (1 - figures.chance) if beyond > 0 else 0.0


def explained(figures: RemovalFigures) -> float:
    """Share of images that leave an effect, times that of answers that survive beyond chance."""
    return figures.effect * beyond_chance(figures)


PULL = Condition("pull", pulled, 0.5, at_least=False)
USEFUL = (
    Condition("blank", given_to_blank, 0.2, at_least=False),
    Condition("effect", lambda f: f.effect, 0.75, at_least=True),
    PULL,
)
STANDS = (*USEFUL, Condition("retained", answers_kept, 0.7, at_least=True))
WELL = (*USEFUL, Condition("beyond chance", beyond_chance, 0.5, at_least=True))
FAIR = (
    Condition("blank", given_to_nothing, 0.2, at_least=False),
    Condition("effect", lambda f: f.effect, 0.5, at_least=True),
    PULL,
    Condition("beyond chance", beyond_chance, 0.2, at_least=True),
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the rule says.

    Attributes:
        removal: names of the removals.
        fails: the conditions that it misses, of those that were asked of it.
        reason: why it is this set, in a sentence with the figures.
    """

    removal: Removals
    fails: tuple[str, ...]
    reason: str


def chosen(figures: Sequence[RemovalFigures]) -> Chosen:
    """The set that the rule recommends, from the figures of at least one removal.

    1. The usual set, if each of it meets all four conditions, `STANDS`.
    2. Else the first of: the removals inside the network, the usual set, further painted ones,
       that keeps answers `WELL`.
    3. Else, of those that are `FAIR`, the one by which most is `explained`; the first by which
       nearly as much is.
    4. Else the one whose worst miss is the least, of equal ones the first.
    """
    known = {f.name: f for f in figures}
    sets = measured_sets(known)
    if USUAL in sets and not failing(known, USUAL, FAIR):  # none of it alone: that claims less
        sets = [names for names in sets if not {*names} < {*USUAL}]
    if USUAL in sets and not failing(known, USUAL, STANDS):
        return Chosen(USUAL, (), f"the usual set passes: {in_words(known, USUAL, STANDS)}")
    first = f"{faults(known, USUAL, STANDS)}; " if USUAL in sets else ""
    well = [names for names in sets if not failing(known, names, WELL)]
    if well:
        its = in_words(known, well[0], WELL)
        return Chosen(well[0], (), f"{first}of those that pass {both(well[0])} comes first: {its}")
    fair = [names for names in sets if not failing(known, names, FAIR)]
    if fair:
        worth = {names: min(explained(known[name]) for name in names) for names in fair}
        most = next(names for names in fair if worth[names] >= max(worth.values()) - NEARLY)
        its = in_words(known, most, FAIR)
        said = f"none keeps answers well; of those that pass {both(most)} explains most: {its}"
        return Chosen(most, (), first + said)
    least = min(sets, key=lambda names: missed(known, names))
    said = f"nothing passes; least is missed by {both(least)}: {faults(known, least, FAIR)}"
    return Chosen(least, failing(known, least, FAIR), first + said)


def settled(figures: Sequence[RemovalFigures], left: Sequence[str]) -> bool:
    """Whether the rule says the same whatever the figures of these further removals will be."""
    known = {f.name: f for f in figures}
    if set(USUAL) <= set(known) and not failing(known, USUAL, STANDS):
        return True
    if not left or not known:
        return not left
    found = chosen(figures).removal
    earlier = takewhile(lambda names: names != found, order([*known, *left]))
    return not failing(known, found, WELL) and all(set(names) <= set(known) for names in earlier)


def hopeless(figures: RemovalFigures) -> bool:
    """Whether a condition is missed by so much that more images will hardly mend it."""
    return max(condition.missed(figures) for condition in WELL) >= FAR


def measured_sets(known: Mapping[str, RemovalFigures]) -> list[Removals]:
    """The sets that can be recommended, in the order of the rule, of removals that are known."""
    return [names for names in order(known) if set(names) <= set(known)]


def order(names: Iterable[str]) -> Iterator[Removals]:
    """The sets in the order of the rule: inside the network, the usual one, painted ones."""
    every = sorted(names, key=place)
    yield from ((name,) for name in every if name in INSIDE)
    yield USUAL
    yield from ((name,) for name in every if name not in INSIDE)


def place(name: str) -> tuple[int, int, str]:
    """Where a removal stands among the painted ones; those that are not listed come last, by name.

    With a feathered edge it stands before itself without: the seam is nothing that pictures have.
    """
    listed = PAINTED.index(hard(name)) if hard(name) in PAINTED else len(PAINTED)
    return listed, int(name == hard(name)), name


def failing(
    known: Mapping[str, RemovalFigures], names: Removals, conditions: Sequence[Condition]
) -> tuple[str, ...]:
    """The conditions that one of these removals misses."""
    return tuple(c.name for c in conditions if any(c.missed(known[name]) for name in names))


def missed(known: Mapping[str, RemovalFigures], names: Removals) -> float:
    """The worst miss of a set."""
    return max(c.missed(known[name]) for c in FAIR for name in names)


def faults(
    known: Mapping[str, RemovalFigures], names: Removals, conditions: Sequence[Condition]
) -> str:
    """What a set misses, as in "grey misses blank 100% (at most 20%)"."""
    misses = [c for c in conditions if c.name in failing(known, names, conditions)]
    verb = "miss" if len(names) > 1 else "misses"
    return f"{both(names)} {verb} {in_words(known, names, misses)}"


def in_words(
    known: Mapping[str, RemovalFigures], names: Removals, conditions: Sequence[Condition]
) -> str:
    """The figures of the worst removal of a set, each with what is wanted."""
    return ", ".join(in_figures(c, [known[name] for name in names]) for c in conditions)


def in_figures(condition: Condition, figures: Sequence[RemovalFigures]) -> str:
    """A condition with its worst figure, as in "blank 100% (at most 20%)"."""
    value = condition.figure(max(figures, key=condition.missed))
    limit = f"{'at least' if condition.at_least else 'at most'} {condition.wanted:.0%}"
    shown = "not tried" if isnan(value) else f"{value:.0%}"
    return f"{condition.name} {shown} ({limit})"


def both(names: Removals) -> str:
    """The names of a set in a sentence."""
    return " and ".join(names)
