"""The method on one page: a classifier and an image go in, an Explanation comes out."""

import time
from collections.abc import Iterable, Iterator

from med_cam.classifiers.base import Classifier, attached
from med_cam.config import PRESETS, Config
from med_cam.fallback import by_background, relative_to, relied_on, standing
from med_cam.images.geometry import Image
from med_cam.observe import Case, References, observed, reference_of
from med_cam.search import OnStep, search
from med_cam.settle import (
    CANDIDATES,
    SEARCH,
    Found,
    candidate_rules,
    fresh,
    settle,
    whole_image,
)
from med_cam.summary import explanation_of
from med_cam.values import BackgroundResult, Explanation, Fallback
from med_cam.verify.candidates import candidate_judge


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
    begun = time.perf_counter()
    config = config or PRESETS["default"]
    with attached(classifier) as forward:
        case = observed(forward, classifier, image, target, references, config)  # section 3.1
        found = smallest_mask(case, config, on_step)
        broken, promise = smaller_promise(case, found, config)
        return explanation_of(case, found, broken, promise, config, begun)


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


def smallest_mask(case: Case, config: Config, on_step: OnStep | None = None) -> Found:
    """The smallest mask on which a claim holds; the whole image where there is nothing to keep."""
    same = fresh(config.seed, CANDIDATES)  # draws that every candidate is judged on
    decision, passes = candidate_judge(
        case.answer, case.scene, case.question, candidate_rules(config), same
    )
    gap = case.question.full - decision.empty
    if not case.decided or gap < config.verification.least_gap:
        return whole_image(case, config)
    reference = reference_of(case, decision.required)
    generator = fresh(config.seed, SEARCH)
    maps, steps = search(case, reference, config, generator, on_step)  # sections 3.2 to 3.4
    return settle(case, maps, passes, config, steps)


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
    promise = smallest_mask(case, fewer)
    if not promise.claim.holds or promise.area >= found.area:
        return broken, None
    dropped = tuple(n for n in config.verification.backgrounds if n not in names)
    return broken, Fallback(promise.mask, promise.area, promise.claim, dropped)
