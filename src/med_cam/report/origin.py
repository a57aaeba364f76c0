"""Where a result came from: image, classifier, settings, seed, software, device."""

from collections.abc import Mapping
from pathlib import Path

from med_cam.classifiers.base import Classifier
from med_cam.config import Config, as_table
from med_cam.images.geometry import Image
from med_cam.report.schema import Provenance


def provenance(
    image: Image,
    classifier: Classifier,
    config: Config,
    *,
    preset: str,
    software: Mapping[str, str],
) -> Provenance:
    """The origin of one result."""
    _, height, width = image.pixels.shape
    return Provenance(
        image_name=Path(image.path).name,
        image_sha256=image.sha256,
        image_size=(height, width),
        classifier=classifier.name,
        weights_sha256=classifier.sha256,
        input_size=classifier.input_size,
        rule=classifier.rule,
        config=as_table(config),
        seed=config.seed,
        preset=preset,
        versions=software,
        device=str(classifier.device),
    )
