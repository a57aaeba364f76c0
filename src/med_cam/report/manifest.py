r"""The files of a result, with the SHA-256 of each: `manifest.sha256`, read by `sha256sum -c`.

A line for each other file of the folder, sorted by name: the hash, two spaces, the name. The ID of
a result is the SHA-256 of those lines without those of figure.png and of exports, which are drawn
from the rest and can show it:
`grep -vE '  (figure\.png|explanation\.pdf|export\..*)$' manifest.sha256 | sha256sum`. It stands
for all that is in explanation.json, for every mask and for the image; what is drawn from them is
under the manifest.

A run has a manifest too, of the manifests of its results and of what became of its images
(`run_record`). Neither shows who wrote them: for that,
one file has to be signed.
"""

import hashlib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from med_cam.errors import OutputError
from med_cam.report.file_names import (
    DRAWN_FROM_REST,
    JSON_FILE,
    LITTER,
    MANIFEST_FILE,
    RUN_FILE,
)
from med_cam.report.files import unwritable, write_file
from med_cam.report.limits import MANIFEST_BYTES
from med_cam.report.opening import content_of, sha256_of_file
from med_cam.report.read import read_explanation

SHOWN = 12  # hexadecimal digits of an ID that people see
LINE = re.compile(rb"(\\?)([0-9a-f]{64})  ([^\n\0]+)")
_ESCAPES = {b"\\\\": b"\\", b"\\n": b"\n", b"\\r": b"\r"}  # as sha256sum writes names


def hashes_of(contents: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of files in memory, by name."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def listed(hashes: Mapping[str, str]) -> bytes:
    """The lines of a manifest, from the hashes by name."""
    return b"".join(_line(name, hashes[name]) for name in sorted(hashes))


def id_of(hashes: Mapping[str, str]) -> str:
    """The ID of a result, from the hashes of its files by name; what is drawn does not count."""
    rest = {name: digest for name, digest in hashes.items() if name not in DRAWN_FROM_REST}
    return hashlib.sha256(listed(rest)).hexdigest()


def read_manifest(path: Path) -> dict[str, str]:
    """The hashes of a manifest by name.

    Raises:
        OutputError: it cannot be read, or is no manifest.
    """
    try:
        content = content_of(path, most=MANIFEST_BYTES)
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error})") from error
    hashes = {}
    for line in content.split(b"\n")[:-1]:
        found = LINE.fullmatch(line)
        if found is None:
            raise OutputError(f"{path} is no manifest as med-cam writes it; it was changed")
        hashes[_name(found[3], escaped=bool(found[1]))] = found[2].decode()
    if listed(hashes) != content:
        raise OutputError(f"{path} is no manifest as med-cam writes it; it was changed")
    return hashes


def checked_id(folder: Path) -> str:
    """The ID of a result whose files are all those of its manifest; "" if it has no manifest.

    Raises:
        OutputError: a file is missing, was added or was changed; or there is no manifest where
            explanation.json names one.
    """
    path = folder / MANIFEST_FILE
    if not os.path.lexists(path):
        if read_explanation(folder)["manifest"] is not None:
            raise OutputError(
                f"{folder} lacks {MANIFEST_FILE}, which {JSON_FILE} names; the result is not "
                "whole, explain the image again"
            )
        return ""
    hashes = read_manifest(path)
    _refuse_other_names(folder, hashes)
    for name, digest in hashes.items():
        _refuse_other_content(folder / name, digest)
    return id_of(hashes)


def write_run_manifest(out: Path) -> None:
    """List the manifest of every result in a folder; nothing is written if there are none.

    What became of the images of the runs into that folder is listed too.

    Raises:
        OutputError: if it cannot be written.
    """
    try:
        hashes = {name: sha256_of_file(out / name) for name in _of_run(out)}
    except OSError as error:
        raise unwritable(out / MANIFEST_FILE, error) from error
    if hashes:
        write_file(out / MANIFEST_FILE, listed(hashes))


def forget_run_manifest(out: Path) -> None:
    """Take the manifest of a run away before a result is replaced: it is never wrong.

    Raises:
        OutputError: if it cannot be taken away.
    """
    try:
        (out / MANIFEST_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(out / MANIFEST_FILE, error) from error


def refuse_changed_run(out: Path) -> None:
    """Check the results of a run against its manifest, if it has one.

    Raises:
        OutputError: a result is missing, was added, or has another manifest.
    """
    path = out / MANIFEST_FILE
    if not os.path.lexists(path) or os.path.lexists(out / JSON_FILE):
        return
    hashes = read_manifest(path)
    _refuse_difference(out, hashes, _of_run(out))
    for name, digest in hashes.items():
        _refuse_other_content(out / name, digest)


def _of_run(out: Path) -> set[str]:
    """What the manifest of a run lists: nothing if there are no results."""
    results = _of_results(out)
    records = {path.name for path in out.glob(RUN_FILE.format("*")) if not path.is_dir()}
    return results | records if results else set()


def _of_results(out: Path) -> set[str]:
    """The manifests of the results in a folder and below it, none half-written.

    Not those of runs of their own, in folders that have a manifest of a run.
    """
    found = (path.relative_to(out) for path in out.rglob(MANIFEST_FILE))
    return {
        path.as_posix()
        for path in found
        if not any(part.startswith(".") for part in path.parts)
        and (out / path.parent / JSON_FILE).is_file()
        and not any((out / p / MANIFEST_FILE).exists() for p in [*path.parent.parents][:-1])
    }


def _refuse_other_names(folder: Path, hashes: Mapping[str, str]) -> None:
    found = {entry.name for entry in folder.iterdir()} - LITTER - {MANIFEST_FILE}
    _refuse_difference(folder, hashes, found)


def _refuse_difference(folder: Path, listed: Iterable[str], found: Iterable[str]) -> None:
    missing, added = sorted({*listed} - {*found}), sorted({*found} - {*listed})
    if missing:
        raise OutputError(
            f"{folder} lacks {missing[0]}, which its {MANIFEST_FILE} lists; it was taken away, "
            "explain the image again"
        )
    if added:
        raise OutputError(
            f"{folder} holds {added[0]}, which its {MANIFEST_FILE} does not list; it was added, "
            "move it away"
        )


def _refuse_other_content(path: Path, digest: str) -> None:
    try:
        found = sha256_of_file(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error})") from error
    if found != digest:
        raise OutputError(
            f"{path} was changed after it was written: its SHA-256 begins with "
            f"{found[:SHOWN]}, that in {MANIFEST_FILE} with {digest[:SHOWN]}; explain the image "
            "again"
        )


def _line(name: str, digest: str) -> bytes:
    """One line; a name with a backslash or a line break as sha256sum escapes it."""
    written = plain = os.fsencode(name)
    for escape, character in _ESCAPES.items():
        written = written.replace(character, escape)
    mark = b"" if written == plain else b"\\"
    return b"%s%s  %s\n" % (mark, digest.encode(), written)


def _name(written: bytes, *, escaped: bool) -> str:
    if escaped:
        written = re.sub(rb"\\[\\nr]", lambda found: _ESCAPES[found[0]], written)
    return os.fsdecode(written)
