"""What is written, where, and what is kept out of it."""

from pathlib import Path
from typing import Annotated

from med_cam.cli.options.boxes import OUTPUT
from med_cam.cli.parameters import flag, option
from med_cam.config import rules

METHODS = (
    "grad_cam",
    "grad_cam_plus_plus",
    "attention_rollout",
    "rise",
    "extremal_perturbations",
)
GeoJson = Annotated[
    bool,
    flag(
        "--geojson",
        "Write the regions as polygons (export.geojson), in the form of QuPath.",
        OUTPUT,
    ),
]
Coco = Annotated[
    bool,
    flag("--coco", "Write the regions as COCO JSON with run lengths (export.coco.json).", OUTPUT),
]
Nifti = Annotated[
    bool,
    flag(
        "--nifti",
        "Of a slice of a NIfTI volume: write the evidence as a volume of the same shape and "
        "affine (export.nii.gz).",
        OUTPUT,
    ),
]
Pdf = Annotated[
    bool,
    flag(
        "--pdf",
        "Write a document for the reader of the case, in plain words (explanation.pdf).",
        OUTPUT,
    ),
]
Phone = Annotated[
    bool,
    flag(
        "--phone",
        "Write the figure for a phone too (export.phone.png): all below each other, in letters "
        "that are read at a width of 390 pixels.",
        OUTPUT,
    ),
]
Dicom = Annotated[
    bool,
    flag(
        "--dicom",
        "Of DICOM images: write the regions as DICOM SEG, the findings as SR and the figure as "
        "Secondary Capture (export.seg.dcm, export.sr.dcm, export.sc.dcm), with --pdf that too "
        "(export.pdf.dcm), in the image's study. They name the patient with --keep-identity only.",
        OUTPUT,
    ),
]
DicomScores = Annotated[
    bool,
    flag(
        "--dicom-scores",
        "As --dicom, and the scores of the search as a Parametric Map (export.pm.dcm), for "
        "research: they were not tested, and the mask is not where they are high. They are not "
        "saved elsewhere, so that kept results stay without them.",
        OUTPUT,
    ),
]
Debug = Annotated[
    bool, flag("--debug", "Show tracebacks of errors, and warnings of other libraries.", OUTPUT)
]
Out = Annotated[
    Path,
    option(
        "DIR",
        "Gets a folder per image with mask.png (white = evidence), evidence.png, figure.png, "
        "explanation.json and a copy of the image, which med-cam verify needs. Folders "
        "below a folder that was named are kept. table.csv and index.html have a line an "
        "image, explain.log how long it will take. The same command again goes on where it "
        "was stopped.",
        OUTPUT,
    ),
]
Compare = Annotated[
    str | None,
    option(
        "NAME,...",
        "Show beside the evidence what other methods show at equal area, with a first look at "
        f"whether that retains the prediction: {', '.join(METHODS)}. Grad-CAM and rollout "
        "take one pass, RISE 2,000, extremal perturbations 400 forward and backward. Kept "
        "results stay without it.",
        OUTPUT,
    ),
]
Style = Annotated[
    str,
    option(
        "outline|dimmed|evidence",
        "Of the figure. outline: image, evidence outlined, evidence alone. dimmed: the rest "
        "darker in the second picture. evidence: image and evidence alone. "
        "Figures of results that are kept stay as they are.",
        OUTPUT,
        allowed=rules.one_of("outline", "dimmed", "evidence"),
    ),
]
Existing = Annotated[
    str,
    option(
        "keep|redo|replace",
        "Of images that have a result in DIR. keep: a finished result of the same image, "
        "classifier, settings and versions is kept; if one was made otherwise, nothing is "
        "explained. redo: what was made otherwise is explained again. replace: all is. The "
        "result of another image is never replaced.",
        OUTPUT,
        allowed=rules.one_of("keep", "redo", "replace"),
    ),
]
NoSource = Annotated[
    bool,
    flag(
        "--no-source",
        "Keep of the image its SHA-256 and its size only. No copy of it, no evidence.png and "
        "no figure.png are written, and no name or path of its file: the folder is called as "
        "the SHA-256 begins. The masks are written. med-cam verify then needs --image.",
        OUTPUT,
    ),
]
KeepIdentity = Annotated[
    bool,
    flag(
        "--keep-identity",
        "Keep of DICOM files what they say of the patient: their copy is the file itself, and "
        "results are called as the files. Without it no name, ID or birth date from them is "
        "written, nor a name of their files: the copy has the pixels only, and folders are "
        "called by the numbers of series and image.",
        OUTPUT,
    ),
]
Verbose = Annotated[
    bool,
    option(
        "",
        "Below the line of each image: how it ended, every warning, what was tested.",
        OUTPUT,
        "--verbose",
        "-v",
        show_default=False,
    ),
]
