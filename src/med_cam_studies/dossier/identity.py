"""What the classifier is, by name and hashes, and what its results were made with."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from med_cam.report.file_names import MANIFEST_FILE
from med_cam.report.installed import own_version
from med_cam.report.opening import sha256_of_file
from med_cam.report.wording import baselines
from med_cam_studies.report.blocks import Block, Facts, Said, Section
from med_cam_studies.report.explained import SHOWN, Explained, Made, weights_of

IN_WORDS = {  # fields of `classifier` that a reader wants
    "architecture": "Architecture",
    "input_size": "Input, height and width",
    "channels": "Channels",
    "resize": "Images are brought to that size by",
    "head": "Head",
    "thresholds": "Thresholds",
    "mean": "Mean taken off",
    "std": "Divided by",
}


def identity(made: Made, every: Sequence[Explained], out: Path) -> Section:
    """The section.

    Args:
        made: what the results are of.
        every: all images.
        out: folder of all results.
    """
    c = made.classifier
    facts = {
        "Name": c["name"],
        **{words: _text(c[name]) for name, words in IN_WORDS.items() if c[name] not in (None, [])},
        "Labels": ", ".join(every[0].labels if c["labels"] is None else c["labels"]),
        "SHA-256 of the weights": _hashes(c["weights"]) or weights_of(made),
    }
    if c["source_files"]:
        facts["SHA-256 of other files"] = _hashes(c["source_files"])
    blocks: list[Block] = [Facts(facts), Facts(made_with(every, out))]
    settings = {repr(one.made.config) for one in every}
    if len(settings) > 1:
        text = f"The results were made with {len(settings)} different settings; all are counted."
        blocks.append(Said(text, alert=True))
    return Section("identity", "Identity", tuple(blocks))


def made_with(every: Sequence[Explained], out: Path) -> dict[str, str]:
    """What the results were made with, and when."""
    days = sorted(one.made.created[:10] for one in every if one.made.created)
    manifest = out / MANIFEST_FILE
    seal = sha256_of_file(manifest) if manifest.is_file() else "there is none"
    return {
        "Results": str(len(every)),
        "Made": " to ".join(dict.fromkeys((days[0], days[-1]))) if days else "not saved",
        "Claims are relative to": _each(baselines(one.made.removals) for one in every),
        "Reference images (SHA-256 of all)": _each(
            one.made.references[:SHOWN] or "none" for one in every
        ),
        "Software of the results": _each(
            ", ".join(f"{name} {version}" for name, version in sorted(one.made.versions.items()))
            for one in every
        ),
        "Dossier made by": f"med-cam {own_version()}",
        f"SHA-256 of {MANIFEST_FILE}": seal,
    }


def _each(values: Iterable[str]) -> str:
    """The values that there are, each once."""
    return "; ".join(dict.fromkeys(values))


def _hashes(files: Mapping[str, str] | None) -> str:
    return ", ".join(f"{name} {digest}" for name, digest in (files or {}).items())


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
