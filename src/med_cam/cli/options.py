"""Every option of the command line, once: its name, type, default, help and range are one field.

A command is made from its dataclass; the field `necessary_superset` is `--necessary-superset`, a
name in `Was` still works and is not shown. None is "choose for me" throughout. Nothing heavy is
imported here: `--help` reads this file.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from med_cam.cli.parameters import Was, flag, option
from med_cam.config import rules
from med_cam.config.baselines import FEATHERED, FOLDER, HARD, INSIDE
from med_cam.config.presets import PRESETS
from med_cam.config.rules import SEEDS, none_or, whole

INPUT, SETTINGS, OUTPUT = "Input", "Settings", "Output"  # the boxes that help sorts options into
TESTS, CERTIFICATE = "Further tests", "A new certificate"

STUDIES = ("bach", "ham10000", "idrid", "brain-mri", "lc25000")
METHODS = ("grad_cam", "attention_rollout", "rise", "extremal_perturbations")
DEFAULTS = PRESETS["default"]


def seed_option(text: str, panel: str = SETTINGS) -> Any:  # noqa: ANN401  typer says so
    """A seed, in the range that generators take."""
    return option("N", text, panel, allowed=whole(0, SEEDS - 1))


def references_option(text: str) -> Any:  # noqa: ANN401  typer says so
    """A folder of reference images."""
    return option("FOLDER", f"{text} The bundled classifier has its own.", INPUT)


Images = Annotated[list[Path] | None, typer.Argument(metavar="IMAGE|FOLDER", hidden=True)]
Model = Annotated[
    str | None,
    option(
        "CLASSIFIER",
        "The classifier: a folder with classifier.toml and weights, a Hugging Face folder, or an "
        "ONNX, TorchScript or torch.export file. Default: the bundled brain-mri (MRI of the "
        "head).",
        INPUT,
    ),
]
White = Annotated[
    str | None,
    option(
        "VALUE",
        "The grey value that is white in files of more than 8 bits, as in 4095 for 12 bits kept "
        "in 16; file: the highest that the file can hold. Default: white of the classifier, else "
        "what the file says; files of which less than an eighth is used are refused then.",
        INPUT,
    ),
]
Window = Annotated[
    str | None,
    option(
        "CENTRE,WIDTH|N",
        "Of DICOM and NIfTI files of grey values: the window in which they are read, its centre "
        "and its width in the units of the image, as in 300,2000 for bone in CT; or which of the "
        "file's own windows, as in 2. Default: the first of the file. CT that names none is "
        "refused.",
        INPUT,
    ),
]
Frame = Annotated[
    int | None,
    option(
        "N",
        "Of DICOM files with several frames: which one, from 1. Without it they are refused.",
        INPUT,
        allowed=whole(1, 1_000_000),
    ),
]
Slice = Annotated[
    str | None,
    option(
        "AXIS=INDEX",
        "Of NIfTI volumes: which slice, as in axial=80, coronal=80, sagittal=80, or by the number "
        "of the axis, 2=80; both from 0. Without it they are refused.",
        INPUT,
    ),
]
Region = Annotated[
    str | None,
    option(
        "X,Y,W,H",
        "Of slides: which region, its left and upper edge, width and height in pixels of the full "
        "resolution, as in 20000,12000,2048,2048. With --tiles: the region that is cut.",
        INPUT,
    ),
]
Tiles = Annotated[
    bool,
    flag(
        "--tiles",
        "Of slides: cut each, or the --region of it, into tiles of the size that the classifier "
        "takes, leave out those that show empty glass, and explain each of the others by itself.",
        INPUT,
    ),
]
Mpp = Annotated[
    float | None,
    option(
        "MICRONS",
        "Of slides: microns per pixel at which a region or tile is read, as in 0.5: those that "
        "the classifier was trained at. Default: the slide's full resolution.",
        INPUT,
        allowed=rules.number(0.01, 1000.0),
    ),
]
SlideMpp = Annotated[
    float | None,
    option(
        "MICRONS",
        "Of slides: microns per pixel of their full resolution, where the file does not say them "
        "or says them wrong, as in 0.25.",
        INPUT,
        allowed=rules.number(0.01, 1000.0),
    ),
]
Trust = Annotated[
    list[str] | None,
    option(
        "PACKAGE|FILE.py",
        "An installed Python package that a classifier's factory may come from, or a Python file "
        "that a removal of your own is in. Its code is then run. Can be given several times. "
        "Without it only Python files in the classifier's own folder run.",
        INPUT,
    ),
]
Preset = Annotated[
    str, option("NAME", f"The settings to start from: {', '.join(PRESETS)}.", SETTINGS)
]
ConfigFile = Annotated[
    Path | None,
    option("FILE.toml", "Your own settings. They replace those of the preset.", SETTINGS),
]
USUAL = ",".join(DEFAULTS.verification.baselines)
HOW_HIDDEN = (
    "How the rest of the image is hidden: what is painted there, or a removal inside the "
    f"network ({' and '.join(sorted(INSIDE, reverse=True))}). All claims are relative to "
    f"these. Choose from {', '.join(HARD)}; {FEATHERED}NAME of what is painted has a soft edge. "
    f"Your own: {FOLDER}PATH, a folder of images, or FILE.py:FUNCTION, which needs --trust."
)
Removals = Annotated[
    str | None,
    option("NAME,...", f"{HOW_HIDDEN} Default: {USUAL}.", SETTINGS),
    Was("--baselines"),
    Was("--backgrounds"),
]
Seed = Annotated[
    int | None, seed_option("The same seed on the same machine gives the same mask. Default: 0.")
]
Device = Annotated[
    str,
    option(
        "NAME",
        "Where to compute: auto, cpu, cuda or cuda:N. auto uses a GPU if there is one.",
        SETTINGS,
    ),
]
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
Debug = Annotated[
    bool, flag("--debug", "Show tracebacks of errors, and warnings of other libraries.", OUTPUT)
]
Study = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help=f"The data set: {', '.join(STUDIES)}.", show_default=False
    ),
]
Root = Annotated[
    Path,
    option(
        "DIR",
        "The folder with the unpacked data set, as its provider distributes it.",
        INPUT,
        exists=True,
    ),
]


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """The options of `med-cam explain`."""

    images: Images = None
    model: Model = None
    target: Annotated[
        str | None,
        option(
            "LABEL",
            "The label to explain. Default: the label that the classifier predicts.",
            INPUT,
        ),
    ] = None
    contrast: Annotated[
        str | None,
        option(
            "LABEL",
            "Contrastive explanation: show only what separates the target from this one label. "
            "The classifier then decides between these two labels only.",
            INPUT,
        ),
        Was("--against"),
    ] = None
    references: Annotated[
        Path | None,
        references_option(
            "Reference images, of any label, for the shape leakage test: the mask laid over them "
            "must not produce the label. Without any, the shuffled pixels of the image itself are "
            "used, which is a weaker test."
        ),
    ] = None
    white: White = None
    window: Window = None
    frame: Frame = None
    slice: Slice = None
    region: Region = None
    tiles: Tiles = False
    mpp: Mpp = None
    slide_mpp: SlideMpp = None
    preset: Preset = "default"
    config: ConfigFile = None
    removal: Annotated[
        str | None,
        option(
            "auto|NAME,...",
            f"{HOW_HIDDEN} auto: chosen once for the classifier by a fixed rule, from an audit "
            f"or on the reference images, and said. Default: auto for a classifier of yours "
            f"(--model), {USUAL} for the bundled one, what they name under --config and other "
            "presets.",
            SETTINGS,
        ),
        Was("--baselines"),
        Was("--backgrounds"),
    ] = None
    audit: Annotated[
        Path | None,
        option(
            "FILE",
            "The audit.json of the classifier that --removal auto goes by. Default: the one "
            "beside its classifier.toml, else the one in the folder of results, else it is "
            "measured on the reference images. One of another classifier is not taken.",
            SETTINGS,
        ),
    ] = None
    beside: Annotated[
        str | None,
        option(
            "NAME,...",
            "A second claim over these, beside the first: both areas are reported. As in --beside "
            f"{FEATHERED}others: is a region sufficient among other patients' images too?",
            TESTS,
        ),
    ] = None
    seed: Seed = None
    device: Device = "auto"
    alternatives: Annotated[
        int | None,
        option(
            "K",
            "Search for up to K further masks. Each is sufficient and shares no pixel with the "
            "others: other reasons for the same prediction.",
            TESTS,
            allowed=rules.alternatives,
        ),
    ] = None
    necessary_superset: Annotated[
        bool,
        flag(
            "--necessary-superset",
            "If removing the evidence does not change the prediction, search for a larger mask "
            "whose removal does.",
            TESTS,
        ),
        Was("--necessary"),
    ] = False
    seeds: Annotated[
        int | None,
        option(
            "N",
            "Explain with N seeds and compare the masks (agreement.png).",
            TESTS,
            allowed=rules.seeds,
        ),
    ] = None
    patch: Annotated[
        int | None,
        option(
            "PIXELS",
            "Make the mask of square patches in place of the image's own regions. Their side, in "
            "pixels of the model input. Patches are removed from the mask until every remaining "
            "one is needed. Smaller patches find smaller masks and take longer. 0: remove none.",
            TESTS,
            allowed=rules.patch,
        ),
        Was("--cell"),
    ] = None
    region_size: Annotated[
        int | None,
        option(
            "PIXELS",
            "Size of the regions that the mask is made of; their borders follow the image's "
            "edges. Side of a square of their mean area, in pixels of the model input. Default: "
            f"{DEFAULTS.certification.patch}, smaller for small images.",
            TESTS,
            allowed=rules.region,
        ),
    ] = None
    budget: Annotated[
        int | None,
        option(
            "PASSES",
            "Passes of an image through the classifier, forward and backward, after which its "
            "mask is not made smaller any more, nor a further one tried; what was found is tested "
            "all the same. Weaker and further claims come on top, each with the same limit. "
            f"0: none. Default: {DEFAULTS.certification.budget}; with --patch none.",
            TESTS,
            allowed=rules.budget,
        ),
    ] = None
    out: Annotated[
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
    ] = Path("med-cam-out")
    compare: Annotated[
        str | None,
        option(
            "NAME,...",
            "Show beside the evidence what other methods show at equal area, with a first look at "
            f"whether that retains the prediction: {', '.join(METHODS)}. Grad-CAM and rollout "
            "take one pass, RISE 2,000, extremal perturbations 400 forward and backward. Kept "
            "results stay without it.",
            OUTPUT,
        ),
    ] = None
    style: Annotated[
        str,
        option(
            "outline|dimmed|evidence",
            "Of the figure. outline: image, evidence outlined, evidence alone. dimmed: the rest "
            "darker in the second picture. evidence: image and evidence alone. "
            "Figures of results that are kept stay as they are.",
            OUTPUT,
            allowed=rules.one_of("outline", "dimmed", "evidence"),
        ),
    ] = "outline"
    existing: Annotated[
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
    ] = "keep"
    workers: Annotated[
        int | None,
        option(
            "N",
            "Explain N images at a time, each in a process of its own with one thread of torch. "
            "The results are those of one. Default: one image at a time, with all threads.",
            SETTINGS,
            allowed=whole(1, 256),
        ),
    ] = None
    shard: Annotated[
        str | None,
        option(
            "I/N",
            "Explain the I-th of N parts of the images only, as in 1/4, for several machines "
            "into one DIR or into one each. The parts are disjoint and together all images.",
            INPUT,
        ),
    ] = None
    no_source: Annotated[
        bool,
        flag(
            "--no-source",
            "Keep of the image its SHA-256 and its size only. No copy of it, no evidence.png and "
            "no figure.png are written, and no name or path of its file: the folder is called as "
            "the SHA-256 begins. The masks are written. med-cam verify then needs --image.",
            OUTPUT,
        ),
    ] = False
    keep_identity: Annotated[
        bool,
        flag(
            "--keep-identity",
            "Keep of DICOM files what they say of the patient: their copy is the file itself, and "
            "results are called as the files. Without it no name, ID or birth date from them is "
            "written, nor a name of their files: the copy has the pixels only, and folders are "
            "called by the numbers of series and image.",
            OUTPUT,
        ),
    ] = False
    geojson: GeoJson = False
    coco: Coco = False
    nifti: Nifti = False
    pdf: Pdf = False
    phone: Phone = False
    dicom: Dicom = False
    verbose: Annotated[
        bool,
        option(
            "",
            "Below the line of each image: how it ended, every warning, what was tested.",
            OUTPUT,
            "--verbose",
            "-v",
            show_default=False,
        ),
    ] = False
    debug: Debug = False
    trust: Trust = None


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """The options of `med-cam verify`; None is "as it was explained"."""

    folders: Annotated[list[Path], typer.Argument(metavar="DIR", hidden=True)]
    model: Model = None
    references: Annotated[
        Path | None,
        references_option("The same reference images that the explanations were made with."),
    ] = None
    image: Annotated[
        list[Path] | None,
        option(
            "FILE|FOLDER",
            "The image, for a result made with --no-source, or a folder with the images of many; "
            "may be given several times. Each result takes the one that has its SHA-256.",
            INPUT,
        ),
    ] = None
    removal: Annotated[
        str | None,
        option("NAME,...", "Hide the rest so instead of as saved.", CERTIFICATE),
        Was("--baselines"),
        Was("--backgrounds"),
    ] = None
    samples: Annotated[
        int | None,
        option(
            "N",
            "How many random samples, over all random baselines. If all of 299 retain the "
            "prediction, a retention rate of 99% is certified with 95% confidence.",
            CERTIFICATE,
            allowed=whole(1, 10_000),
        ),
        Was("--draws"),
    ] = None
    confidence: Annotated[
        float | None,
        option(
            "C",
            "Confidence of the bounds, as in 0.95. Default: as saved.",
            CERTIFICATE,
            allowed=rules.confidence,
        ),
    ] = None
    seed: Annotated[
        int | None, seed_option("Use other random samples than the explanation did.", CERTIFICATE)
    ] = None
    batch: Annotated[
        int,
        option(
            "N",
            "Masked inputs per pass of the classifier. This does not change the verdicts.",
            SETTINGS,
            allowed=whole(1, 1024),
        ),
    ] = 1
    device: Device = "auto"
    debug: Debug = False
    trust: Trust = None


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """The options of `med-cam export`."""

    folders: Annotated[list[Path], typer.Argument(metavar="DIR", hidden=True)]
    geojson: GeoJson = False
    coco: Coco = False
    nifti: Nifti = False
    pdf: Pdf = False
    phone: Phone = False
    dicom: Dicom = False
    image: Annotated[
        list[Path] | None,
        option(
            "FILE|FOLDER",
            "For --dicom: the DICOM file, or a folder with those of many; may be given several "
            "times. Each result takes the one that has its SHA-256. A result made with "
            "--keep-identity has its own.",
            INPUT,
        ),
    ] = None
    keep_identity: Annotated[
        bool,
        flag(
            "--keep-identity",
            "For --dicom: the objects name the patient as the image does, which a PACS needs to "
            "file them with it. Without it they have no name, no ID and no birth date.",
            OUTPUT,
        ),
    ] = False
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of `med-cam report`."""

    results: Annotated[Path, typer.Argument(metavar="DIR", hidden=True)]
    labels: Annotated[
        Path | None,
        option(
            "FILE.csv",
            "The labels that are right, with columns image and label: misread images come first. "
            "Default: the folder that an image lies in, if it is called as a label.",
            INPUT,
        ),
    ] = None
    audit: Annotated[
        Path | None,
        option("FILE", "The audit.json of the classifier; its sentences stand above.", INPUT),
    ] = None
    out: Annotated[
        Path | None, option("FILE.html", "The page. Default: report.html in DIR.", OUTPUT)
    ] = None
    debug: Debug = False


