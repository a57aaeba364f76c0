"""The method on one page: a classifier and an image go in, an Explanation comes out."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from med_cam.certify import Certified, certified
from med_cam.classifiers.base import Classifier, attached
from med_cam.config import PRESETS, Config
from med_cam.fallback import by_background, relative_to, relied_on, standing
from med_cam.further import smallest_certified
from med_cam.images.geometry import Image
from med_cam.observe import Case, References, observed
from med_cam.proved import proved
from med_cam.search import OnStep
from med_cam.settle import Found
from med_cam.smallest import smallest_mask
from med_cam.stages import mark
from med_cam.summary import explanation_of
from med_cam.values import BackgroundResult, Explanation, Fallback, Passes


def explain(
    classifier: Classifier,
    image: Image,
    *,
    target: int | str | None = None,
    config: Config | None = None,
    references: References | None = None,
    on_step: OnStep | None = None,
) -> Explanation:
    """Find the smallest region of an image on which a classifier keeps its answer.

    Nothing is written, and the classifier is left as it was found.

    Args:
        classifier: a frozen classifier, from `load_classifier`.
        image: one image, from `read_image` or `image_from_array`.
        target: the class to explain, by index or label; by default the classifier's own answer.
        config: a preset or settings of your own; `PRESETS["default"]` if not given.
        references: other images for the shape test, from `prepare_references`; without any, the
            image's own shuffled pixels stand in, which is weaker and said so.
        on_step: called after every step of the search, for progress and records.

    Returns:
        The mask in the image's own pixels, with all that was found of it.

    Raises:
        ClassifierError: if the classifier does not answer as one, or has no such target.
        ConfigError: if the settings do not suit the classifier or the references.
        ImageError: if the image cannot be fitted to the classifier.
    """
    begun = mark("begun", Passes(0, 0))
    config = config or PRESETS["default"]
    with attached(classifier) as forward:
        case = observed(forward, classifier, image, target, references, config)  # section 3.1
        found = smallest_mask(case, config, on_step)
        searched = mark("search", case.spent())
        certificate = certified(case, found, config) if worth_proving(case, found) else None
        found = found if certificate is None else as_certified(found, certificate)
        certificates = () if certificate is None else certificate.marks
        broken, promise = smaller_promise(case, found, config)
        promised = mark("fallback", case.spent())
        proof, marks = proved(case, found, certificate, config)
        course = (begun, searched, *certificates, promised, *marks)
        return explanation_of(case, found, (broken, promise), proof, course, config)


def explain_all(
    classifier: Classifier,
    images: Iterable[Image],
    *,
    config: Config | None = None,
    references: References | None = None,
    on_step: OnStep | None = None,
) -> Iterator[Explanation]:
    """One explanation after the other, each as soon as it is done; see `explain`."""
    for image in images:
        yield explain(classifier, image, config=config, references=references, on_step=on_step)


def worth_proving(case: Case, found: Found) -> bool:
    """Whether there is a decision, and emptiness does not give it anyway."""
    return case.decided and not found.claim.sufficiency_is_empty


def as_certified(found: Found, certificate: Certified) -> Found:
    """The mask that is certified in place of the one that was found."""
    claims = (*found.claims, certificate.claim)
    return replace(found, mask=certificate.mask, area=certificate.area, claims=claims)


def smaller_promise(
    case: Case, found: Found, config: Config
) -> tuple[tuple[BackgroundResult, ...], Fallback | None]:
    """For a classifier that cannot stand some background: which, and what holds without it.

    Nothing to say where a mask below `refinement.large` holds, or no decision was made.
    """
    small = found.claim.holds and found.area <= config.refinement.large
    if small or not case.decided or config.refinement.cut == "threshold":
        return (), None
    results = by_background(case, found.scores, config)
    able = standing(results, case.question.full - config.verification.least_gap)
    broken = tuple(r for r in results if r.searched and r.name not in able)
    names = relied_on(results, able)
    if not broken or not names:
        return broken, None
    fewer = relative_to(config, names)
    promise = smallest_certified(case, fewer)
    if not promise.claim.holds or promise.area >= found.area:
        return broken, None
    dropped = tuple(n for n in config.verification.backgrounds if n not in names)
    return broken, Fallback(promise.mask, promise.area, promise.claim, dropped)
