"""An explained image in numbers: what a dossier counts and a comparison compares; no pixels."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from med_cam.errors import ConfigError, OutputError
from med_cam.report.result import Result, read_result
from med_cam.report.wording import is_small, verdict
from med_cam.results.check import SHIFT_STABILITY
from med_cam.results.explanation import Explanation
from med_cam.results.notice import Notice

TruthOf = Callable[[str, str], str]  # from the name of an image and the place of its result
NOT_IDENTITY = ("name", "contrast")  # fields of `classifier` that do not say what it is
SHOWN = 12  # hexadecimal digits of a hash in a sentence


@dataclass(frozen=True, slots=True)
class Made:
    """What a result was made of and with, as its explanation.json has it.

    Attributes:
        classifier: what the classifier is.
        config: every setting.
        references: SHA-256 of the reference images; "" without any.
        removals: that the claim is relative to.
        versions: of the software, by name.
        created: when, in UTC; "" if that was not saved.
    """

    classifier: Mapping[str, Any]
    config: Mapping[str, Any]
    references: str
    removals: tuple[str, ...]
    versions: Mapping[str, str]
    created: str


@dataclass(frozen=True, slots=True)
class Seeds:
    """Masks of one image under several seeds.

    Attributes:
        masks: how many.
        verified: of those, how many passed the sufficiency test.
        iou: mean intersection over union of their pairs, in [0, 1].
        chance: what random masks of these areas would have.
    """

    masks: int
    verified: int
    iou: float
    chance: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One result without its pixels. Shares and probabilities in [0, 1], NaN for none.

    Attributes:
        folder: of the result.
        place: the same, below the folder of all results.
        name: of the image; its place where no name was kept.
        sha256: of the image's file; of its copy where it was made in memory.
        result: ID of the result.
        truth: the label that is known to be right, or ""; of a classifier with one output always
            "", as its most probable label is never wrong.
        labels: of the probabilities.
        probabilities: on the whole image.
        label: that was explained.
        area: share of the image in the mask.
        verified: whether the mask passed the sufficiency test, however large it is.
        verdict: how the tests ended, in a few words.
        bound: lower bound on the retention rate.
        stability: share of shifts that retain the prediction.
        tests: what further tests of the mask found, by name; those that were not made are not in
            it.
        seeds: None if several seeds were not asked for.
        warnings: of the claim.
        made: what it was made of.
    """

    folder: Path
    place: str
    name: str
    sha256: str
    result: str
    truth: str
    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    label: str
    area: float
    verified: bool
    verdict: str
    bound: float
    stability: float
    tests: Mapping[str, bool]
    seeds: Seeds | None
    warnings: tuple[Notice, ...]
    made: Made

    @property
    def confidence(self) -> float:
        """Probability of the predicted label."""
        return max(self.probabilities)

    @property
    def predicted(self) -> str:
        """The first of the most probable labels."""
        return self.labels[self.probabilities.index(self.confidence)]

    @property
    def of_prediction(self) -> bool:
        """Whether it explains what the classifier predicts, among all labels."""
        return self.label == self.predicted and self.made.classifier["contrast"] is None

    @property
    def small(self) -> bool:
        """Whether a mask of at most half of the image passed the sufficiency test."""
        return self.verified and is_small(self.area)

    @property
    def right(self) -> bool | None:
        """Whether the prediction is right; None where that is not known."""
        return self.predicted == self.truth if self.truth else None


NECESSARY, MINIMAL = "necessary", "minimal"
OUTLINE, FILLED, SHOWN_AGAIN = "outline", "filled", "shown again"


def read_explained(folder: Path, out: Path, truth_of: TruthOf) -> Explained:
    """A result read from its folder, in numbers.

    Args:
        folder: of the result.
        out: folder of all results.
        truth_of: how the right label is found.

    Raises:
        OutputError: if it is not as it was written.
    """
    return explained_of(read_result(folder), out, truth_of)


