"""The method on one page: a classifier and an image go in, an Explanation comes out."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import SupportsIndex

from med_cam.case.arguments import refuse_other_arguments
from med_cam.case.case import Case, at_work, observed
from med_cam.case.fills import Fill, Paint, refuse_other_fills
from med_cam.case.references import References, painted_from
from med_cam.case.timing import Mark, mark
from med_cam.certification.ladder import ladder_wanted
from med_cam.certification.mask_tests import mask_tests
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch, refuse_inference_weights
from med_cam.config.given import refuse_other
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config
from med_cam.errors import ImageError
from med_cam.images.image import AN_IMAGE, Image
from med_cam.pipeline.alternatives import agreement_of, alternatives
from med_cam.pipeline.beside_claim import beside_claim
from med_cam.pipeline.certify import Certified, certified
from med_cam.pipeline.contrast import contrast_of
from med_cam.pipeline.ladder import certificates_of, climbed, restricted_confidence
from med_cam.pipeline.necessary_superset import superset
from med_cam.pipeline.propose import Found, smallest_mask
from med_cam.pipeline.restricted_claim import (
    Restriction,
    kept_for_weaker,
    known_ahead,
    restricted_claim,
)
from med_cam.pipeline.result import Others, explanation_of, with_beside
from med_cam.pipeline.robustness import Robustness
from med_cam.results.explanation import Explanation
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.results.passes import Passes
from med_cam.results.step import OnStep


@ordinary_torch()
def explain(  # noqa: PLR0913  a keyword for each thing given
    classifier: Classifier,
    image: Image,
    *,
    target: SupportsIndex | str | None = None,
    config: Config | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    on_step: OnStep | None = None,
) -> Explanation:
    """Find a small region of an image that is sufficient for a classifier's prediction.

    Nothing is written, and the classifier is left as it was found. Gradients that are off,
    inference mode, autocast and a default device around the call change nothing.

    Args:
        classifier: a frozen classifier, from `load_classifier`.
        image: one image, from `read_image` or `image_from_array`.
        target: the class to explain, by index or label; by default the class predicted.
        config: a preset or settings of your own; `PRESETS["default"]` if not given.
        references: reference images for the test of the mask's shape, from `prepare_references`;
            without any, the image's own shuffled pixels stand in, a weaker test.
        fills: fills of your own, by the names that `config` has for them: a function from pixels
            c h w in [0, 1], black where hidden, a mask 1 h w, true = shown, and a generator to
            pixels c h w in [0, 1]; or what `load_fill` gives. See docs/method.md.
        on_step: called after every step of the search, for progress and records.

    Returns:
        The mask in the image's own pixels, with all that was found of it.

    Raises:
        ClassifierError: if the classifier does not work as one, or has no such target.
        ConfigError: if the settings do not suit the classifier or the references, or torch's
            default precision is not float32.
        ImageError: if the image cannot be fitted to the classifier.
    """
    refuse_other_arguments(
        classifier, image, config=config, references=references, on_step=on_step
    )
    refuse_other_fills(fills)
    refuse_inference_weights(classifier.module, name=classifier.name)
    begun = mark("begun", Passes(0, 0))
    config = config or PRESETS["default"]
    classifier, references = painted_from(classifier, references)
    with hooks_attached(at_work(classifier, config)) as forward:
        case = observed(
            forward, classifier, image, config, target=target, references=references, fills=fills
        )
        found = smallest_mask(case, on_step)  # sections 3.2 to 3.4
        known = known_ahead(case, found)
        marks = [begun, mark("search", case.cost())]
        worth = worth_certifying(case, found)
        certificate = certified(case, found, kept_for_weaker(case, known)) if worth else None
        if certificate is not None:
            found = as_certified(found, certificate)
            marks += certificate.marks
        restriction, ladder, weaker = weaker_claims(case, found, certificate, known)
        tests, tested = all_tests(case, found, certificate)
        marks += [*weaker, *tested]
        beside = beside_claim(case)
        if beside is not None:
            marks.append(mark("beside", case.cost()))
        contrast = contrast_of(case, found.claim, found.looked)
        if contrast is not None:
            marks.append(mark("contrast", case.cost()))
        others = Others(ladder, contrast)
        first = explanation_of(case, found, restriction[:2], tests, marks, others)
        return with_beside(first, beside, case.target)


def explain_all(
    classifier: Classifier,
    images: Iterable[Image],
    *,
    config: Config | None = None,
    references: References | None = None,
    fills: Mapping[str, Fill | Paint] | None = None,
    on_step: OnStep | None = None,
) -> Iterator[Explanation]:
    """One explanation after the other, each as soon as it is done; see `explain`.

    Raises:
        ImageError: if `images` is none, or something else among them; and what `explain` raises.
    """
    refuse_other("images", images, Iterable, f"a list, each {AN_IMAGE}", ImageError)
    for image in images:
        yield explain(
            classifier,
            image,
            config=config,
            references=references,
            fills=fills,
            on_step=on_step,
        )


def worth_certifying(case: Case, found: Found) -> bool:
    """Whether the target is predicted, and baselines alone do not give it anyway."""
    return case.predicted and not found.response.decision.given_by


def as_certified(found: Found, certificate: Certified) -> Found:
    """The mask that is certified in place of the one that was found."""
    claims = (*found.claims, certificate.claim)
    return replace(
        found,
        mask=certificate.mask,
        area=certificate.area,
        scores=certificate.scores,
        claims=claims,
        cut_short=certificate.cut_short,
    )


def weaker_claims(
    case: Case, found: Found, certificate: Certified | None, known: Robustness | None
) -> tuple[Restriction, Ladder | None, tuple[Mark, ...]]:
    """What holds on fewer removals, and the ladder, where no small mask is sufficient."""
    certificates = certificates_of(case, certificate)
    wanted = ladder_wanted(case, holds=found.claim.holds, area=found.area)
    confidence = restricted_confidence(case, certificates) if wanted else None
    restriction = restricted_claim(case, found, confidence, known)
    marks = [mark("restricted_claim", case.cost())]
    ladder = None
    if wanted:
        ladder = climbed(case, found, restriction, certificates)
        marks.append(mark("ladder", case.cost()))
    return restriction, ladder, tuple(marks)


def all_tests(
    case: Case, found: Found, certificate: Certified | None
) -> tuple[MaskTests | None, tuple[Mark, ...]]:
    """What is tested of a mask in the order of its cost; nothing where nothing can be retained."""
    if certificate is None:
        return None, ()
    rules = case.config.certification
    tests = mask_tests(case, found.mask, found.claim, certificate.minimality)
    marks = [mark("tests", case.cost())]
    if rules.necessary_superset and not tests.necessity.holds:
        numbers = certificate.tried, certificate.draws
        tests = replace(tests, necessary_superset=superset(case, found, *numbers))
        marks.append(mark("necessary_superset", case.cost()))
    if rules.alternatives:
        others, remainder_sufficient = alternatives(case, found)
        tests = replace(tests, alternatives=others, remainder_sufficient=remainder_sufficient)
        marks.append(mark("alternatives", case.cost()))
    if rules.seeds > 1:
        tests = replace(tests, agreement=agreement_of(case, found))
        marks.append(mark("seeds", case.cost()))
    return tests, tuple(marks)
