"""Every claim of a saved explanation tested again, from its files and the classifier.

The same samples are drawn again from the seed, so that the same numbers have to come out: all that
a reader sees is computed again and compared. Other baselines, samples or seeds make a new
certificate of the saved mask; what does not rest on them is compared all the same.
"""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from med_cam.case.asked_once import asked_once
from med_cam.case.case import at_work, observed
from med_cam.case.counting import predictor
from med_cam.case.fills import Fill
from med_cam.case.references import References, painted_from, relabelled
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.config.settings import Config
from med_cam.config.toml import overlaid
from med_cam.masking.view import View
from med_cam.recheck.claims import anew, claims_rechecked
from med_cam.recheck.fills import refuse_other_fills
from med_cam.recheck.identity import refuse_other_classifier
from med_cam.recheck.nothing import nothing_rechecked
from med_cam.recheck.options import Options
from med_cam.recheck.outcome import Recheck
from med_cam.report.saved import Saved


def rechecked(
    classifier: Classifier,
    saved: Saved,
    references: References | None,
    options: Options,
    fills: Mapping[str, Fill] = MappingProxyType({}),
) -> Recheck:
    """Test every claim of a saved explanation again.

    Args:
        classifier: the one that was explained, by everything that decides its answers.
        saved: the result, from `read_saved`, which has checked the shape of its document.
        references: the reference images of the explanation, if it had any.
        options: what is to be done otherwise.
        fills: of the user's own, by name, those of the explanation among them.

    Raises:
        ClassifierError: if it is another classifier.
        ConfigError: if the saved settings are invalid, or the options do not suit them.
        OutputError: if it names samples that its settings do not lead to.
    """
    document = saved.document
    refuse_other_classifier(classifier, document)
    refuse_other_fills(document, fills)
    config = overlaid(Config(), document["config"])
    classifier, references = painted_from(classifier, references)
    if saved.older:  # these checks are younger
        rules = replace(config.verification, consistency=0.0, specificity_rate=0.0)
        config = replace(config, verification=rules)
    contrast = document["classifier"]["contrast"]
    if contrast:
        classifier = pairwise(classifier, document["label"], contrast)
        references = None if references is None else relabelled(references, classifier)
    with hooks_attached(at_work(classifier, config)) as forward:
        target = document["target"]
        case = observed(
            forward,
            classifier,
            saved.image,
            config,
            target=target,
            references=references,
            fills=fills,
            further=options.baselines or (),
        )
        case = replace(case, older=saved.older)
        if options.batch is not None:
            predict = asked_once(predictor(case.outputs.classifier, classifier, options.batch))
            case = replace(case, claims=View(predict, case.scene))
        if document["tests"] is None:
            return nothing_rechecked(case, saved, options)
        return anew(case, saved, options) if options.anew else claims_rechecked(case, saved)
