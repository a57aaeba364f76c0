"""What a run knows of the origin of a result, and how it becomes what explanation.json says."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jaxtyping import Bool
from torch import Tensor

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import Identity, identity_of
from med_cam.config.settings import Config
from med_cam.config.toml import as_table
from med_cam.images.dicom_image import DicomImage
from med_cam.images.image import Image
from med_cam.images.nifti_slice import NiftiSlice
from med_cam.images.part import WHOLE, Part, window_text
from med_cam.images.slide_region import SlideRegion
from med_cam.images.white import White, white_text
from med_cam.report.circumstances import Circumstances, circumstances
from med_cam.report.file_names import MANIFEST_FILE
from med_cam.report.layout import sha256_of
from med_cam.report.origin import Hashes, Origin, SourceImage, explained
from med_cam.report.source import Source


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a result has to say of its origin besides the explanation itself.

    `Origin` says what each is; "" for one that there is not.
    """

    image_name: str
    image_sha256: str
    classifier: str
    weights_sha256: str
    identity: Identity
    config: Mapping[str, object]
    seed: int
    preset: str
    versions: Mapping[str, str]
    device: str
    made: Circumstances
    references_sha256: str = ""
    contrast: str = ""
    white: White = None
    part: Part = WHOLE
    dicom: DicomImage | None = None
    nifti: NiftiSlice | None = None
    slide: SlideRegion | None = None
    notes: tuple[str, ...] = ()
    references_left_out: int = 0


def provenance(  # noqa: PLR0913  a keyword for each fact
    image: Image,
    classifier: Classifier,
    config: Config,
    *,
    preset: str,
    software: Mapping[str, str],
    references: References | None = None,
    contrast: str = "",
    image_name: str = "",
    command: Sequence[str] | None = None,
) -> Provenance:
    """The origin of one result.

    Args:
        image: that was explained.
        classifier: that was explained.
        config: of the run.
        preset: that the settings started from, or "".
        software: versions by name.
        references: the reference images, if there were any.
        image_name: of the image, where it is more than its file's name; "" is that, of DICOM
            none, as it may be the patient's.
        contrast: label of the one class that the target was separated from, or "".
        command: that makes it, if one does.
    """
    return Provenance(
        image_name=image_name or ("" if image.dicom else Path(image.path).name),
        image_sha256=image.sha256,
        classifier=classifier.name,
        weights_sha256=classifier.sha256,
        identity=identity_of(classifier),
        config=as_table(config),
        seed=config.seed,
        preset=preset,
        versions=software,
        device=str(classifier.device),
        made=circumstances(command),
        references_sha256="" if references is None else references.sha256,
        contrast=contrast,
        white=image.white,
        part=image.part,
        dicom=image.dicom,
        nifti=image.nifti,
        slide=image.slide,
        notes=image.notes,
        references_left_out=0 if references is None else references.left_out,
    )


def origin_of(found: Provenance, source: Source, mask: Bool[Tensor, "h w"]) -> Origin:
    """What is written, beside the copy of the image and the mask of the explanation."""
    height, width = mask.shape
    made = found.made
    return Origin(
        seed=found.seed,
        preset=found.preset or None,
        image=SourceImage(
            found.image_name or None,
            source.name or None,
            height,
            width,
            white=white_text(found.white),
            window=window_text(found.part.window),
            frame=found.part.frame,
            dicom=found.dicom,
            slice=found.part.slice,
            nifti=found.nifti,
            region=found.part.region,
            mpp=None if found.part.mpp is None else float(found.part.mpp),
            slide_mpp=None if found.part.slide_mpp is None else float(found.part.slide_mpp),
            slide=found.slide,
            notes=found.notes,
        ),
        classifier=explained(found.identity, name=found.classifier, contrast=found.contrast),
        sha256=Hashes(
            image=found.image_sha256 or None,
            source=source.sha256,
            mask=sha256_of(mask),
            weights=found.weights_sha256 or None,
            reference_images=found.references_sha256 or None,
            environment=hashlib.sha256(made.environment.encode()).hexdigest(),
        ),
        config=found.config,
        versions=found.versions,
        device=found.device,
        manifest=MANIFEST_FILE,
        created=made.created,
        command=made.command,
        platform=made.platform,
        references_left_out=found.references_left_out,
    )
