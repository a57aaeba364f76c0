"""How a classifier takes each removal: blank input, the effect left, random masks of references.

The conditions that a removal has to meet before claims rest on it: Jain et al. (ICLR 2022, arXiv
2204.08945) for what is predicted where nothing is shown, soft stability (arXiv 2504.13787) for how
many answers survive random masks, the bias of random attributions (arXiv 2605.16905) for the pull.
"""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from med_cam.audit.ask import Generators, Shown, generators_for, predicted
from med_cam.audit.predictions import Labels, labels_predicted
from med_cam.audit.shapes import blob
from med_cam.case.references import References
from med_cam.case.scene import labelled_otherwise, scene_of
from med_cam.case.target import target_of
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Verification
from med_cam.masking.samplers import baseline
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.results.removal import RemovalFigures
from med_cam.verify.baseline_response import can_draw
from med_cam.verify.decision import Target, on_top

PULLS = (0.1, 0.3, 0.5)  # of the model input shown, where a label may take the predictions
RETAINED = (0.25, 0.5, 0.75)  # where the image's own label should stay
SURVIVED = RETAINED[1:]  # of these the rule asks how many answers survive
EVERY = tuple(sorted({*PULLS, *RETAINED}))
IN_TURN = ((0.5, 0.75), (0.3, 0.5), (0.1, 0.75))  # of an image each: what the rule asks for


@dataclass(frozen=True, slots=True)
class Subject:
    """One reference image with its own prediction.

    Attributes:
        scene: the image, and the references that are predicted otherwise.
        target: its own label.
        drawn: its generators: the same masks under every removal.
        shown: the shares that its random masks show.
    """

    scene: Scene
    target: Target
    drawn: Generators
    shown: tuple[float, ...]


Trial = tuple[Subject, float]  # an image, and the share of it that a random mask shows


def subjects_of(
    classifier: Classifier, references: References, *, whole: bool, seed: int
) -> tuple[Subject, ...]:
    """The reference images that get a label, so that the first of them have all labels alike.

    Args:
        classifier: what is known of it.
        references: the images, prepared.
        whole: every share is shown of each image; else two, in turn.
        seed: of every random mask.
    """
    seen: Counter[int] = Counter()
    found = []
    for i, p in enumerate(references.probabilities.split(1)):
        target = target_of(classifier, p, None)
        if not bool(on_top(p, target)[0]):
            continue
        rank = seen[target.index]
        seen[target.index] += 1
        shown = EVERY if whole else IN_TURN[(rank + target.index) % len(IN_TURN)]
        mark = references.digests[i] if references.digests else str(i)
        scene = scene_among(classifier, references, i, target)
        subject = Subject(scene, target, generators_for(mark, seed), shown)
        found.append(((rank, target.index, i), subject))
    return tuple(subject for _, subject in sorted(found, key=lambda pair: pair[0]))


def scene_among(classifier: Classifier, references: References, i: int, target: Target) -> Scene:
    """A reference image and what can be painted around it.

    Padding counts as image: of prepared images it is not known where it lies.
    """
    x = references.x[i : i + 1]
    everywhere = torch.ones_like(x[:, :1], dtype=torch.bool)
    bare = scene_of(classifier, x, everywhere, feather=Verification().feather)
    return replace(bare, others=labelled_otherwise(references, target, x))


