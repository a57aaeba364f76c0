"""Folders to the image files in them, and names of their results."""

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from med_cam.errors import ImageError
from med_cam.images.decode import SUFFIXES
from med_cam.images.dicom_file import EXTRA
from med_cam.images.dicom_folder import UNREAD, Listed, listed
from med_cam.images.file import special
from med_cam.images.foreign import HEAD, foreign
from med_cam.images.nifti import HOW, VOLUMES, is_called_volume
from med_cam.images.slide import SUFFIXES as SLIDES

KINDS_SHOWN = 8  # kinds of files left out that are named
LOOKED_INTO = 20  # files without an image's suffix whose first bytes are looked at
BELOW = "image in folders below"
NOUNS = re.compile(r"^((?:\w+ )?(?:image|picture|link|pipe|socket|device|file))\b")


@dataclass(frozen=True, slots=True)
class Folder:
    """The images of a folder, and what else lies in it.

    Attributes:
        images: sorted.
        left_out: files that are not taken, with their kinds.
    """

    images: tuple[Path, ...]
    left_out: tuple[tuple[Path, str], ...]

    @property
    def words(self) -> str:
        """What was left out, counted by kind; "" for nothing."""
        counts = Counter(kind for _, kind in self.left_out)
        parts = [
            f"{n:,} {_plural(kind) if n > 1 else kind}"
            for kind, n in counts.most_common(KINDS_SHOWN)
        ]
        more = len(self.left_out) - sum(n for _, n in counts.most_common(KINDS_SHOWN))
        return ", ".join([*parts, *([f"{more:,} of other kinds"] if more else [])])


