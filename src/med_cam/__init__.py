"""Minimal-evidence explanations for medical image classifiers.

The public names are imported when they are first asked for: `med-cam --help` needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from med_cam.audit.recommended import (
        Recommended as Recommended,
        recommended_removal as recommended_removal,
    )
    from med_cam.case.load_fill import load_fill as load_fill
    from med_cam.case.references import (
        References as References,
        prepare_references as prepare_references,
    )
    from med_cam.classifiers.base import Classifier as Classifier
    from med_cam.classifiers.bundled import (
        bundled_classifier as bundled_classifier,
        bundled_references as bundled_references,
        bundled_samples as bundled_samples,
    )
    from med_cam.classifiers.from_module import from_module as from_module
    from med_cam.classifiers.load import load_classifier as load_classifier
    from med_cam.classifiers.pairwise import pairwise as pairwise
    from med_cam.classifiers.repeatable import repeatable_gpu as repeatable_gpu
    from med_cam.config.presets import PRESETS as PRESETS, preset as preset
    from med_cam.config.settings import Config as Config
    from med_cam.config.toml import config_from_toml as config_from_toml
    from med_cam.errors import (
        ClassifierError as ClassifierError,
        ConfigError as ConfigError,
        ImageError as ImageError,
        MedCamError as MedCamError,
        OutputError as OutputError,
    )
    from med_cam.images.from_array import image_from_array as image_from_array
    from med_cam.images.image import Image as Image
    from med_cam.images.part import Part as Part
    from med_cam.images.read import read_image as read_image
    from med_cam.notebook.attribution import Attribution as Attribution
    from med_cam.notebook.explain import explain as explain, explain_all as explain_all
    from med_cam.notebook.explanation import Explanation as Explanation
    from med_cam.notebook.table import NotExplained as NotExplained, to_frame as to_frame
    from med_cam.notebook.verify_saved import verify_saved as verify_saved
    from med_cam.results.claim import Claim as Claim
    from med_cam.results.step import Step as Step
PLACES = {
    "PRESETS": "config.presets",
    "Attribution": "notebook.attribution",
    "Claim": "results.claim",
    "Classifier": "classifiers.base",
    "ClassifierError": "errors",
    "Config": "config.settings",
    "ConfigError": "errors",
    "Explanation": "notebook.explanation",
    "Image": "images.image",
    "ImageError": "errors",
    "MedCamError": "errors",
    "NotExplained": "notebook.table",
    "OutputError": "errors",
    "Part": "images.part",
    "Recommended": "audit.recommended",
    "References": "case.references",
    "Step": "results.step",
    "bundled_classifier": "classifiers.bundled",
    "bundled_references": "classifiers.bundled",
    "bundled_samples": "classifiers.bundled",
    "config_from_toml": "config.toml",
    "explain": "notebook.explain",
    "explain_all": "notebook.explain",
    "from_module": "classifiers.from_module",
    "image_from_array": "images.from_array",
    "load_classifier": "classifiers.load",
    "load_fill": "case.load_fill",
    "pairwise": "classifiers.pairwise",
    "prepare_references": "case.references",
    "preset": "config.presets",
    "read_image": "images.read",
    "recommended_removal": "audit.recommended",
    "repeatable_gpu": "classifiers.repeatable",
    "to_frame": "notebook.table",
    "verify_saved": "notebook.verify_saved",
}

__all__ = list(PLACES)

__version__: str  # as the others, when it is asked for


def __getattr__(name: str) -> Any:  # noqa: ANN401 - classes, functions and values
    if name == "__version__":
        return import_module("med_cam.report.installed").own_version()
    if name not in PLACES:
        raise AttributeError(f"module 'med_cam' has no attribute {name!r}")
    return getattr(import_module(f"med_cam.{PLACES[name]}"), name)
