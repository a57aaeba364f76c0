"""Explained images whose every number is given, and what a section says of them."""

import math
import re
from pathlib import Path

from med_cam_studies.report.explained import Explained, Made

LABELS = ("a", "b", "c")


def made(**changed):
    classifier = {
        "name": "net", "contrast": None, "labels": list(LABELS), "input_size": [8, 8],
        "weights": {"model.safetensors": "b" * 64}, "state": None, "head": "softmax",
    }  # fmt: skip
    return Made(
        classifier=classifier | changed, config={"seed": 0, "search": {"steps": 60}},
        references="", removals=("grey",), versions={"med-cam": "1"},
        created="2026-11-26T00:00:00Z",
    )  # fmt: skip


def one(number, predicted, truth="", *, p=0.8, **changed):
    """An image with this prediction, of this probability; the rest is shared evenly."""
    rest = (1 - p) / (len(LABELS) - 1)
    fields = {
        "folder": Path(f"r/{number}"), "place": f"{number}", "name": f"{number}.png",
        "sha256": f"{number:064x}", "result": f"{number:064x}", "truth": truth, "labels": LABELS,
        "probabilities": tuple(p if label == predicted else rest for label in LABELS),
        "label": predicted, "area": 0.2, "verified": True, "verdict": "sufficiency test passed",
        "bound": 0.95, "stability": 1.0, "tests": {}, "seeds": None, "warnings": (),
        "made": made(),
    }  # fmt: skip
    return Explained(**(fields | changed))


NOT_SUFFICIENT = {"verified": False, "verdict": "sufficiency test failed", "bound": math.nan}


def tables(section):
    """Cells of a section by caption, the first of a row its name."""
    return {
        block.caption: {row[0]: row[1:] for row in block.table.rows}
        for block in section.blocks
        if block.kind == "tabled"
    }


def facts(section):
    """Values of a section by name."""
    found = [block.facts for block in section.blocks if block.kind == "facts"]
    return {name: text for each in found for name, text in each.items()}


def texts(section):
    """Paragraphs of a section."""
    return " ".join(block.text for block in section.blocks if block.kind == "said")


def counted(text):
    """As in "3 of 20: 15.0%"."""
    return tuple(map(int, re.match(r"(\d+) of (\d+)", text).groups()))
