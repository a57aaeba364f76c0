"""What is found of a certified mask besides its claim, each on draws of its own."""

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import ENLARGE, HIDDEN, SILHOUETTE, WITHOUT, fresh
from med_cam.config.settings import Config
from med_cam.masking import composite
from med_cam.results import Claim, Minimality, Necessity, Proof, Rate
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision
from med_cam.verify.emptiness import Emptiness
from med_cam.verify.minimality import gap_of, numbered
from med_cam.verify.necessity import necessity
from med_cam.verify.reinsertion import hidden, shown_again
from med_cam.verify.silhouette import silhouette
from med_cam.verify.warnings import is_negative

Source = Bool[Tensor, "h1 w1"]  # a mask as exported, in the source image's pixels


def proof_of(
    case: Case, mask: Source, claim: Claim, minimality: Minimality | None, config: Config
) -> Proof:
    """Necessity, stability and leaks of a mask, one composite a pass."""
    decision = Decision(case.question, claim.empty, claim.required)
    return Proof(
        minimality=minimality,
        necessity=necessity_of(case, mask, decision, config),
        hidden=hidden_of(case, mask, decision, config),
        hidden_wanted=config.certification.hidden_wanted,
        shape=shape_of(claim, config),
        silhouette=silhouette_of(case, mask, decision, config),
        negative=is_negative(case.question.labels[case.question.target]),
    )


def necessity_of(case: Case, mask: Source, decision: Decision, config: Config) -> Necessity:
    """What is answered without the evidence."""
    around = around_of(case, config, config.certification.without, WITHOUT)
    confidence = config.verification.confidence
    return necessity(case.singly, case.scene, reread(case, mask), around, decision, confidence)


def hidden_of(case: Case, mask: Source, decision: Decision, config: Config) -> Rate:
    """How often the answer stays when hidden parts are shown again."""
    rules, generator = config.certification, fresh(config.seed, HIDDEN)
    masks = shown_again(reread(case, mask), rules.hidden_cell, rules.hidden, generator)
    names = config.verification.backgrounds
    around = numbered(case.scene, names, rules.hidden, generator)
    confidence = config.verification.confidence
    return hidden(case.singly, case.scene, masks & case.scene.valid, around, decision, confidence)


def silhouette_of(case: Case, mask: Source, decision: Decision, config: Config) -> Rate:
    """How often the filled mask gives the target."""
    around = around_of(case, config, len(config.verification.backgrounds), SILHOUETTE)
    confidence = config.verification.confidence
    return silhouette(case.singly, case.scene, reread(case, mask), around, decision, confidence)


def shape_of(claim: Claim, config: Config) -> Rate:
    """The check "shape" of the claim, bounded from above."""
    check = next(check for check in claim.checks if check.name == "shape")
    hits = round(check.value * check.trials)
    return rate(hits, check.trials, config.verification.confidence, at_least=False)


def around_of(case: Case, config: Config, count: int, purpose: int) -> Float[Tensor, "n c h w"]:
    """The claim's fixed backgrounds and so many draws of its random ones, for one purpose."""
    names = config.verification.backgrounds
    return numbered(case.scene, names, count, fresh(config.seed, purpose))


def suffices(case: Case, empty: Emptiness, config: Config) -> bool:
    """Whether all that is open keeps the decision on every one of a few draws."""
    if not case.open.any():
        return False
    rest = reread(case, exported(case, case.open)).to(case.scene.x)
    around = around_of(case, config, config.certification.cell_draws, ENLARGE)
    p = case.answer(composite(case.scene.x, rest, around))
    return bool((gap_of(p, empty.decision) >= 0).all())