Labels = Annotated[
    Path | None,
    option(
        "FILE.csv",
        "The labels that are right, with columns image and label. Default: the folder that an "
        "image lies in, if it is called as a label.",
        INPUT,
    ),
]


@dataclass(frozen=True, slots=True)
class DossierOptions:
    """The options of `med-cam dossier`."""

    results: Annotated[Path, typer.Argument(metavar="DIR", hidden=True)]
    labels: Labels = None
    meta: Annotated[
        Path | None,
        option(
            "FILE.toml",
            "What the owner of the classifier states of it: purpose, users, population and more. "
            "What is not in it is called not stated.",
            INPUT,
        ),
    ] = None
    audit: Annotated[
        Path | None,
        option(
            "FILE", "The audit.json of the classifier, as med-cam audit --out writes it.", INPUT
        ),
    ] = None
    outlines: Annotated[
        Path | None,
        option(
            "DIR",
            "Outlines by people: pictures of the images' size, called as the images, white "
            "inside.",
            INPUT,
        ),
    ] = None
    verify: Annotated[
        Path | None,
        option("FILE", "What med-cam verify printed of these results, kept in a file.", INPUT),
    ] = None
    seed: Annotated[int, seed_option("Of the bootstraps that some intervals come from.")] = 0
    out: Annotated[
        Path | None, option("FILE.html", "The page. Default: dossier.html in DIR.", OUTPUT)
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """The options of `med-cam compare`."""

    before: Annotated[Path, typer.Argument(metavar="DIR_A", hidden=True)]
    after: Annotated[Path, typer.Argument(metavar="DIR_B", hidden=True)]
    labels: Labels = None
    out: Annotated[
        Path | None,
        option(
            "FILE.html",
            "The page; the table of all images lies beside it as .csv. Default: compare.html in "
            "DIR_B.",
            OUTPUT,
        ),
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class AuditOptions:
    """The options of `med-cam audit`."""

    images: Images = None
    model: Model = None
    references: Annotated[
        Path | None,
        references_option(
            'Reference images for the recommended removal and for the baseline "others"; '
            "without any, both are left out."
        ),
    ] = None
    samples: Annotated[
        int,
        option(
            "N",
            "Random samples per image: of noise, of shapes, of hidden patches.",
            SETTINGS,
            allowed=whole(1, 1000),
        ),
        Was("--draws"),
    ] = 8
    seed: Annotated[
        int, seed_option("The same seed on the same machine gives the same numbers.")
    ] = 0
    device: Device = "auto"
    out: Annotated[
        Path | None,
        option(
            "DIR",
            "Gets audit.json (all numbers, hashes of classifier and images, versions) and "
            "audit.md. Earlier ones are replaced. Without this option nothing is written.",
            OUTPUT,
        ),
    ] = None
    white: White = None
    window: Window = None
    frame: Frame = None
    slice: Slice = None
    debug: Debug = False
    trust: Trust = None


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """The options of `med-cam data check`."""

    study: Study
    root: Root
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """The options of `med-cam train`; None is "as the recipe has it"."""

    study: Study
    root: Root
    out: Annotated[
        Path,
        option(
            "CLASSIFIER",
            "Gets classifier.toml, model.safetensors, model-card.md, measured.json, training.csv "
            "and checkpoints/.",
            OUTPUT,
        ),
    ]
    recipe: Annotated[
        str | None,
        option(
            "NAME",
            "bach, ham10000 and idrid have paper (the paper's architecture), small (the same "
            "trained from scratch, small enough for a CPU) and light (DeiT-Tiny or MobileNetV2). "
            "ham10000 also has start (a ResNet-18 to initialise idrid's with). brain-mri has "
            "robust and plain, lc25000 has light. Default: the first one named.",
            SETTINGS,
        ),
    ] = None
    init: Annotated[
        str,
        option(
            "timm|random|FILE",
            "Initial weights: timm's pretrained ones (needs a network once), random ones, or a "
            "weights file with timm's names.",
            SETTINGS,
        ),
    ] = "timm"
    emptiness: Annotated[
        bool | None,
        typer.Option(
            "--emptiness/--no-emptiness",
            help="Train also on masked images and on baselines alone, so that the classifier has "
            "no confident prediction where nothing is visible. Default: as in the recipe.",
            show_default=False,
            rich_help_panel=SETTINGS,
        ),
    ] = None
    epochs: Annotated[
        int | None,
        option("N", "At most N epochs in each stage.", SETTINGS, allowed=whole(1, 10_000)),
    ] = None
    device: Device = "auto"
    seed: Annotated[
        int | None,
        seed_option("Added to the seed of each stage: another seed gives other weights."),
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class ReproduceOptions:
    """The options of `med-cam reproduce`."""

    study: Study
    root: Root
    out: Annotated[
        Path, option("DIR", "Gets figure, tables, report.html, images/ and maps/.", OUTPUT)
    ]
    model: Annotated[
        str | None,
        option(
            "CLASSIFIER",
            "A classifier of this data set, as med-cam train writes it. Default for brain-mri: "
            "the bundled one.",
            INPUT,
        ),
    ] = None
    images: Annotated[
        int,
        option(
            "N", "How many images of each class to explain.", SETTINGS, allowed=whole(1, 10**6)
        ),
    ] = 4
    tiles: Annotated[
        int,
        option(
            "PIXELS",
            "Explain large images in tiles with sides of about this length, and stitch their "
            "evidence. For classifiers that were trained on such tiles. 0: whole images.",
            SETTINGS,
            allowed=none_or(16, 2**16),
        ),
    ] = 0
    preset: Preset = "default"
    config: ConfigFile = None
    removal: Removals = None
    seed: Seed = None
    device: Device = "auto"
    debug: Debug = False
    trust: Trust = None
