"""A classifier's folder is all that is read: no name and no link in it leads out of it."""

from pathlib import Path, PurePosixPath, PureWindowsPath

from med_cam.errors import ClassifierError

BLOBS, SNAPSHOTS = "blobs", "snapshots"  # of a download by Hugging Face: links to files beside


def inside(folder: Path, name: str, *, what: str = "weights file") -> Path:
    """The regular file of that name in the folder.

    Args:
        folder: of the classifier.
        name: relative to the folder; "/" separates.
        what: how the sentence calls the file.

    Raises:
        ClassifierError: if there is none, or the name or a link leads elsewhere.
    """
    path = folder / name
    if not name or leads_out(name):
        raise ClassifierError(
            f"{folder} names the {what} {name!r}, which is not in that folder; put the file into "
            "the folder and give its name there."
        )
    if not path.is_file():
        raise ClassifierError(f"There is no {what} {path}.")
    if not path.resolve().is_relative_to(_root(folder)):
        raise ClassifierError(
            f"The {what} {path} is a link that leads out of its folder; put the file itself there."
        )
    return path


def leads_out(name: str) -> bool:
    """Whether a name is absolute, or goes up, on any system."""
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    away = posix.is_absolute() or bool(windows.anchor)
    return away or ".." in posix.parts or ".." in windows.parts


def _root(folder: Path) -> Path:
    """The folder itself; of a snapshot the download that it is part of, where its files lie."""
    root = folder.resolve()
    download = root.parent.parent
    is_snapshot = root.parent.name == SNAPSHOTS and (download / BLOBS).is_dir()
    return download if is_snapshot else root
