"""A user's own fill from its name: a folder of images, or a function of a Python file."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import torch

from med_cam.case.fills import Fill
from med_cam.case.references import digest
from med_cam.classifiers.base import A_CLASSIFIER, Classifier
from med_cam.classifiers.compat import beside_any_torch
from med_cam.classifiers.module_files import module_files
from med_cam.classifiers.own_file import module_of, own_name
from med_cam.config.baselines import FOLDER, fill_name
from med_cam.config.given import refuse_other
from med_cam.errors import ClassifierError, ConfigError, first_line
from med_cam.images.find import find_images
from med_cam.images.read import read_image
from med_cam.results.removal import OwnFill

MOST = 1000  # images of a folder: all are in memory at once
PYTHON = ".py"


def load_fill(
    name: str,
    classifier: Classifier,
    *,
    trust: Iterable[str | Path] = (),
    folder: Path | None = None,
) -> Fill:
    """A fill of your own, for `explain(fills={name: ...})`; the command line loads it by its name.

    Args:
        name: `folder:PATH`, a folder whose images are drawn at random, or `FILE.py:FUNCTION`.
        classifier: that prepares the images.
        trust: Python files that may be run.
        folder: of the classifier, whose Python files may be run too.

    Raises:
        ConfigError: if it is neither, there is no such folder, file or function, the file is not
            trusted, or a folder has too many images.
        ImageError: if an image cannot be read.
    """
    refuse_other("classifier", classifier, Classifier, A_CLASSIFIER, ClassifierError)
    own = fill_name(name)
    if own.startswith(FOLDER):
        return _of_folder(own, classifier)
    path, _, function = own.rpartition(":")
    if not path.endswith(PYTHON) or not function.isidentifier():
        raise ConfigError(
            f"the removal {own!r} is neither {FOLDER}PATH nor FILE.py:FUNCTION; write one of these"
        )
    return _of_file(own, Path(path), function, _trusted(trust, folder))


def _of_folder(name: str, classifier: Classifier) -> Fill:
    path = Path(name.removeprefix(FOLDER))
    if not path.is_dir():
        raise ConfigError(f"there is no folder {path}, which the removal {name!r} shows images of")
    files = find_images([path])
    if len(files) > MOST:
        raise ConfigError(f"{path} has {len(files):,} images; a removal takes {MOST:,} at most")
    read = (read_image(f, channels=classifier.channels, white=classifier.white) for f in files)
    parts, digests = [], []
    for image in read:
        parts.append(classifier.pixels_of(classifier.prepare(image)).clamp(0, 1))
        digests.append(digest(image))
    sha256 = hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
    return Fill(OwnFill(name, "folder", str(path), sha256, len(parts)), images=torch.cat(parts))


def _of_file(name: str, path: Path, function: str, trusted: list[Path]) -> Fill:
    if not path.is_file():
        raise ConfigError(f"there is no file {path}, which the removal {name!r} is made by")
    file = path.resolve()
    if not any(file == one or file.is_relative_to(one) for one in trusted):
        raise ConfigError(
            f"{name!r} would run the Python file {path}, which is not in the classifier's folder: "
            f"give --trust {path} if you want that (in Python: trust=({str(path)!r},))"
        )
    sha256 = _sha256(file)
    try:
        module = beside_any_torch(lambda: module_of(own_name(file.stem, file), file))
    except Exception as error:
        raise ConfigError(
            f"the Python file {path} cannot be run ({type(error).__name__}: {first_line(error)})"
        ) from error
    paint = getattr(module, function, None)
    if not callable(paint):
        raise ConfigError(f"the Python file {path} has no function {function!r}")
    return Fill(OwnFill(name, "file", f"{path}:{function}", sha256, None), paint)


def _trusted(trust: Iterable[str | Path], folder: Path | None) -> list[Path]:
    """The files and the folder whose code may run."""
    files = [Path(one).resolve() for one in trust if str(one).endswith(PYTHON)]
    return files if folder is None else [*files, folder.resolve()]


def _sha256(file: Path) -> str:
    """Of the file and of all that it imports from beside it."""
    found = sorted(module_files(file, file.parent, file.parent).items())
    lines = (f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {name}" for name, each in found)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
