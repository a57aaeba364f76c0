"""audit.json and audit.md, both or none."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from med_cam.audit.findings import Findings, Retained
from med_cam.audit.predictions import Labels, Predictions, confident_label, most_predicted
from med_cam.audit.shapes import patch_side
from med_cam.audit.verdict import (
    confident_predictions,
    inconsistent_by_shape,
    inconsistent_predictions,
    predicted_by_shape,
    recommended,
)
from med_cam.classifiers.base import Classifier
from med_cam.config.baselines import CONTENT
from med_cam.report.audit_tables import Table, as_markdown, removal_table, tables
from med_cam.report.audit_text import meanings, verdicts
from med_cam.report.choice_file import AUDIT_FILE, AUDIT_VERSION, choice_fields
from med_cam.report.choice_text import choice_sentence
from med_cam.report.files import write_files
from med_cam.results.removal import RemovalChoice

JSON_FILE, TEXT_FILE = AUDIT_FILE, "audit.md"
SOURCE = (
    "Jain et al., Missingness Bias in Model Debugging, ICLR 2022, https://arxiv.org/abs/2204.08945"
)
NOT_A_DIAGNOSIS = "About the classifier's predictions, never about a disease."


@dataclass(frozen=True, slots=True)
class Audited:
    """One image: its file name without folder, the hash of its bytes, its prediction."""

    name: str
    sha256: str
    label: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit reports.

    Attributes:
        classifier: that was audited.
        labels: its labels, and from which probability a prediction of each is confident.
        images: those audited.
        failed: how many others could not be.
        references: how many reference images there were.
        samples: random samples of each kind per image.
        seed: of every random sample.
        found: the numbers.
        choice: of the removals to explain with.
        software: versions by name.
    """

    classifier: Classifier
    labels: Labels
    images: tuple[Audited, ...]
    failed: int
    references: int
    samples: int
    seed: int
    found: Findings
    choice: RemovalChoice
    software: Mapping[str, str]


def write_audit(audit: Audit, folder: Path) -> None:
    """Write both files, complete ones in the place of earlier ones.

    Raises:
        OutputError: if they cannot be written; nothing is written then.
    """
    contents = {
        TEXT_FILE: markdown(audit),
        JSON_FILE: json.dumps(document(audit), indent=2, ensure_ascii=False, allow_nan=False)
        + "\n",
    }
    write_files(folder, {name: text.encode() for name, text in contents.items()})


def markdown(audit: Audit) -> str:
    """All of it, for people."""
    patch = patch_side(audit.classifier.input_size)
    verdict = [f"- {s}" for s in verdicts(audit.found, audit.labels)]
    meaning = [f"- {s}" for s in meanings(audit.found, audit.labels)]
    parts = [
        f"# Missingness audit of {audit.classifier.name}: predictions on uninformative inputs",
        NOT_A_DIAGNOSIS,
        facts(audit),
        "## Verdict\n\n" + "\n".join(verdict),
        "## What it means for explanations\n\n" + "\n".join(meaning),
        f"## Recommended\n\n{choice_sentence(audit.choice)}",
        *(as_markdown(table) for table in all_tables(audit, patch)),
        f"Method: missingness audit after {SOURCE}. All numbers: {JSON_FILE}.",
    ]
    return "\n\n".join(parts) + "\n"


def all_tables(audit: Audit, patch: int) -> Iterator[Table]:
    """The tables of the audited images, and that of the removals if they were measured."""
    yield from tables(audit.found, audit.labels, patch=patch)
    if audit.choice.figures:
        yield removal_table(audit.choice)


def facts(audit: Audit) -> str:
    """What was audited and how, as a list."""
    software = ", ".join(f"{name} {version}" for name, version in audit.software.items())
    lines = {
        "weights (SHA-256)": audit.classifier.sha256 or "unknown",
        "images": f"{len(audit.images)}" + (f", {audit.failed} failed" if audit.failed else ""),
        "reference images": audit.references,
        "random samples": f"{audit.samples} of each kind per image",
        "seed": audit.seed,
        "forward passes": f"{audit.found.passes + audit.choice.passes:,}",
        "device": audit.classifier.device,
        "software": software,
    }
    return "\n".join(f"- {name}: {value}" for name, value in lines.items())