def drawable(name: str, subjects: Sequence[Subject]) -> bool:
    """Whether a removal can be had for every one of them."""
    return all(can_draw(name, subject.scene) for subject in subjects)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the classifier says of some images under one removal.

    Attributes:
        subjects: the images.
        blank: probabilities where nothing of each is shown.
        trials: the random masks.
        masked: probabilities under each.
    """

    subjects: tuple[Subject, ...]
    blank: Float[Tensor, "n k"]
    trials: tuple[Trial, ...]
    masked: Float[Tensor, "m k"]

    def __add__(self, other: "Answers") -> "Answers":
        """Both together."""
        return Answers(
            self.subjects + other.subjects,
            torch.cat([self.blank, other.blank]),
            self.trials + other.trials,
            torch.cat([self.masked, other.masked]),
        )


def answers_of(
    name: str, predict: Callable[..., Tensor], subjects: tuple[Subject, ...]
) -> Answers:
    """Nothing of each image shown, then its random masks.

    Args:
        name: of the removal.
        predict: the classifier's probabilities.
        subjects: the images; at least one.

    Raises:
        ClassifierError: if a prediction is not a number.
    """
    view, trials = View(predict, subjects[0].scene), trials_of(subjects)
    blank = predicted(view, (nothing_of(name, s) for s in subjects), f"{name} alone")
    p = predicted(view, (part_of(name, *trial) for trial in trials), f"{name} around masks")
    return Answers(subjects, blank, tuple(trials), p)


def figures_of(name: str, found: Answers, labels: Labels, minimum: float) -> RemovalFigures:
    """What one removal does to the predictions for some images.

    Args:
        name: of the removal.
        found: what is predicted under it.
        labels: of the classifier, and from when on one is given with confidence.
        minimum: what counts as an effect.
    """
    subjects, blank, trials, p = found.subjects, found.blank, found.trials, found.masked
    own = torch.tensor([s.target.index for s in subjects])[:, None]  # n 1
    confident = blank >= blank.new_tensor(labels.bars)  # n k
    whole = torch.tensor([s.target.p_image for s in subjects], dtype=torch.float64)
    effects = whole - blank.double().gather(1, own)[:, 0]
    two = len(labels.names) == 2 and labels.head == "softmax"
    asked = not_of_blank(blank, own) if two else torch.ones(len(own), dtype=torch.bool)
    able = asked & sure_enough(whole, labels, minimum)
    pull, label = pulled(p, trials, labels, given_to(blank, labels) if two else None)
    retained_25, retained_50, retained_75 = (retained(p, trials, share) for share in RETAINED)
    return RemovalFigures(
        name=name,
        references=len(subjects),
        blank_confident=mean((confident.gather(1, own)[:, 0] if two else confident.any(1))[asked]),
        blank_own=mean(confident.gather(1, own)[asked]),
        effect=mean(effects[able if able.any() else asked] >= minimum),
        mean_effect=effects[asked].mean().item(),
        pull=pull,
        pull_label=label,
        retained_25=retained_25,
        retained_50=retained_50,
        retained_75=retained_75,
        chance=by_chance(p, trials),
        masked=len(trials),
    )


def not_of_blank(blank: Float[Tensor, "n 2"], own: Int[Tensor, "n 1"]) -> Bool[Tensor, " n"]:
    """The images of the label that blank input is not given; all where these are none.

    Of two labels one is given to blank input, which says nothing against a removal. For images of
    that label nothing has to be shown: they are explained the other way round.
    """
    others = own[:, 0] != blank.mean(dim=0).argmax()
    return others if others.any() else torch.ones_like(others)


def sure_enough(whole: Tensor, labels: Labels, minimum: float) -> Bool[Tensor, " n"]:
    """The images that an even answer to blank input would leave an effect.

    Of seven labels each gets 0.14 where a network knows nothing: an image that scores 0.30 lies no
    0.2 above that under any removal, which says nothing against one.
    """
    even = 1 / len(labels.names) if labels.head == "softmax" else 0.0
    return whole >= even + minimum


def given_to(blank: Float[Tensor, "n k"], labels: Labels) -> int | None:
    """The label that blank input is given with confidence; None if it is given none."""
    means = blank.mean(dim=0)
    label = int(means.argmax())
    return label if float(means[label]) >= labels.bars[label] else None


def by_chance(p: Float[Tensor, "m k"], trials: Sequence[Trial]) -> float:
    """How many answers would survive masks of 50 and 75% whatever these show; NaN of none.

    If the same labels were given to the same number of masked inputs, but to any of them (as for
    Cohen's kappa, doi 10.1177/001316446002000104).
    """
    asked = [i for i, (_, share) in enumerate(trials) if share in SURVIVED]
    given = [int(on_top(p[asked], trials[i][0].target).sum()) for i in asked]
    return sum(given) / len(asked) ** 2 if asked else math.nan


def trials_of(subjects: Sequence[Subject]) -> list[Trial]:
    """Every image with every share that its random masks show."""
    return [(subject, share) for subject in subjects for share in subject.shown]


def nothing_of(name: str, subject: Subject) -> Shown:
    """The image with nothing of it shown."""
    scene = subject.scene
    infill = baseline(name, scene, subject.drawn(f"alone {name}"))
    return Shown(scene.x, torch.zeros_like(scene.valid), infill)


def part_of(name: str, subject: Subject, share: float) -> Shown:
    """The image under a smooth random mask, the same for every removal."""
    scene = subject.scene
    mask = blob(scene.valid, share, subject.drawn(f"shown {share}"))
    return Shown(scene.x, mask, baseline(name, scene, subject.drawn(f"around {share} {name}")))


def pulled(
    p: Float[Tensor, "n k"], trials: Sequence[Trial], labels: Labels, but: int | None = None
) -> tuple[float, str]:
    """The label that takes most images of other labels with confidence, and its share of them.

    Args:
        p: of the masked inputs.
        trials: what they are.
        labels: of the classifier.
        but: the label that blank input is given, which is not asked: less is seen the less is
            shown.
    """
    few = torch.tensor([share in PULLS for _, share in trials])
    own = torch.tensor([subject.target.index for subject, _ in trials])
    given = (p >= p.new_tensor(labels.bars)) & labels_predicted(p, labels)  # n k
    found = []
    for label, name in enumerate(labels.names):
        if label == but:
            continue
        others = few & (own != label)
        found.append((mean(given[others, label]) if others.any() else 0.0, name))
    return max(found, key=lambda pair: pair[0])


def retained(p: Float[Tensor, "n k"], trials: Sequence[Trial], shown: float) -> float:
    """How often the image keeps its label where this share is shown; NaN where none is."""
    kept = [
        bool(on_top(row, subject.target)[0])
        for row, (subject, share) in zip(p.split(1), trials, strict=True)
        if share == shown
    ]
    return sum(kept) / len(kept) if kept else math.nan


def mean(outcomes: Bool[Tensor, "*_"]) -> float:
    """Of those that are true, as the quotient of two counts."""
    return int(outcomes.sum()) / outcomes.numel()
