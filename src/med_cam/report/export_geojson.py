"""The regions as GeoJSON, in the form that QuPath reads and writes.

A FeatureCollection, one feature for each region: an `annotation` with `classification`,
`measurements` (numbers by name) and `metadata` (texts by name), as QuPath 0.4 and later have them.
Coordinates are pixels from the top left corner, x to the right and y down, as in QuPath; of a
region of a slide, and of a tile that QuPath named, pixels of the full resolution of the slide,
from where QuPath counts.
https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html
"""

import json
import uuid
from typing import Any

from med_cam.report import wording
from med_cam.report.outline import polygons
from med_cam.report.parts import Part, parts
from med_cam.report.result import Result
from med_cam.report.tile_name import TilePlace, place_of
from med_cam.results.explanation import Explanation

IDS = uuid.UUID("6f0a5d0e-6c1b-5e0b-9a52-6d65642d6361")  # under which ours are made


def geojson(result: Result) -> bytes:
    """The file, in UTF-8.

    Raises:
        OutputError: the name of a tile does not fit its size.
    """
    found, image = result.explanation, result.document["image"]
    place = place_of(image)
    features = [_feature(part, found, result.result_id, place) for part in parts(found)]
    whole = {"type": "FeatureCollection", "features": features}
    return f"{json.dumps(whole, ensure_ascii=False, allow_nan=False)}\n".encode()


def _feature(part: Part, found: Explanation, result_id: str, place: TilePlace) -> dict[str, Any]:
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(IDS, f"{result_id}/{part.name}")),
        "geometry": _geometry(part, place),
        "properties": {
            "objectType": "annotation",
            "name": f"{part.name}: {part.finding}",
            "classification": {"name": _class(part), "color": _rgb(part.color)},
            "isLocked": True,
            "measurements": _measurements(part, found),
            "metadata": _metadata(part, found, result_id),
        },
    }


def _geometry(part: Part, place: TilePlace) -> dict[str, Any]:
    from shapely import affinity
    from shapely.geometry import mapping, polygon

    across, down = place.scale
    outline = affinity.affine_transform(
        polygons(part.mask), (across, 0, 0, down, place.x, place.y)
    )
    several = [polygon.orient(one) for one in getattr(outline, "geoms", [outline])]
    rings = [_whole(mapping(one)["coordinates"]) for one in several]
    if len(rings) == 1:
        return {"type": "Polygon", "coordinates": rings[0]}
    return {"type": "MultiPolygon", "coordinates": rings}


def _whole(coordinates: Any) -> Any:  # noqa: ANN401  numbers at any depth
    """Whole numbers without a fraction, as short as they can be."""
    if isinstance(coordinates, float):
        return int(coordinates) if coordinates.is_integer() else coordinates
    return [_whole(one) for one in coordinates]


def _class(part: Part) -> str:
    """Of a region: what is not so is said where the outline is seen."""
    return f"Med-CAM {part.name}" + ("" if part.holds else " (NOT verified)")


def _rgb(color: str) -> list[int]:
    return list(bytes.fromhex(color.removeprefix("#")))


def _measurements(part: Part, found: Explanation) -> dict[str, int | float]:
    """Numbers of the region; those of the claim for the evidence only."""
    pixels = int(part.mask.count_nonzero())
    numbers: dict[str, int | float] = {
        "Med-CAM: pixels": pixels,
        "Med-CAM: share of the image": pixels / part.mask.numel(),
    }
    if part.name == "evidence":
        certificate = found.claim.certificate
        numbers["Med-CAM: probability of the label, image"] = found.before[found.target]
        numbers["Med-CAM: probability of the label, evidence"] = found.after[found.target]
        numbers["Med-CAM: warnings"] = len(found.claim.warnings)
        if certificate is not None:
            numbers["Med-CAM: retention rate at least"] = certificate.bound
    return {name: value for name, value in numbers.items() if value == value}


def _metadata(part: Part, found: Explanation, result_id: str) -> dict[str, str]:
    """Texts of the region; those of the claim for the evidence only."""
    texts = {"Label explained": part.label, "Finding": part.finding}
    if part.name == "evidence":
        texts["Status"] = found.status
        texts["Removal"] = wording.baselines(found.claim.searched)
        for number, warning in enumerate(found.claim.warnings, start=1):
            texts[f"Warning {number}"] = warning
    return texts | {"Note": wording.NOT_A_DIAGNOSIS, "Med-CAM result": result_id}
