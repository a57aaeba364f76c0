"""The files of an explanation, all or nothing: made in memory, then written by `files`.

An existing result is replaced only by a complete new one.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import torch
from jaxtyping import Bool, Float, UInt8
from PIL import Image as Picture
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.images.label_file import labels_png
from med_cam.images.mask_file import mask_png
from med_cam.report.backend import as_png, in_memory
from med_cam.report.document import to_json
from med_cam.report.figure import figure
from med_cam.report.file_names import (
    AGREEMENT_FILE,
    ALTERNATIVE_FILE,
    BESIDE_FILE,
    COMPARED_FILE,
    DICOM_FILES,
    ENVIRONMENT_FILE,
    EVIDENCE_FILE,
    EXPORT_FILES,
    FIGURE_FILE,
    JSON_FILE,
    LITTER,
    MANIFEST_FILE,
    MASK_FILE,
    OLDER_FILES,
    QUIET_FILE,
    REGIONS_FILE,
    RESTRICTED_FILE,
    RUNG_FILE,
    RUNNER_UP_FILE,
    SUPERSET_FILE,
)
from med_cam.report.files import replace_folder
from med_cam.report.limits import JSON_BYTES
from med_cam.report.manifest import hashes_of, id_of, listed
from med_cam.report.opening import content_of
from med_cam.report.panels import OUTLINED
from med_cam.report.provenance import Provenance
from med_cam.report.source import SOURCE_FILES, Source, source_of
from med_cam.report.source_line import source_line
from med_cam.report.text import to_text
from med_cam.results.explanation import Explanation
from med_cam.results.mask_tests import MaskTests

NO_CONTENT = 128  # grey outside the evidence, for people to look at; claims never rest on it

# What a result folder may hold and still be replaced: our files, and what file managers leave.
ALWAYS = frozenset({MASK_FILE, JSON_FILE})
AT_TIMES = (
    frozenset({EVIDENCE_FILE, FIGURE_FILE, RESTRICTED_FILE, SUPERSET_FILE, AGREEMENT_FILE})
    | frozenset({QUIET_FILE, RUNNER_UP_FILE, MANIFEST_FILE, ENVIRONMENT_FILE, BESIDE_FILE})
    | frozenset({RUNG_FILE, REGIONS_FILE})
    | EXPORT_FILES
    | DICOM_FILES
    | OLDER_FILES
    | SOURCE_FILES
)
_NUMBERED = re.compile(
    "|".join(
        re.escape(name).replace(r"\{\}", r"[1-9]\d*") for name in (ALTERNATIVE_FILE, COMPARED_FILE)
    )
)


def write(  # noqa: PLR0913  a keyword for each thing that is chosen
    explanation: Explanation,
    image: Image,
    folder: Path,
    provenance: Provenance,
    *,
    with_image: bool = True,
    keep_identity: bool = False,
    style: str = OUTLINED,
) -> str:
    """Write an explanation and a copy of its image to a folder; see docs/explanation-json.md.

    Args:
        explanation: what was found.
        image: that was explained.
        folder: of the result.
        provenance: where it came from.
        with_image: false keeps of the image its hashes and its size only: no copy, no picture
            that shows pixels of it, not the name of its file.
        keep_identity: keeps of DICOM the file itself, with all that it says of the patient.
        style: of the figure, one of `panels.STYLES`.

    Returns:
        The ID of the result.

    Raises:
        OutputError: the folder cannot be written, or holds files that are not a result of ours;
            or the image's file is no longer the one that was read.
    """
    refuse_foreign_files(folder)
    contents = result_files(
        explanation,
        image,
        provenance,
        with_image=with_image,
        keep_identity=keep_identity,
        style=style,
    )
    hashes = hashes_of(contents)
    replace_folder(folder, contents | {MANIFEST_FILE: listed(hashes)})
    return id_of(hashes)


def result_files(
    explanation: Explanation,
    image: Image,
    provenance: Provenance,
    *,
    with_image: bool,
    keep_identity: bool = False,
    style: str = OUTLINED,
) -> dict[str, bytes]:
    """The files of an explanation by name, in memory, all but the manifest."""
    source = source_of(image, kept=with_image, keep_identity=keep_identity)
    if not with_image:
        provenance, source = replace(provenance, image_name=""), replace(source, name="")
    document = to_json(explanation, provenance=provenance, source=source)
    contents = {
        MASK_FILE: mask_png(explanation.mask),
        JSON_FILE: to_text(document).encode("utf-8"),
        ENVIRONMENT_FILE: provenance.made.environment.encode("utf-8"),
    }
    if explanation.restricted is not None:
        contents[RESTRICTED_FILE] = mask_png(explanation.restricted.mask)
    if explanation.beside is not None:
        contents[BESIDE_FILE] = mask_png(explanation.beside.mask)
    for number, other in enumerate(explanation.compared, start=1):
        contents[COMPARED_FILE.format(number)] = mask_png(other.mask)
    if explanation.ladder is not None and explanation.ladder.rung is not None:
        contents[RUNG_FILE] = mask_png(explanation.ladder.rung.mask)
    contents |= {} if explanation.tests is None else test_files(explanation.tests)
    if explanation.contrast is not None:
        contents[QUIET_FILE] = mask_png(explanation.contrast.quiet.mask)
        contents[RUNNER_UP_FILE] = mask_png(explanation.contrast.runner_up.mask)
    return contents | (
        picture_files(explanation, image, source, contents, source_line(document), style)
        if with_image
        else {}
    )


def picture_files(
    explanation: Explanation,
    image: Image,
    source: Source,
    others: Mapping[str, bytes],
    line: str = "",
    style: str = OUTLINED,
) -> dict[str, bytes]:
    """The files that show the image, by name; the figure shows the ID of all the others."""
    contents = {
        EVIDENCE_FILE: evidence_png(image, explanation.mask),
        source.name: source.content,
    }
    result_id = id_of(hashes_of({**others, **contents}))
    return contents | {FIGURE_FILE: figure_png(image, explanation, result_id, line, style)}


def test_files(tests: MaskTests) -> dict[str, bytes]:
    """Further masks, the parts of the mask and the map of agreement, by name."""
    contents = {
        ALTERNATIVE_FILE.format(number): mask_png(other.mask)
        for number, other in enumerate(tests.alternatives, start=1)
    }
    if tests.necessary_superset is not None:
        contents[SUPERSET_FILE] = mask_png(tests.necessary_superset.mask)
    if tests.minimality is not None and tests.minimality.regions is not None:
        contents[REGIONS_FILE] = labels_png(tests.minimality.regions)
    if tests.agreement is not None:
        contents[AGREEMENT_FILE] = map_png(tests.agreement.shares)
    return contents


def map_png(shares: Float[Tensor, "h w"]) -> bytes:
    """Shares in [0, 1] as grey with 8 bits, white = 1."""
    levels = (shares.cpu() * 255).round().clamp(0, 255).to(torch.uint8)
    return _png(levels)


def evidence_png(image: Image, mask: Bool[Tensor, "h w"]) -> bytes:
    """The image's pixels where the mask is true, grey 128 elsewhere; 8 bits, grey or RGB."""
    levels = (image.pixels.cpu() * 255).round().clamp(0, 255).to(torch.uint8)  # c h w
    shown = torch.where(mask.cpu(), levels, torch.full_like(levels, NO_CONTENT))
    return _png(shown[0] if len(shown) == 1 else shown.permute(1, 2, 0))


