"""The document of a saved result as it comes out now, by the same rules that it was written by."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import PIL.Image
import torch

from med_cam.case.case import Case, baseline_colours
from med_cam.certification.certificate import response_of
from med_cam.certification.evidence import predicted_after
from med_cam.certification.first_look import at_equal_area
from med_cam.config.floor import not_called_verified, weak_rules
from med_cam.config.presets import PRESETS
from med_cam.config.settings import Config
from med_cam.config.toml import as_table
from med_cam.images.components import components
from med_cam.recheck.choice import choice_again
from med_cam.recheck.difference import ABSENT, Difference, differences
from med_cam.recheck.further import area_of
from med_cam.report.document import fields_of, plain
from med_cam.report.file_names import (
    AGREEMENT_FILE,
    ALTERNATIVE_FILE,
    BESIDE_FILE,
    COMPARED_FILE,
    EVIDENCE_FILE,
    OLDER_NAMES,
    QUIET_FILE,
    REGIONS_FILE,
    RESTRICTED_FILE,
    RUNG_FILE,
    RUNNER_UP_FILE,
    SUPERSET_FILE,
)
from med_cam.report.headers import BROKEN, size_said
from med_cam.report.opening import content_of
from med_cam.report.saved import Saved
from med_cam.report.schema import SCHEMA_VERSION
from med_cam.report.write import evidence_png
from med_cam.results.claim import BesideClaim, Claim, RestrictedClaim
from med_cam.results.compared import OtherMethod
from med_cam.results.contrast import Contrast
from med_cam.results.explanation import Explanation
from med_cam.results.ladder import Ladder
from med_cam.results.mask_tests import MaskTests
from med_cam.results.passes import Passes
from med_cam.verify.ladder_words import said_by, with_ladder
from med_cam.verify.status import ending, no_decision, restriction, second_of, sensitivity_pattern

Document = Mapping[str, Any]
OF_THE_CLAIM = (
    "verified", "status", "claim", "restricted_claim", "beside_claim", "ladder", "tests",
    "contrast", "compared",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Again:
    """What came out of a result.

    Attributes:
        claim: on its mask, with all warnings.
        tests: of its mask, further masks and agreement included; None where nothing is retained.
        restricted: the restricted claim.
        contrast: what would have to be there for another label.
        beside: the claim over other removals.
        ladder: of weaker claims.
    """

    claim: Claim
    tests: MaskTests | None
    restricted: RestrictedClaim | None
    contrast: Contrast | None = None
    beside: BesideClaim | None = None
    ladder: Ladder | None = None

    @property
    def certified(self) -> bool:
        """Whether the claim holds with its certificate, and the mask was tested."""
        certificate = self.claim.certificate
        bounded = certificate is not None and certificate.holds
        return self.tests is not None and self.claim.holds and bounded


def changes(case: Case, saved: Saved, found: Again | None, *, older: bool) -> Iterator[Difference]:
    """Every field of a result that was saved otherwise than it comes out.

    Args:
        case: the image before the classifier, under the settings that were saved.
        saved: the result.
        found: what came out; None if it was tested otherwise than it was saved, so that only what
            does not depend on the claim can be compared.
        older: whether it is of schema version 1.
    """
    document = saved.document
    now = origin_now(case, saved) | explanation_now(case, saved, found)
    if found is None:
        now = {name: value for name, value in now.items() if name not in OF_THE_CLAIM}
        now["verified"] = bool(document["verified"]) and is_backed(document)
    for name, value in now.items():
        was = document[name]
        if name in ("image", "sha256", "config"):  # of which not all is computed again
            was = {key: was[key] for key in value if key in was}
            value = {key: value[key] for key in was}
        yield from differences(was, value, name, older=older)
    yield from unspoken_files(saved)
    yield from other_evidence(saved)
    yield from other_dicom(saved)


def other_dicom(saved: Saved) -> Iterator[Difference]:
    """What a result says of a DICOM or NIfTI file or a slide that is there and says otherwise."""
    image = saved.image
    for kind, said in (("dicom", image.dicom), ("nifti", image.nifti), ("slide", image.slide)):
        if said is not None:
            now, was = fields_of(said), saved.document["image"][kind] or {}
            for name, value in now.items():
                if was.get(name, ABSENT) != value:
                    yield Difference(f"image.{kind}.{name}", was.get(name, ABSENT), value)


def other_evidence(saved: Saved) -> Iterator[Difference]:
    """The picture of the evidence, if it shows something else than the mask leaves."""
    path = saved.folder / EVIDENCE_FILE
    if not os.path.lexists(path):  # for people to look at: whoever needs it has the manifest
        return
    drawn, content = evidence_png(saved.image, saved.mask), content_of(path)
    same = content == drawn
    if not same and size_said(content) == tuple(saved.mask.shape):
        same = pixels_of(content) == pixels_of(drawn)  # another Pillow compresses otherwise
    if not same:
        yield Difference(EVIDENCE_FILE, "another picture", "the image where the mask is")


def pixels_of(content: bytes) -> bytes | None:
    """Of a picture, in 8 bits per channel; None if it cannot be read."""
    try:
        with PIL.Image.open(BytesIO(content), formats=("PNG",)) as picture:
            return picture.convert("RGB").tobytes()
    except BROKEN:
        return None


def is_backed(document: Document) -> bool:
    """Whether a document has a certificate and tests that hold, as far as it says itself."""
    certificate = document["claim"]["certificate"]
    held = certificate is not None and certificate["holds"] and document["claim"]["holds"]
    return document["tests"] is not None and bool(held)


def rules_of(case: Case, saved: Saved) -> Config:
    """The settings that the floor is held to: not what stands for a check of a later version."""
    if not saved.older:
        return case.config
    today = Config().verification
    rules = replace(
        case.config.verification,
        specificity_rate=today.specificity_rate,
        consistency=today.consistency,
    )
    return replace(case.config, verification=rules)


def explanation_now(case: Case, saved: Saved, found: Again | None) -> dict[str, Any]:
    """The fields of `Explanation`, those of the search left empty."""
    after, kl = predicted_after(case, saved.mask)
    if found is None:
        found = Again(Claim((), (), (), 0.0, 0.0, 0.0, "", ()), None, None)
    area = area_of(saved.mask)
    now = Explanation(
        target=case.target.index,
        label=case.target.label,
        labels=case.target.labels,
        verified=found.certified and not weak_rules(rules_of(case, saved)),
        status=status_again(case, str(saved.document["status"]), area, found),
        area=area,
        components=components(saved.mask),
        mask=saved.mask,
        soft=torch.zeros(0, 0),
        before=tuple(case.before[0].tolist()),
        after=after,
        kl=kl,
        claim=found.claim,
        restricted=found.restricted,
        beside=found.beside,
        ladder=found.ladder,
        tests=found.tests,
        contrast=found.contrast,
        passes=Passes(0, 0),
        seconds=0.0,
        hooked_layers=case.classifier.hooked_layers,
        steps=(),
        baseline_colours=baseline_colours(case),
        removal_choice=choice_again(saved.document["removal_choice"], case.config),
        fills=case.fills,
        compared=compared_again(case, saved),
    )
    return {"schema_version": SCHEMA_VERSION, **fields_of(now)}


def compared_again(case: Case, saved: Saved) -> tuple[OtherMethod, ...]:
    """What other methods show, by their saved masks; their maps are not made again."""
    if not saved.compared:
        return ()
    decision = response_of(case).decision
    return tuple(
        at_equal_area(
            case,
            mask,
            saved.mask,
            decision=decision,
            method=was["method"],
            layer=was["layer"],
            spent=Passes(0, 0),
        )
        for mask, was in zip(saved.compared, saved.document["compared"], strict=True)
    )


def origin_now(case: Case, saved: Saved) -> dict[str, Any]:
    """The fields of `Origin` that can be computed again; a setting not saved has its default."""
    height, width = saved.mask.shape
    preset = saved.document["preset"]
    return {
        "seed": case.config.seed,
        "preset": preset if preset in PRESETS else None,
        "image": {"height": height, "width": width},
        "sha256": dict(saved.found),
        "config": plain(as_table(case.config)),
    }


def status_again(case: Case, said: str, area: float, found: Again) -> str:
    """The status as it comes out.

    To which baselines the classifier is not robust, and by what figures, needs the search: such
    sentences are taken as they are where there may be some, for no other baselines than they can
    be of, and with a restricted claim for exactly those that it gave up.
    """
    claim, target, rules = found.claim, case.target, case.config
    if not case.predicted:
        return no_decision(target, case.before)
    first, restricted = ending(claim, area, target) if claim.checks else "", found.restricted
    own = found.restricted is not None and not said_by(found.ladder)
    last = f"; {restriction(restricted)}" if own and restricted is not None else ""
    last += not_called_verified(rules) if claim.holds else ""
    small = claim.holds and area <= rules.refinement.large
    if small or rules.refinement.cut == "threshold":
        return first + last + second_of(found.beside, target)
    names = [sensitivity_pattern(name, target.labels) for name in claim.searched]
    between = rf"(?:; (?:{'|'.join(names)}))*"
    if restricted is not None:
        between = "".join(f"; {sensitivity_pattern(n, target.labels)}" for n in restricted.dropped)
    mark = "\0"  # in no sentence
    whole = with_ladder(first + mark + last, found.ladder, held=claim.holds)
    whole += second_of(found.beside, target)
    pattern = re.escape(whole).replace(re.escape(mark), between)
    return said if re.fullmatch(pattern, said) else whole.replace(mark, "")


def unspoken_files(saved: Saved) -> Iterator[Difference]:
    """Files of masks that lie in the folder, and of which the document says nothing."""
    tests = saved.document["tests"] or {}
    parts = tests.get("minimality") or {}
    number = len(tests.get("alternatives", ())) + 1
    other = len(saved.document["compared"]) + 1
    there = {
        "restricted_claim": (RESTRICTED_FILE, saved.document["restricted_claim"]),
        "beside_claim": (BESIDE_FILE, saved.document["beside_claim"]),
        "ladder.rung": (RUNG_FILE, (saved.document["ladder"] or {"rung": None})["rung"]),
        "tests.necessary_superset": (SUPERSET_FILE, tests.get("necessary_superset")),
        "tests.minimality.regions": (REGIONS_FILE, parts.get("regions")),
        "tests.agreement": (AGREEMENT_FILE, tests.get("agreement")),
        "contrast.quiet": (QUIET_FILE, saved.document["contrast"]),
        "contrast.runner_up": (RUNNER_UP_FILE, saved.document["contrast"]),
        f"tests.alternatives[{number - 1}]": (ALTERNATIVE_FILE.format(number), None),
        f"compared[{other - 1}]": (COMPARED_FILE.format(other), None),
    }
    for path, (name, said) in there.items():
        for found in (name, OLDER_NAMES.get(name, name)) if said is None else ():
            if (saved.folder / found).exists():
                yield Difference(path, ABSENT, f"the file {found}")
                break


def beyond_preset(case: Case, document: Document) -> str:
    """The settings that are not those of the preset, in words; "" if all are.

    Where none is named, or one that there is not, those of the default.
    """
    name = document["preset"] if document["preset"] in PRESETS else "default"
    was = plain(as_table(PRESETS[name]))
    other = [f"{d.path} {d.saved}" for d in differences(plain(as_table(case.config)), was)]
    said = f"settings other than those of the preset {name} today: {', '.join(other)}"
    return said if other else ""
