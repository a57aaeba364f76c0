"""Folders to the image files in them, and names of their results."""

import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from med_cam.errors import ImageError
from med_cam.images.read import SUFFIXES


def find_images(paths: Sequence[Path]) -> list[Path]:
    """The image files among the paths, folders replaced by the images in them.

    Files are taken as they are given, whatever their name. Of a folder, the files with an image's
    suffix are taken, sorted by name; if it has none, those of all folders below it. Hidden files
    are left out. A file that is met twice is taken once.

    Raises:
        ImageError: a path does not exist or cannot be opened, or a folder has no images.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            for image in _images_at(path):
                found.setdefault(image.resolve(), image)
        except OSError as error:
            raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    return list(found.values())


def unique_stems(paths: Sequence[Path]) -> list[str]:
    """One folder name a path: its stem, with -2, -3, ... on the later ones of equal stems.

    Names are compared as file systems may, without regard to case or Unicode composition. The
    first path of a stem keeps it, so a suffix never takes the stem of another file. Names have
    no dots or spaces at their ends; a stem of nothing else becomes "image".
    """
    stems = [path.stem.strip(". ") or "image" for path in paths]
    first = {_folded(stem): index for index, stem in reversed(list(enumerate(stems)))}
    taken = set(first)
    names = []
    for index, stem in enumerate(stems):
        name, number = stem, 2
        while index != first[_folded(stem)] and _folded(name) in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(_folded(name))
        names.append(name)
    return names


def _images_at(path: Path) -> list[Path]:
    """The file itself, or the images of a folder.

    Raises:
        ImageError: there is neither.
    """
    if not path.exists():
        raise ImageError(f"{path} does not exist; check the path.")
    if not path.is_dir():
        return [path]
    for candidates in (path.iterdir(), path.rglob("*")):
        images = _images_among(candidates, path)
        if images:
            return images
    raise ImageError(f"The folder {path} has no images ({', '.join(SUFFIXES)}) in it.")


def _images_among(candidates: Iterable[Path], folder: Path) -> list[Path]:
    """Files with an image's suffix, sorted, nothing hidden."""
    return sorted(
        path
        for path in candidates
        if path.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _folded(name: str) -> str:
    """The name as file systems may compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
