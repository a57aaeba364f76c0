"""Where a result came from: image, classifier, settings, seed, software, device."""

from collections.abc import Mapping
from pathlib import Path

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Config
from med_cam.config.toml import as_table
from med_cam.images.geometry import Image
from med_cam.report.schema import Provenance


def provenance(  # noqa: PLR0913  a keyword for each fact
    image: Image,
    classifier: Classifier,
    config: Config,
    *,
    preset: str,
    software: Mapping[str, str],
    references: References | None = None,
    against: str = "",
) -> Provenance:
    """The origin of one result.

    Args:
        image: that was explained.
        classifier: that was asked.
        config: of the run.
        preset: that the settings started from, or "".
        software: versions by name.
        references: the other images, if there were any.
        against: label of the one class that the target was separated from, or "".
    """
    return Provenance(
        image_name=Path(image.path).name,
        image_sha256=image.sha256,
        classifier=classifier.name,
        weights_sha256=classifier.sha256,
        input_size=classifier.input_size,
        rule=classifier.rule,
        config=as_table(config),
        seed=config.seed,
        preset=preset,
        versions=software,
        device=str(classifier.device),
        references_sha256="" if references is None else references.sha256,
        against=against,
    )
