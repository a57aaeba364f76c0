"""`med-cam explain`, one image: from its file to its result folder."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from med_cam.case.references import References, relabelled
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.pairwise import pairwise
from med_cam.classifiers.slide_scale import with_scale_said
from med_cam.cli.command_line import command_line
from med_cam.cli.export import asked
from med_cam.cli.job import Job
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.private import Place, is_nameless, place_of, shown_name
from med_cam.cli.room import require_room
from med_cam.cli.tally import Done, done
from med_cam.errors import ClassifierError, ImageError
from med_cam.images.image import Image
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam.report.export import export
from med_cam.report.export_pm import NO_PLACE, has_place, scores_of
from med_cam.report.file_names import JSON_FILE
from med_cam.report.line import line_of
from med_cam.report.manifest import forget_run_manifest
from med_cam.report.provenance import Provenance, provenance
from med_cam.report.run_record import EXPLAINED, RunImage
from med_cam.report.table import TableRow, table_row
from med_cam.report.write import refuse_foreign_files, refuse_other_image, write
from med_cam.results.explanation import Explanation
from med_cam.results.step import OnStep
from med_cam_studies.methods.compared import Asked, beside, compared_names, maps_of


@dataclass(frozen=True, slots=True)
class Task:
    """What is explained of one image: the classifier, or the choice between two of its labels."""

    classifier: Classifier
    references: References | None
    target: str | None


def explain_one(job: Job, place: Place, on_step: OnStep) -> Done:
    """One image from its file to its result folder.

    Args:
        job: what is the same for all images.
        place: of the image, and what its folder is called, unless that may not be told.
        on_step: called after every step of the search.

    Raises:
        MedCamError: if it cannot be read, explained or written; nothing is written then.
    """
    options = job.options
    require_room(options.out)
    image = image_at(job, place)
    folder = options.out / place_of(options, place, image.sha256)
    refuse_foreign_files(folder)
    refuse_other_image(folder, image.sha256)
    task = task_of(job, image)
    found = found_in(job, task, image, on_step)
    nameless = is_nameless(options, place.path)
    origin = origin_of(job, image, task.references, "" if nameless else place.name)
    scores = scores_of(found, task.classifier.geometry(image)) if options.dicom_scores else None
    result = written(options, found, image, folder, origin, scores)
    where = folder.relative_to(options.out).as_posix()
    entry = RunImage(place.file, image.sha256, EXPLAINED, where, result)
    called = shown_name(options, place)
    row = row_of(folder, where, result)
    return done(line_of(called, found), found, entry, row, verbose=options.verbose)


def image_at(job: Job, place: Place) -> Image:
    """The image in a file.

    Raises:
        ImageError: it cannot be read, or is not of the kind that the exports are for.
    """
    channels, white = job.ready.classifier.channels, job.ready.white
    image = read_image(place.path, channels=channels, white=white, part=place.part)
    image = with_scale_said(job.ready.classifier, image)
    refuse_other_kind(job.options, image)
    return image


def found_in(job: Job, task: Task, image: Image, on_step: OnStep) -> Explanation:
    """The explanation, with how its removals were chosen and what other methods show.

    Maps of other methods come first: one that cannot be made is told before the search.
    """
    target, references = task.target, task.references
    asked_of = Asked(task.classifier, image, job.config, references, job.fills, target=target)
    maps = maps_of(asked_of, compared_names(job.options.compare))
    found = explain(
        task.classifier,
        image,
        target=target,
        config=job.config,
        references=references,
        fills=job.fills,
        on_step=on_step,
    )
    compared = beside(asked_of, found, maps)
    return replace(found, removal_choice=job.choice, compared=compared)


def written(
    options: ExplainOptions,
    found: Explanation,
    image: Image,
    folder: Path,
    origin: Provenance,
    scores: Float[Tensor, "h w"] | None = None,
) -> str:
    """Write the result folder with its exports; the SHA-256 of its manifest."""
    forget_run_manifest(options.out)
    result = write(
        found,
        image,
        folder,
        origin,
        with_image=not options.no_source,
        keep_identity=options.keep_identity,
        style=options.style,
    )
    if names := asked(options):
        images = {image.sha256: Path(image.path)}
        identity = options.keep_identity
        export(folder, names, images=images, keep_identity=identity, scores=scores)
    return result


def origin_of(job: Job, image: Image, references: References | None, name: str) -> Provenance:
    """On what a result was made; `name` is the image's, empty where it may not be told."""
    options = job.options
    return provenance(
        image,
        job.ready.classifier,
        job.config,
        preset=options.preset,
        software=job.software,
        references=references,
        contrast=options.contrast or "",
        image_name=name,
        command=command_line(options, "explain", named=False, paths=not job.names_hidden),
    )


def refuse_other_kind(options: ExplainOptions, image: Image) -> None:
    """Check that the image is of the kind that the exports are for, before it is explained.

    Raises:
        ImageError: it is not.
    """
    if (options.dicom or options.dicom_scores) and image.dicom is None:
        raise ImageError(
            f"{image.path} is no DICOM image, to whose study DICOM objects would belong; leave "
            f"{'--dicom' if options.dicom else '--dicom-scores'} out"
        )
    if options.dicom_scores and image.dicom is not None and not has_place(image.dicom):
        raise ImageError(f"{image.path} {NO_PLACE}; give --dicom without --dicom-scores")


def row_of(folder: Path, place: str, result: str) -> TableRow:
    """The line of a result that was just written, as the next run will read it."""
    return table_row(json.loads((folder / JSON_FILE).read_bytes()), place, result)


def task_of(job: Job, image: Image) -> Task:
    """The classifier as it is; with --contrast, only its choice between two labels.

    Raises:
        ClassifierError: if the target is the label itself that it is to be compared with.
    """
    ready, target, rival = job.ready, job.options.target, job.options.contrast
    if rival is None:
        return Task(ready.classifier, ready.references, target)
    target = target or predicted(ready.classifier, image)
    if target == rival:
        raise ClassifierError(
            f"the target is {rival} itself; give --target or --contrast another label"
        )
    pair = pairwise(ready.classifier, target, rival)
    references = None if ready.references is None else relabelled(ready.references, pair)
    return Task(pair, references, target)


def predicted(classifier: Classifier, image: Image) -> str:
    """The label that the classifier predicts, for one pass more."""
    with hooks_attached(classifier) as forward, torch.no_grad():
        logits = forward(classifier.prepare(image)).logits
    return classifier.labels[int(logits[0].argmax())]
