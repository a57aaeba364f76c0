"""What other methods show of an image: their maps, cut to the area of the evidence.

The maps come before the search, so that a method that cannot read a classifier costs none.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import SupportsIndex

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.case import Case, observed
from med_cam.case.fills import Fill, Paint
from med_cam.case.references import References, painted_from
from med_cam.case.seeds import generator_of
from med_cam.certification.first_look import at_equal_area
from med_cam.certification.mask_tests import decision_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import Forward, hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.rules import one_of, refuse_value
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam.masking.masks import keep_most
from med_cam.results.compared import OtherMethod
from med_cam.results.explanation import Explanation
from med_cam.results.passes import Passes
from med_cam_studies.methods.extremal import extremal_perturbations
from med_cam_studies.methods.grad_cam import grad_cam_and_layer, plus_plus
from med_cam_studies.methods.rise import rise
from med_cam_studies.methods.rollout import attention_rollout

MAPS = 60  # purpose of the maps' random samples, as in `case.seeds`
Located = tuple[Float[Tensor, "1 1 h w"], str | None]  # a map, and the layer that it is of

METHODS: Mapping[str, Callable[[Case], Located]] = MappingProxyType(
    {
        "grad_cam": grad_cam_and_layer,
        "grad_cam_plus_plus": lambda case: grad_cam_and_layer(case, plus_plus),
        "attention_rollout": lambda case: (attention_rollout(case, _drawn(case)), None),
        "rise": lambda case: (rise(case, _drawn(case)), None),
        "extremal_perturbations": lambda case: (extremal_perturbations(case, _drawn(case)), None),
    }
)


def compared_names(given: str | Sequence[str] | None) -> tuple[str, ...]:
    """Names of methods, in one text with commas or as a list, each once.

    Raises:
        ConfigError: there is no such method.
    """
    parts = given.split(",") if isinstance(given, str) else given or ()
    names = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    for name in names:
        refuse_value("compare", name, one_of(*METHODS))
    return names


@dataclass(frozen=True, slots=True)
class Asked:
    """What is compared with an explanation.

    Attributes:
        classifier, image, config, references, fills: as `explain` is given them.
        target: the class to explain; None is the one predicted.
    """

    classifier: Classifier
    image: Image
    config: Config
    references: References | None = None
    fills: Mapping[str, Fill | Paint] | None = None
    target: SupportsIndex | str | None = None


@dataclass(frozen=True, slots=True)
class MethodMap:
    """A map of another method.

    Attributes:
        method: its name.
        layer: that it is of.
        scores: in the source image's own pixels.
        passes: that it took.
    """

    method: str
    layer: str | None
    scores: Float[Tensor, "h w"]
    passes: Passes


@ordinary_torch()
def maps_of(asked: Asked, methods: Sequence[str]) -> tuple[MethodMap, ...]:
    """The maps of these methods.

    Raises:
        ClassifierError: one of them cannot read the classifier.
        MedCamError: what `explain` raises before its search.
    """
    if not methods:
        return ()
    with hooks_attached(asked.classifier) as forward:
        case = _case(asked, forward)
        return tuple(_map(case, name) for name in methods)


@ordinary_torch()
def beside(asked: Asked, found: Explanation, maps: Sequence[MethodMap]) -> tuple[OtherMethod, ...]:
    """What these maps show at the area of the evidence; nothing where that is all of the image."""
    if not maps or found.area >= 1 or not found.mask.any():
        return ()
    with hooks_attached(asked.classifier) as forward:
        case = _case(asked, forward)
        decision = decision_of(case, found.claim)
        return tuple(
            at_equal_area(
                case,
                keep_most(one.scores[None, None], found.area)[0, 0],
                found.mask,
                decision=decision,
                method=one.method,
                layer=one.layer,
                spent=one.passes,
            )
            for one in maps
        )


def _case(asked: Asked, forward: Forward) -> Case:
    classifier, references = painted_from(asked.classifier, asked.references)
    return observed(
        forward,
        classifier,
        asked.image,
        asked.config,
        target=asked.target,
        references=references,
        fills=asked.fills,
    )


def _map(case: Case, name: str) -> MethodMap:
    before = case.cost()
    scores, layer = METHODS[name](case)
    after = case.cost()
    passes = Passes(after.forward - before.forward, after.backward - before.backward)
    restored = case.geometry.restore_scores(scores.detach().cpu())
    return MethodMap(name, layer, restored, passes)


def _drawn(case: Case) -> torch.Generator:
    return generator_of(case.config.seed, MAPS)