def figure_png(
    image: Image,
    explanation: Explanation,
    result_id: str = "",
    line: str = "",
    style: str = OUTLINED,
) -> bytes:
    """The figure as PNG, at the size it was laid out for whatever matplotlib is set to."""
    with in_memory():
        return as_png(figure(image, explanation, result_id, line, style))


def refuse_foreign_files(folder: Path) -> None:
    """Check that a folder may be replaced: it is missing, or holds nothing but a result.

    Raises:
        OutputError: it is a file, cannot be looked into, or holds anything else.
    """
    try:
        names = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    except OSError as error:
        raise OutputError(
            f"{folder} cannot be used as a result folder ({error.strerror or error}); "
            "give another output folder"
        ) from error
    foreign = foreign_files(names)
    if foreign:
        raise OutputError(
            f"{folder} holds {foreign[0]!r}, which is no file of a result, and would be lost; "
            "move it away or give another output folder"
        )


def refuse_other_image(folder: Path, sha256: str) -> None:
    """Check that a folder may be replaced: it holds no result, or one of the same image.

    Raises:
        OutputError: it holds the result of another image, or one that does not say of which.
    """
    path = folder / JSON_FILE
    if not path.exists():
        return
    try:
        found = json.loads(content_of(path, most=JSON_BYTES))["sha256"]["image"]
    except (OSError, ValueError, LookupError, TypeError):
        found = None
    if found != sha256:
        of = "another image" if found else "an image that it does not name"
        raise OutputError(
            f"{folder} holds the result of {of}, which would be lost; give another output folder "
            "(--out), or take it away"
        )


def foreign_files(names: Iterable[str]) -> list[str]:
    """Those of a folder's files that are not of one result, sorted.

    Results are whole: without its explanation.json, a folder with a source.png is none.
    """
    rest = sorted(set(names) - LITTER)
    if JSON_FILE not in rest:
        return rest
    return [
        name for name in rest if name not in ALWAYS | AT_TIMES and not _NUMBERED.fullmatch(name)
    ]


def _png(levels: UInt8[Tensor, "h w *c"]) -> bytes:
    buffer = BytesIO()
    Picture.fromarray(levels.contiguous().numpy()).save(buffer, format="PNG")
    return buffer.getvalue()
