"""What the missingness audit of the classifier found, from its audit.json."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from med_cam.errors import OutputError
from med_cam.report.limits import JSON_BYTES
from med_cam.report.opening import content_of
from med_cam.report.wording import baseline, listed, probability
from med_cam_studies.report.blocks import Block, Listed, Said, Section, Tabled
from med_cam_studies.report.explained import Made, identity, weights_of
from med_cam_studies.report.tables import NONE, Table

TITLE = "Missingness audit"
COMMAND = "med-cam audit IMAGES --model CLASSIFIER --references FOLDER --out audit"
NOT_DONE = f"The missingness audit was not done, or not given with --audit: {COMMAND}"


def missingness(path: Path | None, made: Made) -> Section:
    """The section.

    Args:
        path: of audit.json; None for none.
        made: what the results are of.

    Raises:
        OutputError: if it cannot be read, is none, or is of another classifier.
    """
    if path is None:
        return Section("audit", TITLE, (Said(f"{NOT_DONE}."),), (f"{NOT_DONE}.",))
    document = _document(path)
    try:
        refuse_other_classifier(path, document, made)
        return Section("audit", TITLE, _blocks(document))
    except (LookupError, TypeError, AttributeError, ValueError) as error:
        raise _no_audit(path) from error


def refuse_other_classifier(path: Path, document: Mapping[str, Any], made: Made) -> None:
    """Check that an audit is of the classifier of the results.

    Raises:
        OutputError: if it is of another one, or does not say of which.
    """
    own, said = identity(made), document.get("identity")
    if said is None:
        same = document["classifier"]["sha256"] in weights_of(made).split(", ")
        other = "" if same else "weights"
    else:
        other = next((name for name, value in said.items() if own.get(name) != value), "")
    if other:
        raise OutputError(
            f"{path} is the audit of another classifier than the results are of (other "
            f"{other.replace('_', ' ')}); give the audit of this one"
        )


def _blocks(document: Mapping[str, Any]) -> tuple[Block, ...]:
    images, references = len(document["images"]), document["reference_images"]
    return (
        Said(
            f"What is predicted for inputs without information, on {images} images with "
            f"{document['samples']} random samples of each kind and {references} reference images."
        ),
        Listed([*map(str, document["verdict"]["sentences"]), *_choice(document)]),
        Tabled("Predictions on baselines alone", _baselines(document)),
    )


def _baselines(document: Mapping[str, Any]) -> Table:
    """What is predicted most often where nothing of the image is shown."""
    rows = []
    for name, found in document["baselines"].items():
        label = found["predicted"]
        mean = NONE if label is None else probability(found["mean"][label])
        confident = f"{found['confident']} of {found['inputs']}"
        rows.append((baseline(str(name)), str(label or NONE), mean, confident))
    head = ("shown", "mostly predicted", "its mean probability", "confident predictions")
    return Table(head, tuple(rows))


def _choice(document: Mapping[str, Any]) -> list[str]:
    choice = document.get("choice")
    if not choice:
        return []
    names = listed([baseline(str(name)) for name in choice["removal"]])
    fails = "".join(f" It fails: {fail}." for fail in choice["fails"])
    return [f"Recommended removal: {names} ({choice['reason']}).{fails}"]


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise _no_audit(path) from error
    if not isinstance(document, Mapping):
        raise _no_audit(path)
    return document


def _no_audit(path: Path) -> OutputError:
    return OutputError(f"{path} is no audit.json as med-cam audit --out writes it; make it again")
