"""audit.json and audit.md, both or none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from med_cam.audit.answers import Answers, Labels, most_given, opinion
from med_cam.audit.findings import Findings, Retained
from med_cam.audit.shapes import cell_side
from med_cam.audit.verdict import (
    confident_predictions,
    divided_by_shape,
    drawn_by_shape,
    quarrels,
    recommended,
)
from med_cam.classifiers.base import Classifier
from med_cam.masking import CONTENT
from med_cam.report.audit_tables import as_markdown, tables
from med_cam.report.audit_text import meanings, verdicts
from med_cam.report.files import write_files

AUDIT_VERSION = "1.0"  # the first number changes when a field changes its meaning or goes
JSON_FILE, TEXT_FILE = "audit.json", "audit.md"
SOURCE = (
    "Jain et al., Missingness Bias in Model Debugging, ICLR 2022, https://arxiv.org/abs/2204.08945"
)
NOT_A_DIAGNOSIS = "About the classifier's decision, never about a disease."


@dataclass(frozen=True, slots=True)
class Audited:
    """One image: its file's name without folder, the hash of its bytes, what it is called."""

    name: str
    sha256: str
    label: str | None
    probability: float


@dataclass(frozen=True, slots=True)
class Audit:
    """All that an audit has to say.

    Attributes:
        classifier: that was audited.
        labels: its labels and their bars.
        images: those audited.
        failed: how many others could not be.
        references: how many other images there were.
        draws: of everything random, an image.
        seed: of every draw.
        found: the numbers.
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
    cell = cell_side(audit.classifier.input_size)
    verdict = [f"- {s}" for s in verdicts(audit.found, audit.labels)]
    meaning = [f"- {s}" for s in meanings(audit.found, audit.labels)]
    parts = [
        f"# What {audit.classifier.name} answers when there is no evidence",
        NOT_A_DIAGNOSIS,
        facts(audit),
        "## Verdict\n\n" + "\n".join(verdict),
        "## What it means for explanations\n\n" + "\n".join(meaning),
        *(as_markdown(table) for table in tables(audit.found, audit.labels, cell=cell)),
        f"Method: missingness audit after {SOURCE}. All numbers: {JSON_FILE}.",
    ]
    return "\n\n".join(parts) + "\n"


def facts(audit: Audit) -> str:
    """What it rests on, as a list."""
    software = ", ".join(f"{name} {version}" for name, version in audit.software.items())
    lines = {
        "weights (SHA-256)": audit.classifier.sha256 or "unknown",
        "images": f"{len(audit.images)}" + (f", {audit.failed} failed" if audit.failed else ""),
        "other images": audit.references,
        "draws": f"{audit.samples} of everything random, an image",
        "seed": audit.seed,
        "passes": f"{audit.found.passes:,}",
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
        "own_answers": dict(zip(labels.names, found.own, strict=True)),
        "undecided": found.undecided,
        "passes": found.passes,
        "alone": {
            name: {"shows_content": name in CONTENT, **answers_json(answers, labels)}
            for name, answers in found.alone.items()
        },
        "silhouettes": [
            {**kind._asdict(), **answers_json(answers, labels)}
            for kind, answers in found.silhouettes.items()
        ],
        "gaps": [{**gap._asdict(), **retained_json(r, labels)} for gap, r in found.gaps.items()],
        "verdict": verdict_json(found, labels),
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
        "opinion_from": dict(zip(labels.names, labels.bars, strict=True)),
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
        "references": audit.references,
        "draws": audit.samples,
        "seed": audit.seed,
        "cell": cell_side(c.input_size),
        "device": str(c.device),
        "versions": dict(audit.software),
    }


def answers_json(answers: Answers, labels: Labels) -> dict[str, Any]:
    """Answers on frames of one kind."""
    most, held = most_given(answers), opinion(answers, labels)
    return {
        "frames": answers.frames,
        "called": None if most is None else labels.names[most],
        "opinion": None if held is None else labels.names[held],
        "given": dict(zip(labels.names, answers.given, strict=True)),
        "mean": dict(zip(labels.names, answers.means, strict=True)),
        "mean_highest": answers.peaks / answers.frames,
        "highest": answers.highest,
        "sure": answers.sure,
    }


def retained_json(r: Retained, labels: Labels) -> dict[str, Any]:
    """Answers on images with parts missing."""
    return {
        "frames": r.frames,
        "kept": r.retained,
        "mean_own": r.own / r.frames,
        "mean_highest": r.peaks / r.frames,
        "lost_to": dict(zip(labels.names, r.lost, strict=True)),
        "lost_to_none": r.unnamed,
        "images_lost_to": dict(zip(labels.names, r.takers, strict=True)),
    }


def verdict_json(found: Findings, labels: Labels) -> dict[str, Any]:
    """What it comes to."""
    return {
        "opinions": {
            n: labels.names[label] for n, label in confident_predictions(found, labels).items()
        },
        "divided": quarrels(found, labels),
        "by_shape": [
            {**kind._asdict(), "label": labels.names[label]}
            for kind, label in drawn_by_shape(found, labels).items()
        ],
        "divided_by_shape": [kind._asdict() for kind in divided_by_shape(found, labels)],
        "recommended_backgrounds": recommended(found, labels),
        "sentences": verdicts(found, labels) + meanings(found, labels),
    }
