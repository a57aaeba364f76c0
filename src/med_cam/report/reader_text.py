"""What the reader of one case has to know of an explanation, in plain words, by section."""

from collections.abc import Iterator
from dataclasses import dataclass

from med_cam.config.baselines import OF_REFERENCES
from med_cam.report import wording
from med_cam.report.claims import Statement, claims, unsaid
from med_cam.results.check import Check
from med_cam.results.explanation import Explanation
from med_cam.verify.claim import CHECKS

NOT_TESTED = (
    "Whether the label is right, and whether the patient has what it names.",
    "Whether the region shows the disease. A classifier can rely on a ruler, a marker, the edge "
    "of the picture or the machine that made it.",
    "Whether the rest of the image is normal. A region that is not outlined was not cleared.",
    "Other images of this patient, other classifiers, other ways to hide the rest of the image.",
)
OVERRULE = (
    "Your own reading of the image and of the patient says otherwise. It counts; this page does "
    "not speak against it.",
    "The region lies where the finding cannot be: outside of the body or the tissue, on text, on "
    "a marker, at the edge.",
    "The region holds nothing that you would call a sign of this label.",
)


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it, each with how it turned out (None: neither way).

    `warns` is true where everything below it is a warning.
    """

    heading: str
    statements: tuple[Statement, ...]
    warns: bool = False


def sections(found: Explanation) -> tuple[Section, ...]:
    """All that is said, in the order in which it is to be read; warnings only if there are any."""
    warned = _bullets(found.claim.warnings, holds=False)
    every = (
        Section("In short", tuple(_short(found))),
        Section("Warnings: read these before you use the outline", warned, warns=True),
        Section("When to overrule", _bullets((*_first_reasons(found), *OVERRULE))),
        Section("What was tested", tuple(_tested(found))),
        Section("What was not tested", _bullets(NOT_TESTED)),
    )
    return tuple(section for section in every if section.statements)


def usable(found: Explanation) -> bool:
    """Whether the outlined region passed its tests and is small enough to point somewhere."""
    return found.verified and wording.is_small(found.area)


def _short(found: Explanation) -> Iterator[Statement]:
    before = wording.probability(found.before[found.target])
    yield Statement(
        f"The classifier gives this image the label {found.label} with a probability of {before}.",
        None,
    )
    yield Statement(_outcome(found), usable(found))
    if found.ladder is not None and (rung := found.ladder.rung) is not None:
        where = wording.percent(rung.area)
        yield Statement(
            f"A weaker claim holds for {where} of the image: {found.ladder.sentence}.", None
        )
    if found.cut_short:
        yield Statement("The search was ended by its budget; a smaller region may exist.", None)


def _outcome(found: Explanation) -> str:
    """What the main test showed, in a sentence or two."""
    share, label = wording.percent(found.area), found.label
    if usable(found):
        return (
            f"The outlined region, {share} of the image, is enough for that answer: with the rest "
            f"hidden the classifier still answers {label}. It passed all tests of that claim."
        )
    if found.verified:
        return (
            f"Only a large region, {share} of the image, is enough for that answer. It does not "
            "show where the answer comes from."
        )
    return (
        f"No region could be shown to be enough for that answer ({wording.verdict(found)}): "
        f"{found.status.rstrip('.')}. Do not take an outline for the reason of the answer."
    )


def _first_reasons(found: Explanation) -> Iterator[str]:
    if not usable(found):
        yield "This page says that no small region passed the tests: you have no explanation then."
    elif found.claim.warnings:
        yield "A warning of this page fits what you see: the region proves less than it seems to."


def _tested(found: Explanation) -> Iterator[Statement]:
    hidden = wording.baselines(found.claim.searched) or "nothing"
    yield Statement(
        f"The rest of the image was replaced by {hidden}. What follows holds for that only.", None
    )
    certificate = found.claim.certificate
    if certificate is not None and certificate.samples:
        confidence = wording.as_given(certificate.confidence)
        luck = wording.percent(1 - certificate.confidence)
        yield Statement(
            f"How to read a rate with {confidence} confidence: in at most {luck} of such tests "
            "the true rate is worse than that.",
            None,
        )
    yield from claims(found)
    for check in unsaid(found):
        yield Statement(_in_words(check), check.passed)
    if not OF_REFERENCES & {*found.claim.searched}:
        yield Statement(f"Images compared with: {found.claim.reference_images}.", None)


def _in_words(check: Check) -> str:
    """A check with its count, and with its threshold if it failed."""
    text, name = wording.check(check), wording.spaced(check.name)
    words = CHECKS[check.name].finding if check.name in CHECKS else name
    return text.replace(name, words, 1)


def _bullets(texts: tuple[str, ...], *, holds: bool | None = None) -> tuple[Statement, ...]:
    return tuple(Statement(text, holds) for text in texts)
