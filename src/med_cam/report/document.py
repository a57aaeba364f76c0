"""An Explanation and where it came from as plain JSON values."""

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from jaxtyping import Bool
from torch import Tensor

from med_cam.images.mask_file import mask_png
from med_cam.report.schema import (
    AGREEMENT_FILE,
    ALTERNATIVE_FILE,
    RESTRICTED_FILE,
    SCHEMA_VERSION,
    SUPERSET_FILE,
    Provenance,
)
from med_cam.report.source import Source
from med_cam.results import (
    Agreement,
    Claim,
    Explanation,
    MaskTests,
    Minimality,
    NecessarySuperset,
    Necessity,
    RestrictedClaim,
    Stage,
    Step,
)

_DIGITS = 6  # of losses and seconds; probabilities and areas are written in full


def to_json(explanation: Explanation, *, provenance: Provenance, source: Source) -> dict[str, Any]:
    """An explanation as plain JSON values, fields as documented in docs/explanation-json.md.

    Args:
        explanation: what was found.
        provenance: whence.
        source: the copy of the image beside the JSON file.
    """
    fields = _finding(explanation) | _course(explanation)
    fields |= _origin(explanation, provenance, source)
    return {name: _plain(value) for name, value in fields.items()}


def unique_names(labels: Sequence[str]) -> tuple[str, ...]:
    """The labels as keys: one that occurs twice (ImageNet's "crane") gets its class index."""
    count = Counter(labels)
    return tuple(f"{x} #{i}" if count[x] > 1 else x for i, x in enumerate(labels))


def _finding(found: Explanation) -> dict[str, Any]:
    """What was found, and what was proved of it."""
    names = unique_names(found.labels)
    return {
        "schema_version": SCHEMA_VERSION,
        "target": found.target,
        "label": found.label,
        "verified": found.verified,
        "status": found.status,
        "area": found.area,
        "components": found.components,
        "probabilities": dict(zip(names, found.before, strict=True)),
        "probabilities_after": dict(zip(names, found.after, strict=True)),
        "change": found.after[found.target] - found.before[found.target],
        "kl": _rounded(found.kl),
        "claim": _claim(found.claim),
        "restricted_claim": None if found.restricted is None else _fallback(found.restricted),
        "tests": None if found.tests is None else _proof(found.tests),
    }


def _course(found: Explanation) -> dict[str, Any]:
    """What it took."""
    return {
        "passes": asdict(found.passes),
        "seconds": _rounded(found.seconds),
        "timeline": [_stage(stage) for stage in found.timeline],
        "labels": found.labels,
        "hooked_layers": found.hooked_layers,
        "trace": [_step(step) for step in found.steps],
    }


def _origin(found: Explanation, origin: Provenance, source: Source) -> dict[str, Any]:
    """What it was made of and with."""
    height, width = found.mask.shape
    return {
        "seed": origin.seed,
        "preset": origin.preset or None,
        "image": {
            "name": origin.image_name or None,
            "file": source.name,
            "height": height,
            "width": width,
        },
        "classifier": {
            "name": origin.classifier,
            "contrast": origin.against or None,
            "input_size": origin.input_size,
            "resize": origin.rule,
        },
        "sha256": {
            "image": origin.image_sha256 or None,
            "source": source.sha256,
            "mask": _sha256(found.mask),
            "weights": origin.weights_sha256 or None,
            "reference_images": origin.references_sha256 or None,
        },
        "config": origin.config,
        "versions": origin.versions,
        "device": origin.device,
    }


def _claim(claim: Claim) -> dict[str, Any]:
    certificate = claim.certificate
    proved = None if certificate is None else asdict(certificate) | {"holds": certificate.holds}
    return asdict(claim) | {"holds": claim.holds, "certificate": proved}


def _fallback(restricted: RestrictedClaim) -> dict[str, Any]:
    return {
        **_mask(RESTRICTED_FILE, restricted.mask),
        "area": restricted.area,
        "dropped": restricted.dropped,
        "claim": _claim(restricted.claim),
    }


def _proof(tests: MaskTests) -> dict[str, Any]:
    """What was found of the mask besides its claim; masks and maps by their files."""
    return {
        "minimality": None if tests.minimality is None else _minimality(tests.minimality),
        "necessity": _necessity(tests.necessity),
        "reinsertion": asdict(tests.reinsertion),
        "reinsertion_wanted": tests.reinsertion_wanted,
        "shape_leakage": asdict(tests.shape_leakage),
        "silhouette": asdict(tests.silhouette),
        "alternatives": [
            {
                **_mask(ALTERNATIVE_FILE.format(number), other.mask),
                "area": other.area,
                "claim": _claim(other.claim),
            }
            for number, other in enumerate(tests.alternatives, start=1)
        ],
        "remainder_sufficient": tests.remainder_sufficient,
        "necessary_superset": None
        if tests.necessary_superset is None
        else _enlarged(tests.necessary_superset),
        "agreement": None if tests.agreement is None else _agreement(tests.agreement),
        "negative": tests.negative,
    }


def _minimality(minimality: Minimality) -> dict[str, Any]:
    return asdict(minimality) | {"needed": minimality.needed, "holds": minimality.holds}


def _necessity(necessity: Necessity) -> dict[str, Any]:
    return asdict(necessity) | {"holds": necessity.holds}


def _enlarged(necessary_superset: NecessarySuperset) -> dict[str, Any]:
    return {
        **_mask(SUPERSET_FILE, necessary_superset.mask),
        "area": necessary_superset.area,
        "claim": _claim(necessary_superset.claim),
        "necessity": _necessity(necessary_superset.necessity),
    }


def _agreement(agreement: Agreement) -> dict[str, Any]:
    return {
        "map": AGREEMENT_FILE,
        "seeds": agreement.seeds,
        "areas": agreement.areas,
        "iou": agreement.iou,
        "chance": agreement.chance,
        "verified": agreement.verified,
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return asdict(replace(stage, seconds=_rounded(stage.seconds)))


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.index,
        "loss": _rounded(step.loss),
        "area": _rounded(step.area),
        "terms": {name: _rounded(value) for name, value in step.terms.items()},
    }


def _mask(name: str, mask: Bool[Tensor, "h w"]) -> dict[str, Any]:
    """The name of a mask's file, and what tells whether it is still the same."""
    return {"mask": name, "sha256": _sha256(mask)}


def _sha256(mask: Bool[Tensor, "h w"]) -> str:
    return hashlib.sha256(mask_png(mask)).hexdigest()


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _plain(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Tuples to lists, keys to strings, NaN and infinity (which JSON lacks) to None."""
    match value:
        case Mapping():
            plain: object = {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            plain = [_plain(item) for item in value]
        case float():
            plain = float(value) if math.isfinite(value) else None
        case None | bool() | int():
            plain = value
        case _:
            plain = str(value).encode("utf-8", "replace").decode()  # paths may hold stray bytes
    return plain
