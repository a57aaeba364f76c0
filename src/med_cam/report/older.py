"""explanation.json of version 1.1 in the names of 2.0.

Sentences (`status`, `warnings`) and file names stay as they were written. Nothing is dropped.
What was not saved then is null.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from med_cam.classifiers.colours import DECLARED
from med_cam.config.toml import RENAMED as SETTINGS
from med_cam.images.white import FILE
from med_cam.verify.claim import counted

_OTHERS = re.compile(r"(\d{1,9}) other images")  # the source of the contents, in the words of 1.1
_CHECKS = {"kept": "sufficiency", "shape": "shape_leakage", "stable": "shift_stability"}

RENAMED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {  # the field that objects lie in ("" is the document): the names of their fields, old to new
        "": {
            "fallback": "restricted_claim",
            "proof": "tests",
            "stages": "timeline",
            "taps": "hooked_layers",
        },
        "claim": {
            "backgrounds": "baselines",
            "full": "p_image",
            "empty": "p_baseline",
            "required": "threshold",
            "references": "reference_images",
            "least_gap": "minimum_effect",
        },
        "backgrounds": {
            "draws": "samples",
            "kept": "retained",
            "kept_top1": "retained_top1",
            "alone_label": "baseline_label",
            "alone_probability": "baseline_probability",
            "alone_kept": "baseline_retained",
        },
        "certificate": {
            "draws": "samples",
            "kept": "retained",
            "fixed_kept": "fixed_retained",
            "worst_kept": "worst_retained",
        },
        "proof": {
            "hidden": "reinsertion",
            "hidden_wanted": "reinsertion_wanted",
            "shape": "shape_leakage",
            "enlarged": "necessary_superset",
            "exhausted": "remainder_sufficient",
        },
        "minimality": {
            "cell": "patch",
            "cells": "patches",
            "draws": "samples",
            "spare": "tolerance",
        },
        "cells": {"lost_by": "witness"},
        "necessity": {"draws": "samples", "full": "p_image"},
        "classifier": {"against": "contrast"},
        "sha256": {"references": "reference_images"},
    }
    | dict(SETTINGS)
)
CHANGED: Mapping[tuple[str, str], Mapping[Any, Any]] = MappingProxyType(
    {  # the field that objects lie in and a field of them: its values, old to new
        ("checks", "name"): _CHECKS,
        ("cells", "lost_by"): {"draw": "sample"},
        ("proof", "exhausted"): {True: False},  # "nothing is left" is "what is left suffices: no"
    }
)


NOT_SAVED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {  # fields of objects of the document that 1.1 did not have
        "classifier": (
            *("architecture", "arguments", "labels", "channels", "mean", "std", "value_range"),
            *("interpolation", "antialias", "channel_order", "standardise", "crop_share"),
            *("head", "outputs", "thresholds", "hooked_layers"),
            *("weights", "source_files", "state"),
        ),
    }
)


NEVER_SAVED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {  # the field that objects lie in, in the names of 1.1: what none of them had, at any depth
        "checks": ("edge", "spare"),
        **dict.fromkeys(
            ("backgrounds", "minimality", "necessity", "hidden", "shape", "silhouette"), ("edge",)
        ),
    }
)


ADDED: Mapping[str, Mapping[str, object]] = MappingProxyType(
    {  # the object ("" is the document): what 2.0 has had since, as it is where nothing was saved
        "": {
            "manifest": None,
            "created": None,
            "command": None,
            "platform": None,
            "references_left_out": 0,
            "removal_choice": None,
            "contrast": None,
            "beside_claim": None,
            "ladder": None,
            "cut_short": False,
            "fills": [],
            "compared": [],
        },
        "sha256": {"environment": None},
        "tests": {"random_regions": None},
        "classifier": {
            "outputs": "logits",
            "antialias": True,
            "channel_order": "rgb",
            "standardise": "dataset",
        },
        "image": {  # any file was read, however dark, and none was DICOM
            "white": FILE,
            "window": None,
            "frame": None,
            "dicom": None,
            "slice": None,
            "nifti": None,
            "region": None,
            "mpp": None,
            "slide_mpp": None,
            "slide": None,
            "notes": [],
        },
    }
)


def completed(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document with the fields that it was written without; the given one stays as it is."""
    new: dict[str, Any] = _claims_completed({**ADDED[""], **document})
    for place, added in ADDED.items():
        if place and isinstance(new.get(place), Mapping):
            new[place] = {**added, **new[place]}
    if isinstance(config := new.get("config"), Mapping) and isinstance(
        rules := config.get("certification"), Mapping
    ):  # no random regions were looked at
        new["config"] = {**config, "certification": {"random_regions": 0, **rules}}
    if isinstance(tests := new.get("tests"), Mapping) and isinstance(
        patches := tests.get("minimality"), Mapping
    ):  # that were squares
        new["tests"] = {**tests, "minimality": {"regions": None, "sha256": None, **patches}}
    if "baseline_colours" not in new and isinstance(new.get("classifier"), Mapping):
        new["baseline_colours"] = _as_normalised(new["classifier"])
    return new


