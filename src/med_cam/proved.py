"""All that is proved of a mask, in the order of its cost."""

from dataclasses import replace

from med_cam.certify import Certified
from med_cam.config import Config
from med_cam.enlarge import enlarged
from med_cam.further import agreement_of, alternatives
from med_cam.observe import Case
from med_cam.proof import proof_of
from med_cam.settle import Found
from med_cam.stages import Mark, mark
from med_cam.values import Proof


def proved(
    case: Case, found: Found, certificate: Certified | None, config: Config
) -> tuple[Proof | None, tuple[Mark, ...]]:
    """The proof of a mask, and where its stages ended; nothing where there was nothing to keep."""
    if certificate is None:
        return None, ()
    proof = proof_of(case, found.mask, found.claim, certificate.minimality, config)
    marks = [mark("proof", case.spent())]
    if config.certification.enlarge and not proof.necessity.holds:
        more = enlarged(case, found, config, certificate.tried)
        proof = replace(proof, enlarged=more)
        marks.append(mark("enlarged", case.spent()))
    if config.certification.alternatives:
        others, exhausted = alternatives(case, found, config)
        proof = replace(proof, alternatives=others, exhausted=exhausted)
        marks.append(mark("alternatives", case.spent()))
    if config.certification.seeds > 1:
        proof = replace(proof, agreement=agreement_of(case, found, config))
        marks.append(mark("seeds", case.spent()))
    return proof, tuple(marks)
