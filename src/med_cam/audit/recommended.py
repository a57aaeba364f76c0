"""Which removals a classifier is explained with, measured on reference images once for all images.

At most `PASSES` inputs an image of references go through the classifier. Each removal is looked at
on a few images first, and on more only if it does not fail by far. Nothing more is measured once
the rule is settled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from med_cam.audit.ask import refusals
from med_cam.audit.choice import RULE, USUAL, chosen, hopeless, place, settled
from med_cam.audit.predictions import Labels, labels_of
from med_cam.audit.removals import (
    Answers,
    Subject,
    answers_of,
    drawable,
    figures_of,
    subjects_of,
)
from med_cam.case.arguments import SOME_REFERENCES
from med_cam.case.case import observed
from med_cam.case.counting import BATCH, counted, predictor
from med_cam.case.references import References, painted_from, refuse_others_references
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.forward import Forward, hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.classifiers.soundness import trial_images
from med_cam.config.baselines import BASELINES, INSIDE
from med_cam.config.given import refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.masking.scene import Scene
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden
from med_cam.results.removal import RemovalChoice, RemovalFigures

PASSES = 10  # an image of references, at most
FEWEST = 8  # reference images with a label; with fewer nothing is measured
FIRST = 6  # of them for a first look at each removal
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
            nothing is measured, and what works inside the network is taken, else the usual set;
            `choice.reason` says so then.
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
        return without_figures(classifier, 0)
    count = len(references.x)
    subjects = subjects_of(classifier, references, whole=whole, seed=seed)
    if len(subjects) < FEWEST or len({s.target.index for s in subjects}) < 2:
        return without_figures(classifier, count)
    names = in_turn([name for name in BASELINES if drawable(name, subjects)])
    with hooks_attached(classifier) as forward:
        forward, cost = counted(forward)

        def left() -> int:
            return PASSES * count - cost().forward

        figures, refused = measured(forward, classifier, subjects, names, None if whole else left)
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


def without_figures(classifier: Classifier, references: int) -> RemovalChoice:
    """The choice where there are too few images to measure anything on.

    Whether the classifier can have a removal inside the network is tested on a picture of noise.
    """
    noise = Image(trial_images(classifier.channels, classifier.input_size)[-1])
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, noise, Config())
        found = unmeasured(references, refusals(case))
        return replace(found, passes=case.cost().forward)


def unmeasured(references: int, refused: Mapping[str, str]) -> RemovalChoice:
    """The choice without figures: a removal inside the network that is not refused.

    Ordinary classifiers, which never saw a masked image, stand it better than what is painted. The
    usual set where there is none.

    Args:
        references: images that there were, too few to measure anything on.
        refused: removals that the classifier cannot have, each with why.
    """
    able = [(name,) for name in sorted(INSIDE, key=place) if name not in refused]
    if able:
        said = f"{able[0][0]} fits this classifier, and comes first where nothing is measured"
    elif set(refused) - INSIDE:
        said = f"the classifier stands no removal: {'; '.join(refused.values())}"
    else:
        said = "it has no removal inside the network"
    if not set(refused) - INSIDE:
        count = f"only {references}" if references else "no"
        said += f"; there are {count} reference images to choose by; {NEEDED}"
    return RemovalChoice(
        removal=[*able, USUAL][0],
        rule=RULE,
        fails=(),
        reason=said,
        source="default",
        references=references,
        passes=0,
        minimum_effect=MINIMUM,
        figures=(),
        refused=refused,
    )


def in_turn(names: list[str]) -> list[str]:
    """The order of measuring: the usual set, what works inside the network, what is painted."""
    rest = sorted((n for n in names if n not in USUAL), key=lambda n: (n not in INSIDE, place(n)))
    return [*(name for name in USUAL if name in names), *rest]


def measured(
    forward: Forward,
    classifier: Classifier,
    subjects: tuple[Subject, ...],
    names: list[str],
    left: Callable[[], int] | None,
) -> tuple[tuple[RemovalFigures, ...], dict[str, str]]:
    """The figures of removals in order until the rule is settled, and those refused with why.

    Args:
        forward: the classifier as a function.
        classifier: what else is known of it.
        subjects: the images.
        names: of the removals, in the order of measuring.
        left: passes that may still be made; None measures all removals on `WHOLE` of the images.
    """
    ask = partial(answers_of, predict=predictor(forward, classifier, BATCH))
    labels, some = labels_of(classifier), subjects[:WHOLE]
    if left is not None:
        some = subjects[: most(left(), names)]
    figures: list[RemovalFigures] = []
    refused: dict[str, str] = {}
    for place_, name in enumerate(names):
        test = 1 + EXACT if name in INSIDE else 0
        if left is not None and (
            settled(figures, names[place_:]) or left() < test + EACH * len(some[:FIRST])
        ):
            break
        try:
            if name in INSIDE:
                refuse_unable(name, forward, subjects[0].scene)
            figures.append(looked_at(name, ask, some, labels, left))
        except ClassifierError as error:
            refused[name] = str(error)
    return tuple(figures), refused


def most(budget: int, names: list[str]) -> int:
    """On how many images a removal is measured: half of the passes hold those that come first."""
    front = len(USUAL) + bool(INSIDE & {*names})  # no classifier has two of those
    return max(FIRST, (budget // 2 - 1 - EXACT * len(INSIDE)) // (EACH * front))


def looked_at(
    name: str,
    ask: Callable[..., Answers],
    subjects: tuple[Subject, ...],
    labels: Labels,
    left: Callable[[], int] | None,
) -> RemovalFigures:
    """The figures of one removal: of a few images where these show that it will not do."""
    first = FIRST if left is not None else len(subjects)
    found = ask(name, subjects=subjects[:first])
    figures = figures_of(name, found, labels, MINIMUM)
    more = () if left is None or hopeless(figures) else subjects[first:][: left() // EACH]
    return figures_of(name, found + ask(name, subjects=more), labels, MINIMUM) if more else figures


@torch.no_grad()
def refuse_unable(name: str, forward: Forward, scene: Scene) -> None:
    """Check that the classifier can have a removal inside the network; six passes.

    Raises:
        ClassifierError: saying why it cannot.
    """

    def logits(images: Tensor, hidden: Hidden) -> Tensor:
        return forward(images, hidden).logits

    refuse_inexact(name, logits, scene.x, forward(scene.x).logits, scene.others)
