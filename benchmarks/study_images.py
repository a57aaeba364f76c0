"""Which images benchmarks explain: nobody's choice, and none that ships with the package."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from med_cam.classifiers.bundled import bundled_references, bundled_samples
from med_cam.images.find import find_images
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import sha256_of
from med_cam_studies.evaluation.reproduce import chosen, reference_items
from med_cam_studies.training.catalogue import STUDIES


@dataclass(frozen=True)
class Images:
    """Images to explain, and reference images: the bundled ones if there are none."""

    items: Sequence[Item]
    classes: Sequence[str]
    references: Sequence[Path] = ()


def study_images(name: str, root: Path, **most: int) -> Images:
    """Those of a study's test set, see `in_turn`, with reference images of its validation set."""
    study = STUDIES[name]
    splits = study.split(study.collect(root).items)
    references = [item.path for item in reference_items(splits.validation)]
    return Images(in_turn(splits.testing, **most), study.classes, references)


def brain_mri_images(root: Path, per_class: int) -> Images:
    """Those of Brain Tumor MRI, with the bundled reference images."""
    found = study_images("brain-mri", root, per_class=per_class)
    return Images(found.items, found.classes)


def in_turn(
    items: Sequence[Item], *, per_class: int | None = None, most: int | None = None
) -> list[Item]:
    """The first image of each class by SHA-256 of the file, then the second of each."""
    with bundled_samples() as samples, bundled_references() as references:
        shipped = {sha256_of(path) for path in (*samples, *find_images([references]))}
    apart = [item for item in items if sha256_of(item.path) not in shipped]
    order = chosen(apart, per_class or len(apart))
    labels = sorted({item.label for item in order})
    by_class = [[item for item in order if item.label == label] for label in labels]
    turns = zip_longest(*by_class)
    return [item for turn in turns for item in turn if item is not None][:most]
