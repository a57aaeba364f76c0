"""What an epoch leaves on disk, so that a killed training continues as if never stopped."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises; nothing is unpickled here
from typing import Any

import torch

from med_cam.errors import ClassifierError
from med_cam.report.files import write_file
from med_cam_studies.data.examples import Examples
from med_cam_studies.training.recipes import Recipe


def identity(recipe: Recipe, fit: Examples, start: Mapping[str, torch.Tensor]) -> str:
    """One name for the recipe, what is trained on, and the weights it begins with.

    Patience is left out: it decides how long a training lasts, not what it does.
    """
    digest = sha256(repr(asdict(replace(recipe, patience=0))).encode())
    for tensor in (fit.images, fit.targets, *start.values()):
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_checkpoint(path: Path, fingerprint: str) -> dict[str, Any] | None:
    """What was saved; None without a file.

    Raises:
        ClassifierError: if it is damaged, or of another training.
    """
    if not path.exists():
        return None
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError) as error:
        raise ClassifierError(f"{path} is damaged ({error}); remove it.") from error
    if saved.get("mark") != fingerprint:
        raise ClassifierError(
            f"{path} was trained by another recipe, from other weights or on other images; "
            "give another folder, or remove it."
        )
    return saved


def write_checkpoint(path: Path, saved: Mapping[str, Any]) -> None:
    """Write a checkpoint in the place of the last one.

    Raises:
        OutputError: if it cannot be written.
    """
    content = BytesIO()
    torch.save(dict(saved), content)
    write_file(path, content.getbuffer())