def _claims_completed(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Claims with what they were written without, at any depth.

    Those that have sentences of warnings only have these as notices of no known kind; a
    certificate was judged on the draw of samples of its own number; the figures of a removal were
    not taken beyond chance.
    """
    if isinstance(value, list):
        return [_claims_completed(entry) for entry in value]
    if not isinstance(value, Mapping):
        return value
    new = {name: _claims_completed(entry) for name, entry in value.items()}
    if {"checks", "warnings"} <= new.keys() and isinstance(new["warnings"], list):
        known = {"kind": "older", "figure": None, "warns": True}
        new.setdefault("notices", [{**known, "text": text} for text in new["warnings"]])
    if {"tried", "risk", "bound"} <= new.keys():
        new.setdefault("draw", new["tried"])
    if {"blank_own", "retained_75"} <= new.keys():
        new.setdefault("chance", 0.0)
    return new


def _as_normalised(classifier: Mapping[str, Any]) -> dict[str, Any] | None:
    """Grey and noise as they were before they were saved: always the declared mean and std."""
    mean, std, white = (classifier.get(name) for name in ("mean", "std", "value_range"))
    if not (isinstance(mean, list) and isinstance(std, list) and isinstance(white, int | float)):
        return None
    numbers = [*mean, *std, white]
    if not white or not all(isinstance(value, int | float) for value in numbers):
        return None
    grey, spread = ([round(255 * value / white, 3) for value in part] for part in (mean, std))
    return {"grey": grey, "spread": spread, "source": DECLARED}


def upgraded(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of version 1.1 as one of 2.0; the given one stays as it is."""
    new = _object(document, "") | {"schema_version": "2.0"}
    if new.get("restricted_claim"):  # whose samples were those of the full claim's seed
        new["restricted_claim"]["seed"] = document["config"]["seed"]
    for place, names in NOT_SAVED.items():
        if isinstance(new.get(place), dict):
            new[place] = {**dict.fromkeys(names), **new[place]}
    return new


def as_if_older(document: Mapping[str, Any]) -> list[str]:
    """Objects of which all is null that 1.1 did not have, as only translated documents have it."""
    return [
        place
        for place, names in NOT_SAVED.items()
        if isinstance(document.get(place), dict)
        and all(document[place].get(name) is None for name in names)
    ]


def _object(old: Mapping[str, Any], place: str) -> dict[str, Any]:
    """An object that lies in a field of that old name."""
    names = RENAMED.get(place, {})
    new = {names.get(name, name): _value(value, place, name) for name, value in old.items()}
    return {**dict.fromkeys(NEVER_SAVED.get(place, ())), **new}


def _value(old: Any, place: str, name: str) -> Any:  # noqa: ANN401  any JSON value
    """The value of a field of an object that lies in `place`; entries of lists lie in the list."""
    if isinstance(old, Mapping):
        return _object(old, name)
    if isinstance(old, list):
        return [_value(entry, place, name) for entry in old]
    if (place, name) == ("claim", "references") and (said := _OTHERS.fullmatch(str(old))):
        return counted(int(said[1]))
    return CHANGED.get((place, name), {}).get(old, old)
