"""What is found of a certified mask besides its claim, each on draws of its own."""

from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.case import Case
from med_cam.case.round_trip import exported, reread
from med_cam.case.seeds import DELETION, REINSERTION, SILHOUETTE, SUPERSET, fresh
from med_cam.config.settings import Config
from med_cam.masking import masked_input
from med_cam.results import Claim, MaskTests, Minimality, Necessity, Rate
from med_cam.verify.baseline_response import BaselineResponse
from med_cam.verify.certificate import rate
from med_cam.verify.decision import Decision
from med_cam.verify.minimality import gap_of, numbered
from med_cam.verify.necessity import necessity
from med_cam.verify.reinsertion import reinserted, reinsertion
from med_cam.verify.silhouette import silhouette
from med_cam.verify.warnings import is_negative

Source = Bool[Tensor, "h1 w1"]  # a mask as exported, in the source image's pixels


def mask_tests(
    case: Case, mask: Source, claim: Claim, minimality: Minimality | None, config: Config
) -> MaskTests:
    """Necessity, stability and leaks of a mask, one composite a pass."""
    decision = Decision(case.target, claim.p_baseline, claim.threshold)
    return MaskTests(
        minimality=minimality,
        necessity=necessity_of(case, mask, decision, config),
        reinsertion=reinsertion_of(case, mask, decision, config),
        reinsertion_wanted=config.certification.reinsertion_wanted,
        shape=shape_leakage_of(claim, config),
        silhouette=silhouette_of(case, mask, decision, config),
        negative=is_negative(case.target.labels[case.target.index]),
    )


def necessity_of(case: Case, mask: Source, decision: Decision, config: Config) -> Necessity:
    """What is answered without the evidence."""
    around = around_of(case, config, config.certification.deletion_samples, DELETION)
    confidence = config.verification.confidence
    return necessity(
        case.predict_one, case.scene, reread(case, mask), around, decision, confidence
    )


def reinsertion_of(case: Case, mask: Source, decision: Decision, config: Config) -> Rate:
    """How often the answer stays when hidden parts are shown again."""
    rules, generator = config.certification, fresh(config.seed, REINSERTION)
    masks = reinserted(reread(case, mask), rules.reinsertion_patch, rules.reinsertion, generator)
    names = config.verification.baselines
    around = numbered(case.scene, names, rules.reinsertion, generator)
    confidence = config.verification.confidence
    return reinsertion(
        case.predict_one, case.scene, masks & case.scene.valid, around, decision, confidence
    )


def silhouette_of(case: Case, mask: Source, decision: Decision, config: Config) -> Rate:
    """How often the filled mask gives the target."""
    around = around_of(case, config, len(config.verification.baselines), SILHOUETTE)
    confidence = config.verification.confidence
    return silhouette(
        case.predict_one, case.scene, reread(case, mask), around, decision, confidence
    )


def shape_leakage_of(claim: Claim, config: Config) -> Rate:
    """The check "shape" of the claim, bounded from above."""
    check = next(check for check in claim.checks if check.name == "shape_leakage")
    hits = round(check.value * check.trials)
    return rate(hits, check.trials, config.verification.confidence, at_least=False)


def around_of(case: Case, config: Config, count: int, purpose: int) -> Float[Tensor, "n c h w"]:
    """The claim's fixed backgrounds and so many draws of its random ones, for one purpose."""
    names = config.verification.baselines
    return numbered(case.scene, names, count, fresh(config.seed, purpose))


def suffices(case: Case, response: BaselineResponse, config: Config) -> bool:
    """Whether all that is open keeps the decision on every one of a few draws."""
    if not case.open.any():
        return False
    rest = reread(case, exported(case, case.open)).to(case.scene.x)
    around = around_of(case, config, config.certification.reduction_samples, SUPERSET)
    p = case.predict(masked_input(case.scene.x, rest, around))
    return bool((gap_of(p, response.decision) >= 0).all())
