"""What explanation.json says of where a result came from: image, classifier, settings, device."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated

from med_cam.classifiers.identity import Identity
from med_cam.images.dicom_image import DicomImage
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.slide_region import SlideRegion
from med_cam.report.circumstances import Platform, Time
from med_cam.report.layout import Sha256
from med_cam.results.ranges import Count, Number, Positive, Share

Finite = Annotated[float, Number()]


@dataclass(frozen=True, slots=True)
class SourceImage:
    """The image that was explained.

    Attributes:
        name: file name, with the folders below the one that was named; null for an image made in
            memory, with `--no-source`, and of DICOM without `--keep-identity`.
        file: name of the copy beside this file: the image's own file, or `source.npy` for an image
            made in memory or cut from a larger one (channels, rows, columns; 32-bit floats in
            [0, 1]); of a slide `source.png`, the pixels of the region; of DICOM `source.png`, its
            pixels as they were read (grey with 16 bits; of
            colour with more than 8 `source.npy`), with `--keep-identity` the file itself,
            `source.dcm`; null with `--no-source`.
        height: rows of pixels, as in `mask.png`.
        width: columns of pixels, as in `mask.png`.
        white: what was declared white (`--white`, or `white` of the classifier) when files of more
            than 8 bits were read: a grey value, or `file` for the highest that a file can hold;
            null if nothing was declared.
        window: the window that was asked for (`--window`) when DICOM files were read, the
            reference images among them; null if none was.
        frame: the frame that was asked for (`--frame`); null if none was.
        dicom: what the file says of itself, nothing of the patient; null of other files.
        slice: the slice of a NIfTI volume that was asked for (`--slice`), as `axial=80`; null if
            none was.
        nifti: where the slice lies in its volume; null of other files.
        region: the region of a slide that was asked for (`--region`, or a tile of `--tiles`): x,
            y, width and height in pixels of its full resolution; null if none was.
        mpp: microns per pixel that were asked for (`--mpp`); null if none were.
        slide_mpp: microns per pixel of the slide's full resolution that were declared
            (`--slide-mpp`); null if none were.
        slide: where the region lies in its slide, and how it was read; null of other files.
        notes: what a reader must know of how the file was read; each is a warning of the claim.
    """

    name: str | None
    file: str | None
    height: Positive
    width: Positive
    white: str | None = None
    window: str | None = None
    frame: Positive | None = None
    dicom: DicomImage | None = None
    slice: str | None = None
    nifti: NiftiSlice | None = None
    region: tuple[Count, Count, Positive, Positive] | None = None
    mpp: Finite | None = None
    slide_mpp: Finite | None = None
    slide: SlideRegion | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExplainedClassifier:
    """The classifier that was explained: with the same, every answer is the same.

    In a result of version 1.1 everything is null that is new since.

    Attributes:
        name: its name.
        contrast: the one class that the target is separated from; null if it is all others.
        input_size: height and width that it takes.
        resize: how the image was brought to that size: `squash`, `crop` or `pad`.
        architecture: with its kind, as in `timm:resnet18`; the name of its class if it was built
            in memory.
        arguments: keyword arguments that the architecture was built with.
        labels: names of its outputs, in order; also where `contrast` leaves two of them.
        channels: that it takes, 1 or 3.
        mean: of each channel, taken off in the normalisation.
        std: of each channel, divided by in the normalisation.
        value_range: what white is before the normalisation.
        interpolation: how pixels between pixels are computed: `nearest`, `bilinear`, `bicubic` or
            `area`.
        antialias: whether bilinear and bicubic heed all pixels of what is shrunk, as Pillow does;
            false: as OpenCV does.
        channel_order: `rgb` or `bgr`, in which the network takes channels, mean and std.
        standardise: `dataset` (by mean and std); `image` or `channel`: each input by its own.
        crop_share: share of the resized shortest side that a centre crop keeps.
        head: `softmax` or `sigmoid`.
        outputs: what its module returns: `logits`, or `probabilities` that are read as such.
        thresholds: for sigmoid heads, the decision threshold of each output.
        hooked_layers: names of the modules whose activations are matched.
        weights: SHA-256 of every weights file that was read, by file name: also parts of a
            classifier in several files, and external data.
        source_files: SHA-256 of the other files that were read, by name: a factory's module and
            those that it imports from its folder, the settings in a Hugging Face folder.
        state: SHA-256 of names, types, shapes and values of all parameters and buffers, if there
            was no weights file; else null.
    """

    name: str
    contrast: str | None
    input_size: tuple[Positive, Positive]
    resize: str
    architecture: str | None
    arguments: Mapping[str, object] | None
    labels: tuple[str, ...] | None
    channels: Positive | None
    mean: tuple[Finite, ...] | None
    std: tuple[Finite, ...] | None
    value_range: Finite | None
    interpolation: str | None
    antialias: bool | None
    channel_order: str | None
    standardise: str | None
    crop_share: Share | None
    head: str | None
    outputs: str | None
    thresholds: tuple[Share, ...] | None
    hooked_layers: tuple[str, ...] | None
    weights: Mapping[str, Sha256] | None
    source_files: Mapping[str, Sha256] | None
    state: Sha256 | None


@dataclass(frozen=True, slots=True)
class Hashes:
    """SHA-256 of files.

    Attributes:
        image: of the image file; null for an image made in memory.
        source: of `image.file`, the copy beside this file; with `--no-source` of what it would
            be, of DICOM then of the image file.
        mask: of `mask.png`.
        weights: of the weights file; null if there was none.
        reference_images: of the reference images; null if there were none.
        environment: of `environment.txt`, every installed package with its version, as `pip
            freeze` says it; null for a result that was written before there was one.
    """

    image: Sha256 | None
    source: Sha256
    mask: Sha256
    weights: Sha256 | None
    reference_images: Sha256 | None
    environment: Sha256 | None


@dataclass(frozen=True, slots=True)
class Origin:
    """What explanation.json says of the origin of a result.

    Attributes:
        seed: seed of the run.
        preset: preset that the settings started from; null if none.
        image: the image that was explained.
        classifier: the classifier that was explained.
        sha256: SHA-256 of files, in hexadecimal.
        config: every setting of the run. Its fields are those of `med_cam.Config` and not part of
            this format.
        versions: version of each piece of software that took part, by name.
        device: where the classifier ran, as `cpu` or `cuda:0`.
        manifest: name of the file beside this one that lists every file of the result with its
            SHA-256; null for a result that was written before there was one.
        created: when the result was made, in UTC; null if it was not saved.
        command: the command with the options that were given to it, those at their default left
            out, and without the images, of which the file of the run tells; null if the result was
            made from Python. With `--no-source` names of files and folders are `...`.
        platform: what the result was made on; null if it was not saved.
        references_left_out: how many files of the folder of reference images could not be read:
            none of them took part.
    """

    seed: int
    preset: str | None
    image: SourceImage
    classifier: ExplainedClassifier
    sha256: Hashes
    config: Mapping[str, object]
    versions: Mapping[str, str]
    device: str
    manifest: str | None
    created: Time | None
    command: tuple[str, ...] | None
    platform: Platform | None
    references_left_out: Count = 0


def explained(identity: Identity, *, name: str, contrast: str = "") -> ExplainedClassifier:
    """What is written of a classifier."""
    known = {field.name: getattr(identity, field.name) for field in fields(Identity)}
    return ExplainedClassifier(name=name, contrast=contrast or None, **known)