def find_images(paths: Sequence[Path], *, volumes: bool = False) -> list[Path]:
    """The image files among the paths, folders replaced by the images in them.

    Files are taken as they are given, whatever their name; for folders see `images_in`. A file
    that is met twice is taken once.

    Args:
        paths: files and folders.
        volumes: whether folders are looked through for NIfTI volumes instead.

    Raises:
        ImageError: a path does not exist or cannot be opened, or a folder has no images.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            _refuse_missing(path)
            images = images_in(path, volumes=volumes).images if path.is_dir() else (path,)
            for image in images:
                found.setdefault(image.resolve(), image)
        except OSError as error:
            raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    return list(found.values())


def images_in(folder: Path, *, volumes: bool = False) -> Folder:
    """The images of a folder; if it has none, those of all folders below it.

    With `volumes` they are the NIfTI volumes alone, of each of which a slice is asked for.

    Images are files with the suffix of an image or a slide, and DICOM files of images whatever
    they are called: these come last, sorted by study, series and position. Where there is a
    DICOMDIR, only the DICOM files are taken, of all folders below it. Links to folders are
    followed, each folder is gone through once. Hidden files are left out and not counted.

    Raises:
        ImageError: it has no images; what it has is said.
        OSError: it cannot be opened.
    """
    files = sorted(_walked(folder))
    if volumes:
        return _volumes_in(folder, files)
    dicom = {path: one for path in files if (one := _dicom(path)) is not None}
    taken = _taken(folder, files, dicom)
    left_out = tuple((p, _kind(p, folder, dicom.get(p))) for p in files if p not in set(taken))
    found = Folder(tuple(taken), left_out)
    if not taken:
        raise _without_images(folder, found)
    return found


def _volumes_in(folder: Path, files: Sequence[Path]) -> Folder:
    """The NIfTI volumes of a folder, by their names."""
    every = [path for path in files if is_called_volume(path) and path.is_file()]
    taken = [path for path in every if path.parent == folder] or every
    left_out = ((p, BELOW if p in every else _kind_of_other(p)) for p in files if p not in taken)
    found = Folder(tuple(taken), tuple(left_out))
    if not taken:
        raise ImageError(
            f"The folder {folder} has no NIfTI volume ({', '.join(VOLUMES)}) in it, of which "
            f"--slice could name a slice{f', but {found.words}' if found.left_out else ''}."
        )
    return found


def result_names(paths: Sequence[Path], given: Sequence[Path]) -> list[str]:
    """Where the result of each image goes, below the folder of results.

    The folders below one that was given are kept: `p1/0001`. Images of one name in several given
    folders get the name of these in front; what is still the same, -2, -3, ... No result lies in
    another.
    """
    roots = [next((g for g in given if _is_below(path, g)), path.parent) for path in paths]
    pairs = list(zip(paths, roots, strict=True))
    names = [_named(path.relative_to(root)) for path, root in pairs]
    counts = Counter(map(_folded, names))
    names = [
        f"{_named(Path(root.resolve().name))}/{name}"
        if counts[_folded(name)] > 1 and root in given
        else name
        for name, root in zip(names, roots, strict=True)
    ]
    return _numbered(names)


def unique_stems(paths: Sequence[Path]) -> list[str]:
    """One folder name a path: its stem, with -2, -3, ... on the later ones of equal stems.

    Names are compared as file systems may, without regard to case or Unicode composition. The
    first path of a stem keeps it, so a suffix never takes the stem of another file. Names have
    no dots or spaces at their ends; a stem of nothing else becomes "image".
    """
    return _numbered([_part(path.stem) for path in paths])


def _numbered(names: Sequence[str]) -> list[str]:
    """The names, the later ones of equal names and those of folders of others with a number."""
    first = {_folded(name): index for index, name in reversed(list(enumerate(names)))}
    above = {_folded(str(parent)) for name in names for parent in Path(name).parents}
    taken, unique = set(first) | above, []
    for index, name in enumerate(names):
        new, number = name, 2
        kept = index == first[_folded(name)] and _folded(name) not in above
        while not kept and _folded(new) in taken:
            new, number = f"{name}-{number}", number + 1
        taken.add(_folded(new))
        unique.append(new)
    return unique


def _named(path: Path) -> str:
    """A relative path without its suffix, each part as a folder may be called."""
    return "/".join(_part(part) for part in (*path.parts[:-1], path.stem))


def _part(name: str) -> str:
    return name.strip(". ") or "image"


def _is_below(path: Path, folder: Path) -> bool:
    return path != folder and path.is_relative_to(folder)


def _refuse_missing(path: Path) -> None:
    if not path.exists():
        raise ImageError(f"{path} does not exist; check the path.")


def _walked(folder: Path) -> Iterator[Path]:
    """Every file below a folder that is not hidden; each folder once, whatever leads to it."""
    seen: set[tuple[int, int]] = set()

    def fail(error: OSError) -> None:
        raise error

    for place, folders, files in os.walk(folder, followlinks=True, onerror=fail):
        found = Path(place).stat()
        if (found.st_dev, found.st_ino) in seen:
            folders.clear()
            continue
        seen.add((found.st_dev, found.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(place) / name for name in files if not name.startswith("."))


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, *SLIDES) and path.is_file()


def _dicom(path: Path) -> Listed | None:
    """What a file is in DICOM, unless its suffix says that it is a picture of another kind."""
    if path.suffix.lower() in SUFFIXES or not path.is_file():
        return None
    return listed(path)


def _taken(folder: Path, files: Sequence[Path], dicom: Mapping[Path, Listed]) -> list[Path]:
    """The images among the files of a folder, in their order."""
    slices = sorted((p for p, d in dicom.items() if not d.kind), key=lambda p: dicom[p].place)
    if any(one.directory and path.parent == folder for path, one in dicom.items()):
        return slices
    images = [*filter(_is_image, files), *slices]
    return [path for path in images if path.parent == folder] or images


def _kind(path: Path, folder: Path, dicom: Listed | None) -> str:
    """What is said of a file that was left out."""
    if dicom is not None and dicom.kind:
        return dicom.kind
    if _is_image(path) or dicom is not None:
        return BELOW if path.parent != folder else "image"
    return _kind_of_other(path)


def _kind_of_other(path: Path) -> str:
    """What is said of a file that is no image by its name."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return "broken link"
    if not stat.S_ISREG(mode):
        return special(mode).partition(" ")[2] or "special file"
    return path.suffix.lower() or "without suffix"


def _plural(kind: str) -> str:
    """As in "images in folders below"; suffixes and the like have none."""
    return NOUNS.sub(r"\1s", kind, count=1)


def _without_images(folder: Path, found: Folder) -> ImageError:
    """What to say of a folder without an image, from the first bytes of what it has."""
    known = Counter(
        words
        for path, _ in found.left_out[:LOOKED_INTO]
        if path.is_file() and "DICOM" not in (words := _foreign(path)) and words
    )
    said = f"The folder {folder} has no images ({', '.join(SUFFIXES)}, DICOM) in it"
    if any(kind == UNREAD for _, kind in found.left_out):
        return ImageError(f"{said} that can be read: {found.words}; for DICOM, {EXTRA}.")
    if known:
        (words, number), *_ = known.most_common(1)
        if "NIfTI" in words:
            are = "is a NIfTI volume" if number == 1 else "are NIfTI volumes"
            return ImageError(
                f"{said}; {number:,} of its files {are}; say which slice with {HOW}."
            )
        are = "one of its files is" if number == 1 else f"{number:,} of its files are each"
        return ImageError(f"{said}; {are} {words}.")
    return ImageError(f"{said}{f', but {found.words}' if found.left_out else ''}.")


def _foreign(path: Path) -> str:
    with path.open("rb") as file:
        return foreign(file.read(HEAD))


def _folded(name: str) -> str:
    """The name as file systems may compare it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
