"""The dossier of a classifier, section by section."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Generator

from med_cam.report.backend import in_memory
from med_cam_studies.dossier.data import LeftOut, data, manifest
from med_cam_studies.dossier.errors import errors
from med_cam_studies.dossier.evidence import evidence
from med_cam_studies.dossier.failures import failures
from med_cam_studies.dossier.identity import identity
from med_cam_studies.dossier.intended_use import IntendedUse, intended_use
from med_cam_studies.dossier.missingness import missingness
from med_cam_studies.dossier.outlines import outlines
from med_cam_studies.dossier.performance import performance
from med_cam_studies.dossier.rechecked import rechecked
from med_cam_studies.dossier.repeated import repeated
from med_cam_studies.dossier.sanity_file import Checked
from med_cam_studies.dossier.words import glossary
from med_cam_studies.report.blocks import share
from med_cam_studies.report.explained import Explained, Made, TruthOf
from med_cam_studies.report.sheet import sheet

FILE = "dossier.html"


@dataclass(frozen=True, slots=True)
class Beside:
    """What a dossier takes besides the results; all may be missing.

    Attributes:
        stated: by the owner of the classifier.
        stated_in: name of the file that it stands in.
        audit: path of the classifier's audit.json.
        outlines: folder of outlines by people.
        verified: path of what `med-cam verify` printed.
        sanity: images that were explained with shuffled weights.
    """

    stated: IntendedUse
    stated_in: str = ""
    audit: Path | None = None
    outlines: Path | None = None
    verified: Path | None = None
    sanity: Sequence[Checked] = ()


@dataclass(frozen=True, slots=True)
class Results:
    """The results that a dossier is about.

    Attributes:
        every: of one classifier, one an image.
        made: what they are of.
        out: the folder that they lie in.
        truth_of: how right labels are found.
        left_out: what is in no number.
    """

    every: tuple[Explained, ...]
    made: Made
    out: Path
    truth_of: TruthOf
    left_out: LeftOut


def dossier(results: Results, beside: Beside, *, generator: Generator) -> str:
    """The text of dossier.html.

    Args:
        results: that it is about.
        beside: what else it is made of.
        generator: of the bootstraps, on the CPU.

    Raises:
        MedCamError: if one of the files cannot be used.
    """
    every, made, out = results.every, results.made, results.out
    with in_memory():
        sections = (
            identity(made, every, out),
            intended_use(beside.stated, beside.stated_in),
            data(every, results.left_out),
            performance(every, generator=generator),
            evidence(every),
            outlines(every, beside.outlines, generator=generator),
            missingness(beside.audit, made),
            repeated(every, generator=generator, sanity=beside.sanity),
            failures(every, out, results.truth_of),
            errors(every, generator=generator),
            rechecked(every, beside.verified, made),
            glossary(),
            manifest(every),
        )
        title = f"Dossier: {made.classifier['name']}"
        return sheet(title, sections, highlights=highlights(every))


def highlights(every: Sequence[Explained]) -> list[str]:
    """The numbers that a reader of one paragraph needs."""
    own = [one for one in every if one.of_prediction]
    known = [one for one in own if one.truth]
    wrong = [one for one in known if not one.right]
    found: Mapping[str, tuple[int, int]] = {
        "Predicted rightly, where the right label is known": (len(known) - len(wrong), len(known)),
        "A region of at most half of the image is sufficient": (
            sum(one.small for one in own),
            len(own),
        ),
        "Predicted wrongly though a small region is sufficient": (
            sum(one.small for one in wrong),
            len(known),
        ),
        "Without any warning": (sum(not one.warnings for one in own), len(own)),
    }
    lines = [f"{words}: {share(*counts)}." for words, counts in found.items() if counts[1]]
    return [*lines, "In brackets: the exact 95% interval."]
