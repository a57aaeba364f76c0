"""The figure of a result as a DICOM Secondary Capture, for whoever has no viewer of segments.

Below the figure stand the verdict and every warning in full: whoever sees the picture sees them.
"""

from io import BytesIO

import numpy as np
import PIL.Image

from med_cam.report.dicom_said import Drawn, equipment, finished
from med_cam.report.file_names import FIGURE_FILE
from med_cam.report.opening import content_of
from med_cam.report.warning_strip import strip

JPEG_2000_LOSSLESS = "1.2.840.10008.1.2.4.90"


def secondary_capture(drawn: Drawn) -> bytes | None:
    """The file, losslessly compressed; None where no figure was kept."""
    import highdicom as hd

    path = drawn.result.folder / FIGURE_FILE
    if not path.exists():
        return None
    with PIL.Image.open(BytesIO(content_of(path)), formats=("PNG",)) as picture:
        figure = np.asarray(picture.convert("RGB"))
    below = strip(drawn.result.explanation, width=figure.shape[1])
    pixels = np.concatenate([figure, below])
    found = hd.sc.SCImage.from_ref_dataset(
        ref_dataset=drawn.source,
        pixel_array=pixels,
        photometric_interpretation="YBR_RCT",
        bits_allocated=8,
        coordinate_system="PATIENT",
        patient_orientation=("L", "P"),
        transfer_syntax_uid=JPEG_2000_LOSSLESS,
        **equipment(drawn.result, "sc"),
    )
    found.BurnedInAnnotation = "NO"  # of the patient's identity
    found.PatientOrientation = []  # of a page with several pictures there is none
    found.Laterality = drawn.source.get("Laterality", "")
    del found.DateOfSecondaryCapture, found.TimeOfSecondaryCapture  # the content has a date
    return finished(found, drawn.result)
