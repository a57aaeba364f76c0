"""The page of any results: what `med-cam explain` has written, sorted by what to look at first."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor

from med_cam.errors import ConfigError
from med_cam.report.backend import in_memory
from med_cam.report.claims import claims, minimal
from med_cam.report.figure_words import outlined_too
from med_cam.report.result import Result, image_of, read_result
from med_cam.report.wording import baselines, is_small, method, status, verdict
from med_cam.results.mask_tests import MaskTests
from med_cam_studies.evaluation.rows import Row, Shown
from med_cam_studies.report.look_first import reasons, truth_by_folder, urgency
from med_cam_studies.report.page import page
from med_cam_studies.report.shrunk import within
from med_cam_studies.report.tables import summary

NAMED = ("image", "file", "name", "folder")  # columns of a table of labels that name the image
LABELLED = ("label", "truth", "class")
LONGEST = 768  # pixels per side that are kept of an image; its picture on the page has fewer
NO_IMAGE = 0.75  # grey in the place of an image of which no copy was kept


@dataclass(frozen=True, slots=True)
class OneResult:
    """A result ready to be shown.

    Attributes:
        shown: its line and pictures.
        urgency: how much it deserves a look.
        facts: by name, the same for most results of a folder.
    """

    shown: Shown
    urgency: int
    facts: Mapping[str, str]


def results_page(
    found: Sequence[OneResult], *, title: str, facts: Mapping[str, str], audit: Sequence[str]
) -> str:
    """The text of report.html.

    Args:
        found: the results, in any order.
        title: of the page.
        facts: by name, besides those that all results have in common.
        audit: sentences of the classifier's audit.
    """
    ordered = sorted(found, key=lambda one: (-one.urgency, one.shown.row.image))
    shown = [one.shown for one in ordered]
    labels = sorted({item.row.label for item in shown})
    tables = {"By label": summary([item.row for item in shown], labels)}
    common = {"Results": str(len(found)), **in_common([one.facts for one in found]), **facts}
    with in_memory():
        folded = {f"Missingness audit ({len(audit)} sentences)": audit} if audit else {}
        return page(title, shown, facts=common, tables=tables, folded=folded)


def in_common(each: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Facts by name: the value that all results have, or how many different ones there are."""
    found = {}
    for name in each[0] if each else ():
        values = {facts[name] for facts in each}
        found[name] = values.pop() if len(values) == 1 else f"{len(values)} different ones"
    return found


def one_result(folder: Path, out: Path, truth_of: Callable[[str, str], str]) -> OneResult:
    """A result read from its folder.

    Args:
        folder: of the result.
        out: folder of all results.
        truth_of: from the name of an image and the place of its result to the label that is
            right, or "".

    Raises:
        OutputError: if it is not as it was written.
    """
    result = read_result(folder)
    found, document = result.explanation, result.document
    place = folder.relative_to(out).as_posix()
    name = document["image"]["name"] or place
    truth = truth_of(name, place)
    why = reasons(found, truth)
    image = image_of(result)
    pixels = torch.full((1, *found.mask.shape), NO_IMAGE) if image is None else image.pixels
    row = Row(
        image=name,
        folder=place,
        truth=truth,
        label=found.label,
        before=found.before[found.target],
        after=found.after[found.target],
        area=found.area,
        verified=found.verified and is_small(found.area),
        status=status(found),
        components=found.components,
        forward=found.passes.forward,
        backward=found.passes.backward,
        seconds=found.seconds,
        warnings=found.claim.warnings,
        sha256=document["sha256"]["image"] or "",
    )
    shown = Shown(
        row,
        pixels,
        found.mask,
        maps={},
        verdict=verdict(found),
        reasons=tuple(reason.text for reason in why if reason.text not in row.warnings),
        claims=tuple(" ".join(statement.text.split()) for statement in claims(found)),
        regions=None if found.tests is None else regions_of(found.tests),
        others={method(other): other.mask for other in found.compared},
        outlined=tuple(outlined_too(found)),
        needed="" if found.tests is None else needed(found.tests),
    )
    return OneResult(light(within(shown, LONGEST)), urgency(why), facts_of(result))


def light(shown: Shown) -> Shown:
    """The same in less memory: a page has hundreds of them, and shows 256 levels."""
    pixels = shown.pixels
    if len(pixels) == 3 and torch.equal(pixels[0], pixels[1]) and torch.equal(*pixels[1:]):
        pixels = pixels[:1]
    return replace(shown, pixels=pixels.half())


def regions_of(tests: MaskTests) -> Int[Tensor, "h w"] | None:
    """On each pixel the number of its part of the mask; None where it has no such parts."""
    return None if tests.minimality is None else tests.minimality.regions


def needed(tests: MaskTests) -> str:
    """Whether the parts of the mask are needed, in a sentence."""
    if tests.minimality is None:
        return ""
    text = minimal(tests.minimality).text
    return f"{text[:1].upper()}{text[1:]}."


def facts_of(result: Result) -> dict[str, str]:
    """What a result rests on."""
    document, found = result.document, result.explanation
    weights = document["classifier"]["weights"] or {}
    return {
        "Classifier": document["classifier"]["name"],
        "SHA-256 of its weights": ", ".join(weights.values()) or "none",
        "Baselines": baselines(found.claim.searched),
        "Settings": f"preset {document['preset'] or 'none'}, seed {document['seed']}",
        "med-cam": document["versions"].get("med-cam", "unknown"),
    }


def truth_from(labels: Path | None, known: Sequence[str]) -> Callable[[str, str], str]:
    """How the right label of an image is found: from a table, else from the folder it lies in.

    Args:
        labels: a CSV file with a column for the image (`image`, its name with or without folders;
            `folder`, the place of its result) and one for the label (`label`); None for none.
        known: labels of the classifier: a folder of another name tells nothing.

    Raises:
        ConfigError: if the table cannot be read, or has no such columns.
    """
    if labels is None:
        return partial(truth_by_folder, known=frozenset(known))
    table = dict(_labelled(labels))
    return lambda name, place: next(
        (table[key] for key in (name, Path(name).name, place) if key in table), ""
    )


def _labelled(path: Path) -> Iterator[tuple[str, str]]:
    """Names of images with their labels."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            head = reader.fieldnames or ()
            image = next((name for name in NAMED if name in head), None)
            label = next((name for name in LABELLED if name in head), None)
            if image is None or label is None:
                raise ConfigError(
                    f"{path} has no columns named image and label; its first line is "
                    f"{','.join(head)[:80]!r}"
                )
            for line in reader:
                yield line[image] or "", line[label] or ""
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"{path} cannot be read as CSV ({error}); check the path") from error
