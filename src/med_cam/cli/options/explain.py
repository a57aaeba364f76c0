"""The options of `med-cam explain`."""

from dataclasses import dataclass
from pathlib import Path

from med_cam.cli.options import classifier, inputs, mask, outputs, removals, settings


@dataclass(frozen=True, slots=True)
class ExplainOptions:
    """The options of `med-cam explain`."""

    images: inputs.Images = None
    model: classifier.Model = None
    target: classifier.Target = None
    contrast: classifier.Contrast = None
    references: inputs.References = None
    white: inputs.White = None
    window: inputs.Window = None
    frame: inputs.Frame = None
    slice: inputs.Slice = None
    region: inputs.Region = None
    tiles: inputs.Tiles = False
    mpp: inputs.Mpp = None
    slide_mpp: inputs.SlideMpp = None
    preset: settings.Preset = "default"
    config: settings.ConfigFile = None
    removal: removals.RemovalOrAuto = None
    audit: removals.AuditFile = None
    beside: removals.Beside = None
    seed: settings.Seed = None
    device: classifier.Device = "auto"
    alternatives: mask.Alternatives = None
    necessary_superset: mask.NecessarySuperset = False
    seeds: mask.Seeds = None
    patch: mask.Patch = None
    region_size: mask.RegionSize = None
    budget: mask.Budget = None
    out: outputs.Out = Path("med-cam-out")
    compare: outputs.Compare = None
    style: outputs.Style = "outline"
    existing: outputs.Existing = "keep"
    workers: settings.Workers = None
    shard: inputs.Shard = None
    no_source: outputs.NoSource = False
    keep_identity: outputs.KeepIdentity = False
    geojson: outputs.GeoJson = False
    coco: outputs.Coco = False
    nifti: outputs.Nifti = False
    pdf: outputs.Pdf = False
    phone: outputs.Phone = False
    dicom: outputs.Dicom = False
    dicom_scores: outputs.DicomScores = False
    verbose: outputs.Verbose = False
    debug: outputs.Debug = False
    trust: classifier.Trust = None
