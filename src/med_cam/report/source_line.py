"""Where a result came from in a line, as its pictures and pages have it."""

from collections.abc import Mapping
from typing import Any

from med_cam.images.dicom_image import numbered
from med_cam.report.manifest import SHOWN


def source_line(document: Mapping[str, Any]) -> str:
    """Image, classifier, version and day of a result, from its explanation.json."""
    version = f"med-cam {document['versions'].get('med-cam', '')}".strip()
    day = (document["created"] or "")[:10]
    parts = (image_named(document), document["classifier"]["name"], version, day)
    return " \u00b7 ".join(filter(None, parts))


def image_named(document: Mapping[str, Any]) -> str:
    """What an image is called; of DICOM without a name its numbers, else how its hash begins."""
    image = document["image"]
    if image["name"]:
        return str(image["name"])
    if (known := image["dicom"]) is not None:
        numbers = (known["series_number"], known["instance_number"], known["frame"])
        return numbered(known["modality"], *numbers)
    return f"image {document['sha256']['source'][:SHOWN]}"