def document(audit: Audit) -> dict[str, Any]:
    """audit.json; same input, seed and machine, same bytes."""
    found, labels = audit.found, audit.labels
    return {
        "audit_version": AUDIT_VERSION,
        **origin(audit),
        "own_predictions": dict(zip(labels.names, found.own, strict=True)),
        "undecided": found.undecided,
        "passes": found.passes + (0 if audit.choice.figures else audit.choice.passes),
        "baselines": {
            name: {"shows_content": name in CONTENT, **predictions_json(counted, labels)}
            for name, counted in found.baselines.items()
        },
        "silhouettes": [
            {**kind._asdict(), **predictions_json(counted, labels)}
            for kind, counted in found.silhouettes.items()
        ],
        "masked": [
            {**kind._asdict(), **retained_json(r, labels)} for kind, r in found.masked.items()
        ],
        "refused": dict(found.refused),
        "verdict": verdict_json(found, labels),
        **choice_fields(audit.classifier, audit.choice),
    }


def origin(audit: Audit) -> dict[str, Any]:
    """What was audited, and with what."""
    c, labels = audit.classifier, audit.labels
    return {
        "classifier": {
            "name": c.name,
            "sha256": c.sha256 or None,
            "input_size": c.input_size,
            "resize": c.rule,
            "head": c.head,
        },
        "labels": labels.names,
        "confident_from": dict(zip(labels.names, labels.bars, strict=True)),
        "images": [
            {
                "name": image.name,
                "sha256": image.sha256 or None,
                "label": image.label,
                "probability": image.probability,
            }
            for image in audit.images
        ],
        "failed": audit.failed,
        "reference_images": audit.references,
        "samples": audit.samples,
        "seed": audit.seed,
        "patch": patch_side(c.input_size),
        "device": str(c.device),
        "versions": dict(audit.software),
    }


def predictions_json(counted: Predictions, labels: Labels) -> dict[str, Any]:
    """Predictions on inputs of one kind."""
    most, held = most_predicted(counted), confident_label(counted, labels)
    return {
        "inputs": counted.inputs,
        "predicted": None if most is None else labels.names[most],
        "confident_prediction": None if held is None else labels.names[held],
        "counts": dict(zip(labels.names, counted.counts, strict=True)),
        "mean": dict(zip(labels.names, counted.means, strict=True)),
        "mean_highest": counted.peaks / counted.inputs,
        "highest": counted.highest,
        "confident": counted.confident,
    }


def retained_json(r: Retained, labels: Labels) -> dict[str, Any]:
    """Predictions on images with patches hidden."""
    return {
        "inputs": r.inputs,
        "retained": r.retained,
        "mean_own": r.own / r.inputs,
        "mean_highest": r.peaks / r.inputs,
        "lost_to": dict(zip(labels.names, r.lost, strict=True)),
        "lost_to_none": r.unnamed,
        "images_lost_to": dict(zip(labels.names, r.takers, strict=True)),
    }


def verdict_json(found: Findings, labels: Labels) -> dict[str, Any]:
    """The verdict."""
    return {
        "confident_predictions": {
            n: labels.names[label] for n, label in confident_predictions(found, labels).items()
        },
        "inconsistent_predictions": inconsistent_predictions(found, labels),
        "predicted_by_shape": [
            {**kind._asdict(), "label": labels.names[label]}
            for kind, label in predicted_by_shape(found, labels).items()
        ],
        "inconsistent_by_shape": [kind._asdict() for kind in inconsistent_by_shape(found, labels)],
        "recommended_baselines": recommended(found, labels),
        "sentences": verdicts(found, labels) + meanings(found, labels),
    }
