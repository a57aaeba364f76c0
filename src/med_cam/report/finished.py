"""Whether a result that is there already is the one that a run would make again.

A result is finished if every file of it is the one that its manifest lists. It is the same if
image, classifier, label, settings, reference images, fills, software and kind of device are.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.file_names import JSON_FILE
from med_cam.report.limits import JSON_BYTES
from med_cam.report.manifest import checked_id
from med_cam.report.opening import content_of

PYTHON = "python"  # its version alone makes no other result
SHOWN = 3  # differences that a sentence names


@dataclass(frozen=True, slots=True)
class Earlier:
    """What lies where a result of an image goes.

    Attributes:
        image: SHA-256 of the image that it is of; "" if that cannot be told.
        document: its explanation.json, as far as it is JSON.
        result: its ID; "" if it is not whole.
        fault: why it is not whole; "" if it is.
    """

    image: str
    document: Mapping[str, Any]
    result: str
    fault: str


@dataclass(frozen=True, slots=True)
class Task:
    """What decides a result besides its image, as explanation.json has it.

    Attributes:
        classifier: what it is, without its name.
        target: label that was asked for; None for the one that is predicted.
        config: every setting.
        references: SHA-256 of the reference images; None without any.
        white: what was declared white.
        window: the window that was asked for, of DICOM.
        frame: the frame that was asked for, of DICOM.
        slice: the slice that was asked for, of NIfTI.
        region: the region that was asked for, of a slide.
        mpp: microns per pixel that were asked for, of a slide.
        slide_mpp: microns per pixel that were declared, of a slide.
        fills: SHA-256 of the user's own fills, by name.
        versions: of the software that takes part.
        device: where the classifier runs.
    """

    classifier: Mapping[str, Any]
    target: str | None
    config: Mapping[str, Any]
    references: str | None
    white: str | None
    fills: Mapping[str, str | None]
    versions: Mapping[str, str]
    device: str
    window: str | None = None
    frame: int | None = None
    slice: str | None = None
    region: list[int] | None = None
    mpp: float | None = None
    slide_mpp: float | None = None


def earlier(folder: Path) -> Earlier | None:
    """The result in a folder, looked through; None if there is none."""
    path = folder / JSON_FILE
    if not path.exists():
        return None
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
        image = str(document["sha256"]["image"] or "")
    except (OSError, ValueError, LookupError, TypeError, OutputError):
        return Earlier("", {}, "", "its explanation.json cannot be read")
    try:
        result = checked_id(folder)
    except (OSError, OutputError) as error:
        return Earlier(image, document, "", str(error))
    return Earlier(image, document, result, "" if result else "it has no manifest")


def differences(document: Mapping[str, Any], task: Task) -> tuple[str, ...]:
    """What was otherwise when a result was made, each in words; empty if nothing was.

    Args:
        document: explanation.json of a finished result.
        task: what would be done now.
    """
    try:
        return tuple(_differences(document, task))
    except (LookupError, TypeError, AttributeError, ValueError):
        return ("it was written by another version of med-cam",)


def in_words(found: tuple[str, ...]) -> str:
    """The first of some differences, and how many more there are."""
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return ", ".join(found[:SHOWN]) + more


def _differences(document: Mapping[str, Any], task: Task) -> Iterator[str]:
    then = document["classifier"]
    for name in sorted({*then, *task.classifier} - {"name"}):
        if then.get(name) != task.classifier.get(name):
            yield f"classifier: another {name.replace('_', ' ')}"
    if not _same_target(document, task.target):
        yield f"label: {document['label']} then, {task.target or 'the predicted one'} now"
    yield from _of_settings(document["config"], task.config)
    if document["sha256"]["reference_images"] != task.references:
        yield "other reference images"
    for name in ("white", "window", "frame", "slice", "region", "mpp", "slide_mpp"):
        if document["image"][name] != getattr(task, name):
            yield f"{name}: {document['image'][name]} then, {getattr(task, name)} now"
    if {fill["name"]: fill["sha256"] for fill in document["fills"]} != task.fills:
        yield "another fill of your own"
    yield from _of_software(document, task)


def _of_settings(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    before, after = dict(_flat(then)), dict(_flat(now))
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            yield f"{name}: {_short(before.get(name))} then, {_short(after.get(name))} now"


def _of_software(document: Mapping[str, Any], task: Task) -> Iterator[str]:
    """Versions of what took part both times, and the kind of device."""
    then = document["versions"]
    for name in sorted(({*then} & {*task.versions}) - {PYTHON}):
        if then[name] != task.versions[name]:
            yield f"{name} {then[name]} then, {task.versions[name]} now"
    kinds = [device.partition(":")[0] for device in (document["device"], task.device)]
    if kinds[0] != kinds[1]:
        yield f"device: {kinds[0]} then, {kinds[1]} now"


def _same_target(document: Mapping[str, Any], target: str | None) -> bool:
    """Whether the label explained is the one asked for; without one, the first on the image."""
    if target is not None:
        return bool(document["label"] == target)
    if document["classifier"]["contrast"] is not None:  # two labels, and not all probabilities
        return "--target" not in (document["command"] or ())
    p = list(document["probabilities"].values())
    return bool(p.index(max(p)) == document["target"])


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Settings with their sections, as `search.steps`."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _short(value: Any) -> str:  # noqa: ANN401  any setting
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