def explained_of(result: Result, out: Path, truth_of: TruthOf) -> Explained:
    """A result in numbers, as `read_explained`."""
    found, document = result.explanation, result.document
    place = result.folder.relative_to(out).as_posix()
    name = document["image"]["name"] or place
    certificate = found.claim.certificate
    return Explained(
        folder=result.folder,
        place=place,
        name=name,
        sha256=document["sha256"]["image"] or document["sha256"]["source"],
        result=result.result_id,
        truth=truth_of(name, place) if len(found.labels) > 1 else "",
        labels=found.labels,
        probabilities=found.before,
        label=found.label,
        area=found.area,
        verified=found.verified,
        verdict=verdict(found),
        bound=math.nan if certificate is None else certificate.bound,
        stability=next(
            (check.value for check in found.claim.checks if check.name == SHIFT_STABILITY),
            math.nan,
        ),
        tests=dict(_tests(found)),
        seeds=_seeds(found),
        warnings=tuple(notice for notice in found.claim.notices if notice.warns),
        made=made_of(document, found),
    )


def made_of(document: Mapping[str, Any], found: Explanation) -> Made:
    """What a result was made of and with."""
    return Made(
        classifier=document["classifier"],
        config=document["config"],
        references=document["sha256"]["reference_images"] or "",
        removals=found.claim.searched,
        versions=document["versions"],
        created=document["created"] or "",
    )


def one_an_image(every: Iterable[Explained]) -> tuple[tuple[Explained, ...], int]:
    """The first result of each image, and how many others of the same images were left out."""
    first: dict[str, Explained] = {}
    count = 0
    for count, one in enumerate(every, start=1):  # noqa: B007  the last is the number of all
        first.setdefault(one.sha256, one)
    return tuple(first.values()), count - len(first)


def refuse_unknown_truth(every: Iterable[Explained]) -> None:
    """Check that right labels are labels of the classifier.

    Raises:
        ConfigError: if one is not.
    """
    for one in every:
        labels = one.made.classifier["labels"] or one.labels
        if one.truth and one.truth not in labels:
            raise ConfigError(
                f"the right label of {one.name} is said to be {one.truth!r}, which is none of the "
                f"classifier's ({', '.join(labels)}); correct it, or leave the image out"
            )


def identity(made: Made) -> dict[str, Any]:
    """All that decides an answer of the classifier."""
    return {name: v for name, v in made.classifier.items() if name not in NOT_IDENTITY}


def weights_of(made: Made) -> str:
    """SHA-256 of the weights of a classifier, or of its state where there was no file."""
    weights = made.classifier["weights"] or {}
    return ", ".join(weights.values()) or made.classifier["state"] or "unknown"


def named(made: Made) -> str:
    """A classifier in a sentence."""
    return f"{made.classifier['name']} (weights {weights_of(made)[:SHOWN]})"


def the_classifier(every: Sequence[Explained], where: Path) -> Made:
    """The one classifier of all results.

    Raises:
        OutputError: if there are several.
    """
    first = every[0].made
    for one in every:
        if identity(one.made) != identity(first):
            different = [k for k, v in identity(first).items() if v != one.made.classifier.get(k)]
            raise OutputError(
                f"{where} holds results of two classifiers, {named(first)} and {named(one.made)} "
                f"(other {different[0].replace('_', ' ')}); give a folder with the results of one"
            )
    return first


def _tests(found: Explanation) -> Iterable[tuple[str, bool]]:
    tests = found.tests
    if tests is None:
        return
    if tests.minimality is not None:
        yield MINIMAL, tests.minimality.holds
    if tests.necessity.samples:
        yield NECESSARY, tests.necessity.holds
    if tests.shape_leakage.trials:
        yield OUTLINE, tests.shape_leakage.hits > 0
    if tests.silhouette.trials:
        yield FILLED, tests.silhouette.hits > 0
    if tests.reinsertion.trials:
        yield SHOWN_AGAIN, tests.reinsertion.bound < tests.reinsertion_wanted


def _seeds(found: Explanation) -> Seeds | None:
    agreement = None if found.tests is None else found.tests.agreement
    if agreement is None:
        return None
    return Seeds(len(agreement.seeds), agreement.verified, agreement.iou, agreement.chance)
