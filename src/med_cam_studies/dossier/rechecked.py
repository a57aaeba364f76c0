"""How the claims are checked again, and what `med-cam verify` last said of these results."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from med_cam.errors import OutputError
from med_cam.report.opening import content_of
from med_cam_studies.report.blocks import Block, Facts, Listed, Output, Said, Section, share
from med_cam_studies.report.explained import Explained, Made, weights_of

TITLE = "Re-check"
MOST = 2**24  # bytes of the file; a result has some 200
SHOWN = 60  # lines of the output
COMMAND = "med-cam verify DIR --model CLASSIFIER --references FOLDER > verify.txt"
NOT_DONE = f"No re-check was given with --verify: {COMMAND}"
HELD, FAILED = "all hold again", "NOT REPRODUCED"  # of the line of a result
RESULT = re.compile(r"; result ([0-9a-f]{12})\b")
CLASSIFIER = re.compile(r"^Classifier: .*, SHA-256 ([0-9a-f]{64}|unknown)\b", re.MULTILINE)
PROTOCOL = (
    "In the folder of the results, sha256sum -c manifest.sha256 shows whether a result was "
    "changed since its run.",
    f"{COMMAND} tests every claim again from the saved files, on the same random samples; it "
    "refuses another classifier. Exit status 0: all claims hold again; 3: one does not.",
    "The same with --samples 299 --seed 1 makes a new certificate of each mask on random samples "
    "that were never used.",
)


class Rechecked(NamedTuple):
    """IDs of results, the first 12 digits, by how their claims came out."""

    held: frozenset[str]
    failed: frozenset[str]


def rechecked(every: Sequence[Explained], path: Path | None, made: Made) -> Section:
    """The section.

    Args:
        every: all images.
        path: of what `med-cam verify` printed; None for none.
        made: what the results are of.

    Raises:
        OutputError: if it cannot be read, is not its output, or is of another classifier.
    """
    protocol = Listed(PROTOCOL)
    if path is None:
        return Section("verify", TITLE, (protocol, Said(f"{NOT_DONE}.")), (f"{NOT_DONE}.",))
    text = _text(path)
    refuse_other_classifier(path, text, made)
    found = outcomes(text)
    held = sum(one.result[:12] in found.held for one in every)
    failed = sum(one.result[:12] in found.failed for one in every)
    left = len(every) - held - failed
    facts = {
        "All claims hold again": share(held, len(every)),
        "A claim was not reproduced": f"{failed} of {len(every)}",
        "Not in this output": f"{left} of {len(every)}",
    }
    blocks: list[Block] = [protocol, Facts(facts)]
    blocks += [Output(_shortened(text))]
    missing = (f"{left} of {len(every)} results were not re-checked.",) if left else ()
    wrong = (f"{failed} of {len(every)} results were not reproduced.",) if failed else ()
    return Section("verify", TITLE, tuple(blocks), (*wrong, *missing))


def outcomes(text: str) -> Rechecked:
    """What an output says of each result that it names by its ID.

    A result that is named twice with both outcomes has failed.
    """
    lines = [(match[1], line) for line in text.splitlines() if (match := RESULT.search(line))]
    failed = frozenset(result for result, line in lines if FAILED in line)
    return Rechecked(frozenset(result for result, line in lines if HELD in line) - failed, failed)


def refuse_other_classifier(path: Path, text: str, made: Made) -> None:
    """Check that an output is of the classifier of the results.

    Raises:
        OutputError: if not, or if it does not say.
    """
    said = CLASSIFIER.search(text)
    if said is None:
        raise OutputError(f"{path} is not what med-cam verify prints; make it with {COMMAND}")
    if said[1] != "unknown" and said[1] not in weights_of(made):
        raise OutputError(
            f"{path} is the re-check of another classifier (SHA-256 {said[1][:12]}) than the "
            f"results are of ({weights_of(made)[:12]}); give that of this one"
        )


def _text(path: Path) -> str:
    try:
        return content_of(path, most=MOST).decode("utf-8", "replace")
    except OSError as error:
        raise OutputError(f"{path} cannot be read ({error.strerror or error})") from error


def _shortened(text: str) -> str:
    """The first lines and the last ones."""
    lines = text.splitlines()
    if len(lines) <= SHOWN:
        return text
    half = SHOWN // 2
    cut = f"... {len(lines) - 2 * half} lines left out here ..."
    return "\n".join([*lines[:half], cut, *lines[-half:]])
