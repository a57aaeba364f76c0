"""How far a number may be from the one that was saved, and which fields are not computed again.

One place for both, so that nothing is left out in silence: `docs/explanation-json.md` says the
same in words.
"""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType

from med_cam.config.tolerance import EDGE, PROBABILITIES

COUNTED = 1e-6  # numbers that follow from counts, settings or pixels and no classifier's rounding
FROM_COUNTS = frozenset(
    {
        "after", "area", "areas", "baseline_retained", "bound", "certified", "chance", "strength",
        "confidence", "grey", "minimum_effect", "reinsertion_wanted", "risk", "spread", "value",
        "wanted", "iou",
        "worst_retained",
    }
)  # fmt: skip  # all others are probabilities; counts, labels, sentences and flags have none

OF_TWO = frozenset({"change", "margin", "nearest"})  # differences of two probabilities

NOT_RECHECKED: Mapping[str, str] = MappingProxyType(
    {  # paths, with what is below them, and why: "[]" is any entry
        "classifier.name": "a name; the classifier is compared by all else",
        "classifier": "the classifier's identity, compared before anything is computed",
        "sha256.weights": "the classifier's identity, compared before anything is computed",
        "sha256.reference_images": "compared with the reference images that are given",
        "sha256.image": "compared with the image's file; else of one that is not there",
        "sha256.mask": "compared with the file when it is read",
        "restricted_claim.sha256": "compared with the file when it is read",
        "beside_claim.sha256": "compared with the file when it is read",
        "ladder.rung.sha256": "compared with the file when it is read",
        "ladder.tried[].outcome": "of masks that are not in the result, but for the last",
        "ladder.tried[].bounds": "of masks that are not in the result",
        "ladder.tried[].why": "of masks that are not in the result",
        "ladder.passes": "of the search for its masks too",
        "tests.alternatives[].sha256": "compared with the file when it is read",
        "tests.necessary_superset.sha256": "compared with the file when it is read",
        "contrast.quiet.sha256": "compared with the file when it is read",
        "contrast.runner_up.sha256": "compared with the file when it is read",
        "compared[].sha256": "compared with the file when it is read",
        "compared[].method": "a map of another method, which is not made again",
        "compared[].layer": "of a map that is not made again",
        "compared[].passes": "of a map that is not made again",
        "manifest": "compared with every file of the folder before anything is computed",
        "image.name": "what the image's file was called; it is not in the result",
        "image.file": "read under that name",
        "created": "a time; under the manifest",
        "command": "how it was asked for; under the manifest",
        "platform": "what it was made on; under the manifest",
        "image.white": "the image is read with it: another white gives other figures",
        "image.window": "a DICOM file is read with it: another window gives other figures",
        "image.frame": "a DICOM file is read with it: another frame gives other figures",
        "image.slice": "a NIfTI volume is read with it: another slice gives other figures",
        "image.notes": "said again where the file is read; of pixels cut from one, as saved",
        "image.nifti": "compared with the NIfTI file when it is read; else of one not there",
        "image.region": "a slide is read with it: another region gives other figures",
        "image.mpp": "a slide is read with it: another resolution gives other figures",
        "image.slide_mpp": "a slide is read with it: another resolution gives other figures",
        "image.slide": "compared with the slide when it is read; else of one not there",
        "image.dicom": "compared with the DICOM file when it is read; else of one not there",
        "references_left_out": "files that could not be read; none of them took part",
        "fills": "by its SHA-256, before anything is computed; the rest is what it was called",
        "removal_choice.figures": "of the classifier on its references; the rule is used on them",
        "removal_choice.refused": "of the classifier, see med-cam audit",
        "removal_choice.source": "where the figures were from",
        "removal_choice.references": "of the classifier's references, not of this image",
        "removal_choice.passes": "of the choice, once for all images",
        "preset": "a name; settings other than those of that preset are said",
        "passes": "of the whole run, the search included",
        "cut_short": "of the search and the reduction",
        "seconds": "times",
        "timeline": "times, and passes of the search",
        "trace": "of the search",
        "versions": "compared only to name a cause",
        "device": "compared only to name a cause",
        "config.objective": "decides how the mask was searched, not what is claimed of it",
        "config.search": "decides how the mask was searched, not what is claimed of it",
        "config.refinement": "decides how the mask was cut, not what is claimed of it",
        "config.certification.rounds": "limits how many masks were tried",
        "config.certification.grown": "limits how many masks were tried",
        "config.certification.most_patches": "decides how the mask was reduced",
        "config.certification.units": "decides what the mask is made of, which is in the result",
        "config.certification.margin": "decides how the mask was reduced",
        "config.certification.budget": "limits how far the mask was reduced",
        "config.certification.reduction_samples": "decides how the mask was reduced",
        "config.certification.pool": "decides how the mask was reduced",
        "config.certification.ladder_passes": "limits how many rungs were tried",
        "config.certification.alternatives": "how many were looked for; there may be fewer",
        "config.certification.necessary_superset": "whether it was looked for; there may be none",
        "tests.minimality.samples": "on which the search asked for it; used, not found again",
        "tests.minimality.shifts": "in which the search asked for it; used, not found again",
        "tests.minimality.tested": "of the reduction",
        "tests.minimality.rounds": "of the reduction",
        "tests.minimality.sha256": "compared with the file when it is read",
        "tests.minimality.before": "of a mask that is not in the result",
        "tests.agreement.areas[]": "of masks that are not in the result, but for the first",
        "tests.agreement.iou": "of masks that are not in the result",
        "tests.agreement.verified": "of masks that are not in the result",
    }
)
OLDER: Mapping[str, str] = MappingProxyType(
    {  # in a result of schema version 1
        "baseline_colours": "not saved in its version",
        "config.certification.contrast": "a test that its version did not have",
        "config.certification.controls": "of claims that its version did not have",
        "config.verification.beside": "a claim that its version did not have",
        "config.verification.feather": "of removals that its version did not have",
        "config.verification.consistency": "a check that its version did not have",
        "config.verification.consistency_rate": "a check that its version did not have",
        "config.verification.consistency_trials": "a check that its version did not have",
        "config.verification.specificity_rate": "a check that its version did not have",
        "status": "in the words of its version",
        "claim.warnings": "in the words of its version",
        "claim.notices": "in the words of its version",
        "restricted_claim.claim.warnings": "in the words of its version",
        "restricted_claim.claim.notices": "in the words of its version",
        "tests.alternatives[].claim.warnings": "in the words of its version",
        "tests.alternatives[].claim.notices": "in the words of its version",
        "tests.necessary_superset.claim.warnings": "in the words of its version",
        "tests.necessary_superset.claim.notices": "in the words of its version",
        "restricted_claim.mask": "the file's name in its version",
        "tests.necessary_superset.mask": "the file's name in its version",
    }
)


NEVER_SAVED = frozenset({"edge", "spare"})  # in a result of schema version 1, wherever it is


def not_rechecked(path: str, *, older: bool = False) -> str:
    """Why a field is not computed again; "" if it is.

    Args:
        path: as `claim.checks[1].value`.
        older: whether the result is of schema version 1.
    """
    general = re.sub(r"\[\d+\]", "[]", path)
    if older and general.rpartition(".")[2] in NEVER_SAVED:
        return "not saved in its version"
    known = {**NOT_RECHECKED, **(OLDER if older else {})}
    return next((why for start, why in known.items() if _below(general, start)), "")


def allowed(path: str, now: float) -> float:
    """How far the saved number may be from the one computed now."""
    names = re.sub(r"\[\d+\]", "", path).split(".")
    name = names[-1]
    if not OF_TWO.isdisjoint(names):
        return EDGE
    return (COUNTED if name in FROM_COUNTS else PROBABILITIES) * max(1.0, abs(now))


@cache
def _below(path: str, start: str) -> bool:
    """Whether a path is `start` or lies in it."""
    return path == start or path.startswith((f"{start}.", f"{start}["))
