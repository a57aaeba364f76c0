"""The words of a dossier that its reader may not know, in a sentence each."""

from collections.abc import Mapping
from types import MappingProxyType

from med_cam_studies.report.blocks import Facts, Section

WORDS: Mapping[str, str] = MappingProxyType(
    {
        "Prediction": "The label that the classifier gives the highest probability.",
        "Evidence": (
            "The pixels of the mask. They are evidence for the classifier's prediction, not for "
            "a disease."
        ),
        "Area": "The share of the image's pixels in the mask.",
        "Baseline": "What replaces the hidden part of an image, such as grey or random noise.",
        "Removal": "The whole way of hiding a part of an image, with the baseline or without one.",
        "Prediction retained": (
            "With the rest hidden the label is still first, and its probability lies at least "
            "half of the way from that of the baseline alone to that of the whole image."
        ),
        "Sufficient": (
            "The prediction is retained where the mask alone is shown, on every tested baseline, "
            "and the checks of outline and small shifts pass."
        ),
        "Retention rate": (
            "The share of random baselines on which the prediction is retained; its lower bound "
            "is exact."
        ),
        "Necessary": "The prediction changes whenever the mask is hidden and the rest is shown.",
        "Stability": "The share of small shifts of the mask that retain the prediction.",
        "Missingness audit": (
            "What the classifier predicts for inputs without information: blank images, shapes, "
            "images with parts hidden."
        ),
        "Sensitivity": "Of the images whose right label this is, the share that is predicted it.",
        "Specificity": "Of the images of other labels, the share that is not predicted it.",
        "AUROC": (
            "The share of pairs, one from each of two groups, in which a score has the expected "
            "order; 0.5 is chance."
        ),
        "IoU": "Pixels in both of two masks as a share of the pixels in either.",
        "95% interval": (
            "Computed from many such sets of images, 95% of such intervals would hold the true "
            "value."
        ),
        "SHA-256": "A fingerprint of a file: another file has another one.",
    }
)


def glossary() -> Section:
    """The section."""
    return Section("words", "Words", (Facts(WORDS),))
