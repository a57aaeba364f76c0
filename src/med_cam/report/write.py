"""The files of an explanation, all or nothing: made in memory, written beside, renamed into place.

An existing result is replaced only by a complete new one. Whatever happens before (no space left,
Ctrl-C), the old one stays and nothing half-written does.
"""

import os
import secrets
import shutil
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import torch
from jaxtyping import Bool
from PIL import Image as Picture
from torch import Tensor

from med_cam.errors import OutputError
from med_cam.images.geometry import Image
from med_cam.images.mask_file import mask_png
from med_cam.report.figure import figure
from med_cam.report.schema import (
    EVIDENCE_FILE,
    FALLBACK_FILE,
    FIGURE_FILE,
    JSON_FILE,
    MASK_FILE,
    Provenance,
    to_json,
    to_text,
)
from med_cam.values import Explanation

NO_CONTENT = 128  # grey outside the evidence, for people to look at; claims never rest on it

# What a result folder may hold and still be replaced: our files, and what file managers leave.
OURS = frozenset({MASK_FILE, EVIDENCE_FILE, FIGURE_FILE, FALLBACK_FILE, JSON_FILE})
_LITTER = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


def write(explanation: Explanation, image: Image, folder: Path, provenance: Provenance) -> None:
    """Write mask.png, evidence.png, figure.png, explanation.json (and fallback.png) to a folder.

    Raises:
        OutputError: the folder cannot be written, or holds files that are not a result of ours.
    """
    refuse_foreign_files(folder)
    contents = result_files(explanation, image, provenance)
    try:
        _replace(folder, contents)
    except OSError as error:
        raise OutputError(
            f"the result {folder} cannot be written ({error.strerror or error}); "
            "make room there or give another output folder"
        ) from error


def result_files(
    explanation: Explanation, image: Image, provenance: Provenance
) -> dict[str, bytes]:
    """The files of an explanation by name, in memory."""
    document = to_json(explanation, provenance=provenance)
    contents = {
        MASK_FILE: mask_png(explanation.mask),
        EVIDENCE_FILE: evidence_png(image, explanation.mask),
        FIGURE_FILE: figure_png(image, explanation),
        JSON_FILE: to_text(document).encode("utf-8"),
    }
    if explanation.fallback is not None:
        contents[FALLBACK_FILE] = mask_png(explanation.fallback.mask)
    return contents


def evidence_png(image: Image, mask: Bool[Tensor, "h w"]) -> bytes:
    """The image's pixels where the mask is true, grey 128 elsewhere; 8 bits, grey or RGB."""
    levels = (image.pixels.cpu() * 255).round().clamp(0, 255).to(torch.uint8)  # c h w
    shown = torch.where(mask.cpu(), levels, torch.full_like(levels, NO_CONTENT))
    pixels = shown[0] if len(shown) == 1 else shown.permute(1, 2, 0)
    buffer = BytesIO()
    Picture.fromarray(pixels.contiguous().numpy()).save(buffer, format="PNG")
    return buffer.getvalue()


def figure_png(image: Image, explanation: Explanation) -> bytes:
    """The figure as PNG, at the size it was laid out for whatever matplotlib is set to."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = BytesIO()
    FigureCanvasAgg(figure(image, explanation)).print_png(buffer)  # type: ignore[no-untyped-call]
    return buffer.getvalue()


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
    foreign = sorted(names - OURS - _LITTER)
    if foreign:
        raise OutputError(
            f"{folder} holds {foreign[0]!r}, which is no file of a result, and would be lost; "
            "move it away or give another output folder"
        )


def _replace(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write a new folder beside the old one and put it in its place."""
    folder = folder.resolve()  # the folder behind a link is replaced, not the link
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = folder.with_name(f".med-cam-{secrets.token_hex(4)}")
    try:
        fresh.mkdir()
        for name, data in contents.items():
            _write_through(fresh / name, data)
        _swap(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _swap(fresh: Path, folder: Path) -> None:
    """Rename the new folder into place; put the old one back if that fails."""
    if not folder.exists():
        fresh.rename(folder)
        return
    old = folder.with_name(f"{fresh.name}-old")
    try:
        folder.rename(old)
        fresh.rename(folder)
    finally:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(old, ignore_errors=True)


def _write_through(path: Path, data: bytes) -> None:
    """Write to the disk itself: a full one is told now, not after the rename."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
