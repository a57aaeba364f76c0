"""At which scale a classifier sees the region of a slide: a large one is fitted to its input."""

import math
from dataclasses import replace

from med_cam.classifiers.base import Classifier
from med_cam.images.image import Image

SAME = 0.05  # by so much scanners differ too


def unscaled(classifier: Classifier) -> tuple[int, int]:
    """Height and width of an image that the classifier sees pixel by pixel."""
    height, width = (
        math.floor(side / classifier.crop_share + 1e-6) for side in classifier.input_size
    )
    return height, width


def with_scale_said(classifier: Classifier, image: Image) -> Image:
    """The image, with a note if it is the region of a slide and is scaled for the classifier."""
    if image.slide is None:
        return image
    rows, columns = classifier.geometry(image).axes()
    factors = [axis.source / axis.scaled for axis in (rows, columns)]
    if all(abs(factor - 1) <= SAME for factor in factors):
        return image
    unit = "of its pixels to one" if image.slide.mpp is None else "microns per pixel"
    down, across = (factor * (image.slide.mpp or 1) for factor in factors)
    alike = abs(down / across - 1) <= SAME
    scale = f"{down:.3g}" if alike else f"{across:.3g} across and {down:.3g} down"
    how = "fitted" if max(factors) > 1 else "enlarged"
    note = (
        f"the region was read as {columns.source:,} x {rows.source:,} pixels and {how} to the "
        f"classifier's input, which shows it at {scale} {unit}; --tiles shows it as it was read"
    )
    return replace(image, notes=(*image.notes, note))
