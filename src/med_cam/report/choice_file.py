"""The choice of a classifier's removals in audit.json, written, and read back with suspicion.

A file may come from anyone: it is taken only if it is of this classifier, by everything that
decides its answers, and if the rule gives its set from its figures.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from med_cam.audit.choice import RULE, chosen
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import identity_of
from med_cam.config.baselines import BASELINES
from med_cam.errors import OutputError
from med_cam.report.document import fields_of
from med_cam.report.files import write_files
from med_cam.report.limits import JSON_BYTES
from med_cam.report.opening import content_of
from med_cam.report.origin import explained
from med_cam.report.shape import misfits_of
from med_cam.results.removal import RemovalChoice, RemovalFigures

AUDIT_VERSION = "2.3"  # the first number changes when a field changes its meaning or goes
AUDIT_FILE = "audit.json"
NO_SHARES = ("name", "references", "pull_label", "masked")  # of the figures


def choice_fields(classifier: Classifier, choice: RemovalChoice) -> dict[str, Any]:
    """What audit.json says of the choice, null if nothing was measured; and of what it is."""
    made = fields_of(choice) if choice.figures else None
    return {"identity": written(classifier), "choice": made}


def written(classifier: Classifier) -> dict[str, Any]:
    """The identity of a classifier as JSON has it, without its name."""
    found = fields_of(explained(identity_of(classifier), name=""))
    return {key: value for key, value in found.items() if key not in ("name", "contrast")}


def write_choice(classifier: Classifier, choice: RemovalChoice, folder: Path) -> bool:
    """Write audit.json with the choice alone; whether it was written: a whole audit is kept.

    Raises:
        OutputError: if it cannot be written.
    """
    if is_whole(folder / AUDIT_FILE):
        return False
    document = {"audit_version": AUDIT_VERSION, **choice_fields(classifier, choice)}
    text = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)
    write_files(folder, {AUDIT_FILE: f"{text}\n".encode()})
    return True


def is_whole(path: Path) -> bool:
    """Whether a file is there that `med-cam audit` has written, or anything else not of ours."""
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, OutputError, RecursionError):
        return True
    return not isinstance(document, Mapping) or set(document) != {
        *("audit_version", "identity", "choice")
    }


def read_choice(path: Path, classifier: Classifier) -> RemovalChoice:
    """The choice in an audit.json.

    Raises:
        OutputError: if it cannot be read, has none, or is of another classifier or rule.
    """
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "it is no JSON"
        raise OutputError(f"{path} cannot be read ({reason})") from error
    if not isinstance(document, Mapping) or not isinstance(document.get("choice"), Mapping):
        raise OutputError(f"{path} has no choice of removals")
    refuse_other_identity(path, document.get("identity"), classifier)
    wrong = next(misfits_of(document["choice"], RemovalChoice, "choice"), "")
    if wrong:
        raise OutputError(f"{path} is not as med-cam writes it ({wrong})")
    choice = choice_from(document["choice"])
    refuse_other_rule(path, choice)
    return replace(choice, source="audit")


def refuse_other_identity(path: Path, saved: object, classifier: Classifier) -> None:
    """Check that an audit is of this classifier.

    Raises:
        OutputError: if not, with the first thing that differs.
    """
    now = written(classifier)
    if not isinstance(saved, Mapping):
        raise OutputError(f"{path} does not say which classifier it is of")
    other = [key for key, value in now.items() if saved.get(key) != value]
    if other:
        raise OutputError(f"{path} is of another classifier (other {other[0]})")


def refuse_other_rule(path: Path, choice: RemovalChoice) -> None:
    """Check that today's rule gives the set from the figures.

    Raises:
        OutputError: if not.
    """
    if choice.rule != RULE:
        raise OutputError(f"{path} was made by rule {choice.rule}, today's is {RULE}")
    if not choice.figures or not {f.name for f in choice.figures} <= set(BASELINES):
        raise OutputError(f"{path} has no figures of removals that this version knows")
    found = chosen(choice.figures)
    if (found.removal, found.fails) != (choice.removal, choice.fails):
        raise OutputError(f"{path} names another set than its figures lead to; it was changed")


def choice_from(document: Mapping[str, Any]) -> RemovalChoice:
    """A choice from its JSON, of which the shape was checked; null is NaN again."""
    figures = tuple(
        RemovalFigures(
            **{f.name: read(f.name, each[f.name]) for f in fields(RemovalFigures)},
        )
        for each in document["figures"]
    )
    values = {f.name: document[f.name] for f in fields(RemovalChoice)}
    values["minimum_effect"] = float(values["minimum_effect"])
    lists = {name: tuple(document[name]) for name in ("removal", "fails")}
    return RemovalChoice(**{**values, **lists, "figures": figures})


def read(name: str, value: Any) -> Any:  # noqa: ANN401  any JSON value
    """One figure: NaN for null, and a number with a fraction for 0 and 1, as JSON may have it."""
    if name in NO_SHARES:
        return value
    return math.nan if value is None else float(value)
