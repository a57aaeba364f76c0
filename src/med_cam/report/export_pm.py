"""The scores of a search as a DICOM Parametric Map (code DCM 130404, Saliency).

They are written when an explanation is made, and only if that was asked for: no test was made of
them, they are not saved in explanation.json, and nothing can compute them again without the
search. A map that was written is made again from itself.
"""

from io import BytesIO
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.errors import OutputError, first_line
from med_cam.images.dicom_image import DicomImage
from med_cam.images.geometry import Geometry
from med_cam.report.dicom_frames import as_single, refer_to_dimensions, refer_to_frame
from med_cam.report.dicom_said import (
    MODEL,
    Drawn,
    equipment,
    finished,
    parameters,
    version_of,
)
from med_cam.results.explanation import Explanation

NO_PLACE = (
    "does not say where it lies in the patient (frame of reference, position, orientation, "
    "spacing), which a Parametric Map has to"
)
UNTESTED = "Search scores, not tested; classifier evidence, not a diagnosis"
MEANING = "1: kept first by the search, 0: last; no share, no probability"


def has_place(image: DicomImage) -> bool:
    """Whether an image says where it lies, as the frames of a map have to (PS3.3 A.75)."""
    place = (image.frame_of_reference, image.position, image.orientation, image.spacing)
    return None not in place


def scores_of(found: Explanation, geometry: Geometry) -> Float[Tensor, "h w"] | None:
    """The scores of the search in the image's own pixels; None where nothing was searched.

    Each pixel has the score of the pixel of the classifier's input that its centre falls into, one
    that the classifier did not see the lowest.
    """
    if bool((found.soft == found.soft.min()).all()):
        return None
    return geometry.restore_scores(found.soft[None, None])


def scores_in(content: bytes) -> Float[Tensor, "h w"]:
    """The scores of a map that was written before."""
    import pydicom

    found = pydicom.dcmread(BytesIO(content))
    values = np.frombuffer(found.FloatPixelData, "<f4").reshape(found.Rows, found.Columns)
    return torch.from_numpy(values.copy())


def parametric_map(drawn: Drawn, scores: Float[Tensor, "h w"]) -> bytes:
    """The file: one frame of 32-bit floats in the place of the image.

    Raises:
        OutputError: the scores are of another size, or the image is of a kind that has no map.
    """
    result, source = drawn.result, drawn.source
    if tuple(scores.shape) != (size := (int(source.Rows), int(source.Columns))):
        raise OutputError(
            f"{result.folder} is of a part of its DICOM image, which has {size[0]} x {size[1]} "
            "pixels"
        )
    try:
        found = _drawn(drawn, scores)
    except (ValueError, AttributeError, LookupError, TypeError, RuntimeError) as error:
        raise OutputError(
            f"{result.folder} is of a DICOM image to which no parametric map can be made "
            f"({first_line(error)})"
        ) from error
    refer_to_frame(drawn, found)
    refer_to_dimensions(drawn, found, "dimensions of scores")
    _say_how(drawn, found)
    _say_where(source, found)
    return finished(found, result, title=UNTESTED)


def _drawn(drawn: Drawn, scores: Float[Tensor, "h w"]) -> Any:  # noqa: ANN401  of highdicom
    """The map as highdicom makes it, shown from 0 (black) to 1 (white)."""
    import highdicom as hd

    window = hd.VOILUTTransformation(
        window_center=0.5, window_width=1.0, voi_lut_function="LINEAR_EXACT"
    )
    return hd.pm.ParametricMap(
        source_images=[as_single(drawn)],
        pixel_array=scores.cpu().numpy().astype(np.float32)[None],
        manufacturer_model_name=MODEL,
        software_versions=version_of(drawn.result),
        device_serial_number="1",
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[_mapping()],
        voi_lut_transformations=[window],
        content_label="MED_CAM_SCORES",
        content_description=UNTESTED,
        **equipment(drawn.result, "pm"),
    )


def _mapping() -> Any:  # noqa: ANN401  of highdicom
    """What the values are: saliency as they stand, without a unit."""
    import highdicom as hd
    from pydicom.sr.codedict import codes

    return hd.pm.RealWorldValueMapping(
        lut_label="search scores",
        lut_explanation=MEANING,
        unit=codes.UCUM.NoUnits,
        value_range=(0.0, 1.0),
        slope=1,
        intercept=0,
        quantity_definition=codes.DCM.Saliency,
    )


def _say_how(drawn: Drawn, found: Any) -> None:  # noqa: ANN401  a pydicom Dataset
    """How the map came from its image, in words."""
    how = "; ".join(f"{key}: {value}" for key, value in parameters(drawn.result).items())
    words = f"{UNTESTED}. Med-CAM, label {drawn.result.explanation.label}; {how}"
    for frame in found.PerFrameFunctionalGroupsSequence:
        for derivation in frame.get("DerivationImageSequence", ()):
            derivation.DerivationDescription = words[:1024]


def _say_where(source: Any, found: Any) -> None:  # noqa: ANN401  pydicom Datasets
    """Of which part of the body: none is named, but dcmqi reads no map that does not say it."""
    import highdicom as hd
    from pydicom import Dataset
    from pydicom.sr.codedict import codes

    found.ContentCreatorName = ""
    anatomy, side = Dataset(), source.get("ImageLaterality") or source.get("Laterality")
    anatomy.AnatomicRegionSequence = [hd.sr.CodedConcept.from_code(codes.SCT.Tissue)]
    anatomy.FrameLaterality = side or "U"
    found.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
