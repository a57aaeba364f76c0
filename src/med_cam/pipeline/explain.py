"""The method on one page: a classifier and an image go in, an Explanation comes out."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from med_cam.case.case import Case, observed
from med_cam.case.references import References
from med_cam.case.timing import Mark, mark
from med_cam.certification.mask_tests import mask_tests
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config
from med_cam.images.geometry import Image
from med_cam.pipeline.alternatives import agreement_of, alternatives
from med_cam.pipeline.certify import Certified, certified
from med_cam.pipeline.necessary_superset import superset
from med_cam.pipeline.propose import Found, smallest_mask
from med_cam.pipeline.restricted_claim import restricted_claim
from med_cam.pipeline.result import explanation_of
from med_cam.results import Explanation, MaskTests, Passes
from med_cam.search.train import OnStep


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
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, target, references, config)  # section 3.1
        found = smallest_mask(case, config, on_step)
        searched = mark("search", case.cost())
        certificate = certified(case, found, config) if worth_proving(case, found) else None
        found = found if certificate is None else as_certified(found, certificate)
        certificates = () if certificate is None else certificate.marks
        broken, promise = restricted_claim(case, found, config)
        promised = mark("restricted_claim", case.cost())
        tests, marks = proved(case, found, certificate, config)
        marks = (begun, searched, *certificates, promised, *marks)
        return explanation_of(case, found, (broken, promise), tests, marks, config)


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
    return case.decided and not found.claim.baseline_suffices


def as_certified(found: Found, certificate: Certified) -> Found:
    """The mask that is certified in place of the one that was found."""
    claims = (*found.claims, certificate.claim)
    return replace(found, mask=certificate.mask, area=certificate.area, claims=claims)


def proved(
    case: Case, found: Found, certificate: Certified | None, config: Config
) -> tuple[MaskTests | None, tuple[Mark, ...]]:
    """The proof of a mask, and where its stages ended; nothing where there was nothing to keep."""
    if certificate is None:
        return None, ()
    tests = mask_tests(case, found.mask, found.claim, certificate.minimality, config)
    marks = [mark("tests", case.cost())]
    if config.certification.necessary_superset and not tests.necessity.holds:
        more = superset(case, found, config, certificate.tried)
        tests = replace(tests, necessary_superset=more)
        marks.append(mark("necessary_superset", case.cost()))
    if config.certification.alternatives:
        others, remainder_sufficient = alternatives(case, found, config)
        tests = replace(tests, alternatives=others, remainder_sufficient=remainder_sufficient)
        marks.append(mark("alternatives", case.cost()))
    if config.certification.seeds > 1:
        tests = replace(tests, agreement=agreement_of(case, found, config))
        marks.append(mark("seeds", case.cost()))
    return tests, tuple(marks)
