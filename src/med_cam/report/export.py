"""Exports: files of a result for other programs, made from what is saved, under its manifest."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType

from jaxtyping import Float
from torch import Tensor

from med_cam.errors import ConfigError, OutputError
from med_cam.report.export_coco import coco
from med_cam.report.export_dicom import dicom_files
from med_cam.report.export_geojson import geojson
from med_cam.report.export_nifti import nifti
from med_cam.report.export_pdf import pdf
from med_cam.report.export_phone import phone
from med_cam.report.export_pm import scores_in
from med_cam.report.file_names import (
    COCO_FILE,
    GEOJSON_FILE,
    JSON_FILE,
    MANIFEST_FILE,
    NIFTI_FILE,
    PDF_FILE,
    PHONE_FILE,
    PM_FILE,
)
from med_cam.report.files import replace_folder
from med_cam.report.manifest import (
    forget_run_manifest,
    hashes_of,
    listed,
    read_manifest,
    refuse_changed_run,
    write_run_manifest,
)
from med_cam.report.opening import content_of
from med_cam.report.result import Result, read_result

EXPORTS: Mapping[str, tuple[str, Callable[[Result], bytes]]] = {  # name: file, what makes it
    "geojson": (GEOJSON_FILE, geojson),
    "coco": (COCO_FILE, coco),
    "nifti": (NIFTI_FILE, nifti),
    "pdf": (PDF_FILE, pdf),
    "phone": (PHONE_FILE, phone),
}
DICOM = "dicom"  # several files, and of DICOM images only
DICOM_SCORES = "dicom_scores"  # the same with the scores of the search, while they are there
NEEDS = {  # the package, and the extra that brings it
    "geojson": ("shapely", "slides"),
    "nifti": ("nibabel", "nifti"),
    DICOM: ("highdicom", "dicom"),
    DICOM_SCORES: ("highdicom", "dicom"),
}


def export(
    folder: Path,
    names: Sequence[str],
    *,
    images: Mapping[str, Path] = MappingProxyType({}),
    keep_identity: bool = False,
    scores: Float[Tensor, "h w"] | None = None,
) -> list[str]:
    """Add exports to a result, in the place of earlier ones of the same kind.

    The result's other files and its ID stay as they are. A run that the result belongs to has to
    be listed anew: see `runs_listed`.

    Args:
        folder: of one result.
        names: of exports, among `EXPORTS`, `DICOM` and `DICOM_SCORES`.
        images: DICOM files by their SHA-256, to whose studies DICOM objects belong; a result with
            a copy of its file needs none.
        keep_identity: whether DICOM objects name the patient.
        scores: of the search, for a parametric map among DICOM objects; one that is there
            already is made again.

    Returns:
        The names of the files.

    Raises:
        OutputError: the result is not as it was written, or its folder cannot be written.
        ConfigError: a package is missing.
    """
    refuse_missing(names)
    result = read_result(folder)
    contents = {EXPORTS[n][0]: EXPORTS[n][1](result) for n in names if n in EXPORTS}
    hashes = read_manifest(folder / MANIFEST_FILE)
    if {DICOM, DICOM_SCORES}.intersection(names):
        earlier = {n: content_of(folder / n) for n in (PDF_FILE, PM_FILE) if n in hashes}
        if scores is None and PM_FILE in earlier:
            scores = scores_in(earlier[PM_FILE])
        document = contents.get(PDF_FILE, earlier.get(PDF_FILE))
        contents |= dicom_files(
            result, images, keep_identity=keep_identity, pdf=document, scores=scores
        )
    kept = {name: content_of(folder / name) for name in hashes if name not in contents}
    every = listed(hashes | hashes_of(contents))
    replace_folder(folder, {**kept, **contents, MANIFEST_FILE: every})
    return list(contents)


def refuse_missing(names: Sequence[str]) -> None:
    """Check that the packages are there which exports need, before anything is searched for.

    Raises:
        ConfigError: one is not installed.
    """
    for name in names:
        package, extra = NEEDS.get(name, ("json", ""))
        if find_spec(package) is None:
            raise ConfigError(
                f"--{name.replace('_', '-')} needs {package}, which is not installed; pip install "
                f'"med-cam-evidence[{extra}]"'
            )


@contextmanager
def runs_listed(folders: Sequence[Path]) -> Iterator[None]:
    """For the length of a `with`, files may be added to these results; then runs are listed anew.

    Meanwhile a run has no manifest, so that it is never wrong.

    Raises:
        OutputError: a run is not as it was written, or its manifest cannot be written.
    """
    runs = sorted({run for folder in folders if (run := run_of(folder)) is not None})
    for run in runs:
        refuse_changed_run(run)
    for run in runs:
        forget_run_manifest(run)
    try:
        yield
    finally:
        for run in runs:
            write_run_manifest(run)


def run_of(folder: Path) -> Path | None:
    """The folder of the run whose manifest lists a result; None if there is none."""
    place = folder.resolve()
    for above in place.parents:
        path = above / MANIFEST_FILE
        if path.is_file() and not (above / JSON_FILE).exists():
            name = (place / MANIFEST_FILE).relative_to(above).as_posix()
            return above if _lists(path, name) else None
    return None


def _lists(path: Path, name: str) -> bool:
    """Whether a manifest lists a file; what is no manifest of ours lists nothing."""
    try:
        return name in read_manifest(path)
    except OutputError:
        return False
