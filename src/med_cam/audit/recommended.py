"""Which removals a classifier is explained with, measured on reference images once for all images.

At most `PASSES` inputs an image of references go through the classifier: half of them for the
usual set and the removals inside the network, the others for what else can be painted. Nothing
more is measured once the rule is settled.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from med_cam.audit.choice import RULE, USUAL, chosen, place, settled
from med_cam.audit.predictions import labels_of
from med_cam.audit.removals import Subject, drawable, figures_of, subjects_of
from med_cam.case.arguments import SOME_REFERENCES
from med_cam.case.counting import BATCH, counted, predictor
from med_cam.case.references import References, painted_from, refuse_others_references
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.forward import Forward, hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.baselines import BASELINES, INSIDE
from med_cam.config.given import refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError
from med_cam.masking.scene import Scene
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from med_cam.results.removal import RemovalChoice, RemovalFigures

PASSES = 10  # an image of references, at most
FEWEST = 8  # reference images with a label; with fewer nothing is chosen
LEAST = 4  # of them for each removal
WHOLE = 16  # of them for each removal where all is measured
EXACT = 5  # passes of the test of exactness
EACH = 3  # inputs an image and removal: nothing shown, and two random masks

NEEDED = (
    f"give at least {FEWEST} reference images, of two labels or more, with --references FOLDER "
    "(references= in Python), or name the removals"
)
MINIMUM = PRESETS["default"].verification.minimum_effect


@dataclass(frozen=True, slots=True)
class Recommended:
    """The removals that a classifier is explained with.

    Attributes:
        choice: the set, why it is this one, and all figures.
        config: the default settings on that set, for `explain(config=...)`.
    """

    choice: RemovalChoice
    config: Config

    @property
    def removal(self) -> tuple[str, ...]:
        """Names of the removals."""
        return self.choice.removal

    @property
    def figures(self) -> tuple[RemovalFigures, ...]:
        """What was measured of each removal."""
        return self.choice.figures


def recommended_removal(
    classifier: Classifier, references: References | None, *, seed: int = 0
) -> Recommended:
    """Choose the removals of a classifier, once for all of its images, by a fixed rule.

    The same choice as `med-cam explain --removal auto` makes; docs/audit.md has the rule.

    Args:
        classifier: a frozen classifier; left as it was.
        references: reference images of all its labels, from `prepare_references`; at least 8, or
            nothing is chosen and the default set stands, as `choice.reason` says then.
        seed: of every random mask.

    Raises:
        ClassifierError: if the classifier is none.
        ConfigError: if the references are none of this classifier's.
    """
    choice = choice_of(classifier, references, seed=seed)
    return Recommended(choice, relative_to(PRESETS["default"], choice.removal))


@ordinary_torch()
def choice_of(
    classifier: Classifier, references: References | None, *, seed: int = 0, whole: bool = False
) -> RemovalChoice:
    """The choice of a classifier's removals.

    Args:
        classifier: left as it was.
        references: reference images.
        seed: of every random mask.
        whole: measure every removal, each at all shares, on up to 16 of the images; else as many
            as the passes allow, and none that cannot change the choice.
    """
    refuse_other("classifier", classifier, Classifier, A_CLASSIFIER, ClassifierError)
    refuse_other("references", references, (References, type(None)), SOME_REFERENCES)
    if references is not None:
        refuse_others_references(references, classifier)
    classifier, references = painted_from(classifier, references)
    if references is None:
        return unmeasured(0)
    count = len(references.x)
    subjects = subjects_of(classifier, references, whole=whole, seed=seed)
    if len(subjects) < FEWEST or len({s.target.index for s in subjects}) < 2:
        return unmeasured(count)
    names = [name for name in BASELINES if drawable(name, subjects)]
    counts = alike(names, len(subjects)) if whole else within(PASSES * count, names, len(subjects))
    with hooks_attached(classifier) as forward:
        forward, cost = counted(forward)
        figures, refused = measured(forward, classifier, subjects, counts, whole=whole)
        passes = cost().forward
    if not figures:
        return unmeasured(count, refused)
    found = chosen(figures)
    return RemovalChoice(
        removal=found.removal,
        rule=RULE,
        fails=found.fails,
        reason=found.reason,
        source="measured",
        references=count,
        passes=passes,
        minimum_effect=MINIMUM,
        figures=figures,
        refused=refused,
    )


def unmeasured(references: int, refused: Mapping[str, str] | None = None) -> RemovalChoice:
    """The usual set, where nothing could be measured: of too few images, or as all is refused."""
    if refused:
        said = f"the classifier stands no removal: {'; '.join(refused.values())}"
    else:
        count = f"only {references}" if references else "no"
        said = f"there are {count} reference images to choose by; {NEEDED}"
    return RemovalChoice(
        removal=USUAL,
        rule=RULE,
        fails=(),
        reason=said,
        source="default",
        references=references,
        passes=0,
        minimum_effect=MINIMUM,
        figures=(),
        refused=refused or {},
    )


def alike(names: list[str], count: int) -> dict[str, int]:
    """On how many images each removal is measured where all is, in the order of measuring."""
    return dict.fromkeys(in_turn(names), min(count, WHOLE))


def within(budget: int, names: list[str], count: int) -> dict[str, int]:
    """On how many images each removal is measured within so many passes.

    The usual set and one removal inside the network take half of them, and every further painted
    one as much of the rest, but no fewer than `LEAST` images each: the last ones go without.
    """
    tests = 1 + EXACT * len(INSIDE)
    first = [name for name in in_turn(names) if name in (*USUAL, *INSIDE)]
    others = [name for name in in_turn(names) if name not in first]
    front = bounded((budget // 2 - tests) // (EACH * (len(USUAL) + 1)), count)
    rest = budget - tests - EACH * front * (len(USUAL) + 1)
    behind = bounded(rest // (EACH * max(1, len(others))), count)
    room = rest // (EACH * behind)
    return dict.fromkeys(first, front) | dict.fromkeys(others[:room], behind)


def bounded(images: int, count: int) -> int:
    """At least as many as a removal needs, at most as many as there are."""
    return min(count, max(LEAST, images))


def in_turn(names: list[str]) -> list[str]:
    """The order of measuring: the usual set, what works inside the network, what is painted."""
    rest = sorted((n for n in names if n not in USUAL), key=lambda n: (n not in INSIDE, place(n)))
    return [*(name for name in USUAL if name in names), *rest]


def measured(
    forward: Forward,
    classifier: Classifier,
    subjects: tuple[Subject, ...],
    counts: dict[str, int],
    *,
    whole: bool,
) -> tuple[tuple[RemovalFigures, ...], dict[str, str]]:
    """The figures of removals in order until the rule is settled, and those refused with why."""
    predict, labels = predictor(forward, classifier, BATCH), labels_of(classifier)
    figures: list[RemovalFigures] = []
    refused: dict[str, str] = {}
    names = [*counts]
    for place_, name in enumerate(names):
        if not whole and settled(figures, names[place_:]):
            break
        try:
            if name in INSIDE:
                refuse_unable(name, forward, subjects[0].scene)
            part = subjects[: counts[name]]
            figures.append(figures_of(name, predict, part, labels, MINIMUM))
        except ClassifierError as error:
            refused[name] = str(error)
    return tuple(figures), refused


@torch.no_grad()
def refuse_unable(name: str, forward: Forward, scene: Scene) -> None:
    """Check that the classifier can have a removal inside the network; six passes.

    Raises:
        ClassifierError: saying why it cannot.
    """

    def logits(images: Tensor, hidden: Hidden) -> Tensor:
        return forward(images, hidden).logits

    refuse_inexact(name, logits, scene.x, forward(scene.x).logits, scene.others)
