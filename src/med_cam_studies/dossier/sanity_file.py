"""sanity.json: how explanations change when the classifier's weights are shuffled, kept."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.document import plain
from med_cam.report.files import write_file
from med_cam.report.installed import own_version
from med_cam.report.limits import JSON_BYTES
from med_cam.report.opening import content_of
from med_cam_studies.evaluation.sanity import Sanity
from med_cam_studies.report.explained import Made, identity

FILE = "sanity.json"


@dataclass(frozen=True, slots=True)
class Checked:
    """One image through all stages.

    Attributes:
        sha256: of its file, by which images are known.
        label: that was explained with the weights as they are.
        stages: the control first.
    """

    sha256: str
    label: str
    stages: tuple[Sanity, ...]


def write_sanity(path: Path, checked: Sequence[Checked], made: Made) -> None:
    """Write what came out, with the identity of the classifier.

    Raises:
        OutputError: if it cannot be written.
    """
    document = {
        "med-cam": own_version(),
        "identity": plain(identity(made)),
        "images": [asdict(one) for one in checked],
    }
    text = json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1)
    write_file(path, f"{text}\n".encode())


def read_sanity(path: Path, made: Made) -> tuple[Checked, ...]:
    """What was found; nothing where there is no such file.

    Raises:
        OutputError: if it is none, or of another classifier.
    """
    if not path.is_file():
        return ()
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
        said, own = document["identity"], plain(identity(made))
        found = tuple(_checked(image) for image in document["images"])
    except (LookupError, OSError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise OutputError(
            f"{path} is not as med-cam dossier --sanity writes it; delete it, or make it again"
        ) from error
    if other := next((name for name in own if said.get(name) != own[name]), ""):
        raise OutputError(
            f"{path} is of another classifier than the results are of (other "
            f"{other.replace('_', ' ')}); delete it, or make it again with --sanity"
        )
    return found


def _checked(image: Mapping[str, Any]) -> Checked:
    """One image; TypeError for a value of another type."""
    stages = tuple(_stage(stage) for stage in image["stages"])
    return Checked(str(image["sha256"]), str(image["label"]), stages)


def _stage(said: Mapping[str, Any]) -> Sanity:
    values: dict[str, Any] = {field.name: said[field.name] for field in fields(Sanity)}
    words = ("stage", "label")
    if not all(isinstance(v, str if n in words else int | float) for n, v in values.items()):
        raise TypeError
    return Sanity(**values)
