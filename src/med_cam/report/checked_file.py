"""A file of a result, if it is the one that explanation.json speaks of: place, hash and size."""

import hashlib
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from med_cam.errors import ImageError, OutputError
from med_cam.report.file_names import JSON_FILE
from med_cam.report.headers import size_said
from med_cam.report.opening import content_of


def file_beside(folder: Path, name: str) -> Path:
    """A file of the folder itself, whatever a document says.

    Raises:
        OutputError: the document names a file elsewhere.
    """
    if Path(name).name != name:
        raise OutputError(
            f"{folder / JSON_FILE} names {name!r}, which is no file beside it; it was changed, "
            "explain the image again"
        )
    return folder / name


def content_with(path: Path, sha256: str, what: str) -> bytes:
    """The bytes of a file that has this hash; `what` it is, in the words of an error.

    Raises:
        OutputError: it cannot be read, or has another hash.
    """
    try:
        content = content_of(path)
    except OSError as error:
        raise OutputError(
            f"{path} cannot be read ({error.strerror or error}); the result is not whole, explain "
            "the image again"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise OutputError(
            f"{path} is not the {what} that was explained: its SHA-256 begins with {found[:12]}, "
            f"that in {JSON_FILE} with {str(sha256)[:12]}; explain the image again"
        )
    return content


def decoded(
    path: Path, content: bytes, size: tuple[int, int], decode: Callable[[bytes], Tensor]
) -> Tensor:
    """What a file says of each pixel of the image, of the image's size before and after.

    Raises:
        OutputError: it is of another size, or cannot be decoded.
    """
    refuse_other_header(path, content, size)
    try:
        found = decode(content)
    except ImageError as error:
        raise OutputError(f"{path} cannot be used: {error}") from error
    refuse_other_size(path, tuple(found.shape), size)
    return found


def refuse_other_header(path: Path, content: bytes, size: tuple[int, int]) -> None:
    """Check the size that a picture says it has, before it takes the memory for it.

    Raises:
        OutputError: it is not the image's, height and width.
    """
    found = size_said(content)
    if found not in (None, size, size[::-1]):  # turned, if its EXIF data say so
        refuse_other_size(path, found, size)


def refuse_other_size(path: Path, found: tuple[int, ...], size: tuple[int, int]) -> None:
    """Check a file's height and width against those of the image.

    Raises:
        OutputError: they differ.
    """
    if found != size:
        raise OutputError(
            f"{path} has {found[0]} x {found[1]} pixels, {JSON_FILE} says {size[0]} x {size[1]}; "
            "explain the image again"
        )
