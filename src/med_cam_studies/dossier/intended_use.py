"""What the owner of a classifier states about it, from a TOML file; what is not there is said."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from med_cam.config.rules import nearest, shown
from med_cam.config.toml import toml_table
from med_cam.errors import ConfigError
from med_cam.report.layout import attributes
from med_cam_studies.report.blocks import Block, Facts, Said, Section

MOST = 2**18  # bytes of the file
NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class IntendedUse:
    """The keys of the file, each a string; all may be left out.

    Attributes:
        purpose: what the classifier is for: the question that it answers and what follows from the
            answer.
        users: who uses it, and what they have to know.
        population: on which patients.
        images: on which images: modality, body part, devices, protocol.
        setting: where and when in the course of care.
        not_for: what it must not be used for.
        oversight: what a person does with its answer before anything follows from it.
        training_data: what it was trained on, and where from.
        test_data: where the images of this dossier come from, how they were chosen, and whether
            any patient is in the training data too.
        reference_standard: how the right labels were found, and by whom.
        limitations: what is known to go wrong.
        version: of the classifier, as its owner calls it.
        owner: who answers for it.
        contact: where to report a problem.
        date: of these statements.
    """

    purpose: str = ""
    users: str = ""
    population: str = ""
    images: str = ""
    setting: str = ""
    not_for: str = ""
    oversight: str = ""
    training_data: str = ""
    test_data: str = ""
    reference_standard: str = ""
    limitations: str = ""
    version: str = ""
    owner: str = ""
    contact: str = ""
    date: str = ""


KEYS: Mapping[str, str] = attributes(IntendedUse)  # each key with its meaning


def read_intended_use(path: Path | None) -> IntendedUse:
    """The statements of a file; none without a file.

    Raises:
        ConfigError: if it cannot be read, is no TOML, or has an unknown key or one that is no
            string.
    """
    table = {} if path is None else toml_table(path, "intended-use", most=MOST)
    for key, value in table.items():
        if key not in KEYS:
            raise ConfigError(f"{path}: unknown key {shown(key)}{nearest(key, KEYS)}")
        if not isinstance(value, str):
            raise ConfigError(f"{path}: {key} is a text in quotes, got {shown(value)}")
    return IntendedUse(**{key: " ".join(value.split()) for key, value in table.items()})


def intended_use(stated: IntendedUse, source: str) -> Section:
    """The section.

    Args:
        stated: by the owner.
        source: name of the file, "" for none.
    """
    values = asdict(stated)
    facts = {in_words(name): values[name] or NOT_STATED for name in values}
    absent = [in_words(field.name).lower() for field in fields(stated) if not values[field.name]]
    who = f"Stated by the owner in {source}; nothing of it was checked." if source else ""
    blocks: tuple[Block, ...] = (Said(who), Facts(facts)) if who else (Facts(facts),)
    missing = (f"Intended use, not stated: {', '.join(absent)}.",) if absent else ()
    return Section("use", "Intended use", blocks, missing)


def in_words(key: str) -> str:
    """A key as it is read: "Not for"."""
    return key.replace("_", " ").capitalize()
