"""The audit of one image: frames with little evidence or none, put to the classifier.

That the pattern of missing pixels itself moves a classifier's answer is shown by Jain et al.,
"Missingness Bias in Model Debugging" (ICLR 2022, arXiv 2204.08945).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice, product

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.audit.answers import Answers, Labels, answers_of, labels_given, labels_of
from med_cam.audit.findings import Findings, Gap, Retained, Silhouette
from med_cam.audit.shapes import blob, cell_places
from med_cam.case.case import Case, observed
from med_cam.case.references import References, digest
from med_cam.classifiers.base import Classifier, Predict, hooks_attached
from med_cam.errors import ClassifierError
from med_cam.images.geometry import Image
from med_cam.masking import BASELINES, FIXED, Scene, baseline, masked_input
from med_cam.verify.baseline_response import can_draw
from med_cam.verify.decision import Target, on_top

FILLS = ("black", "white", "mean")  # of silhouettes
OVER = ("grey", "gaussian")  # around them
SHARES = (0.1, 0.3, 0.5)  # of the frame
HIDDEN = (0.25, 0.5, 0.75, 0.9, 1.0)  # of the cells
COVERS = ("grey", "black", "gaussian", "others")  # over hidden cells
AT_ONCE = 32  # frames in memory

Draws = Callable[[str], Generator]  # a generator for each purpose, the same at every call

ALONE = tuple(name for name in BASELINES if name != "inpainted")  # which is grey then


def audited(
    classifier: Classifier,
    image: Image,
    *,
    references: References | None = None,
    samples: int = 8,
    seed: int = 0,
) -> tuple[Case, Findings]:
    """What the classifier answers on one image whole, and when little or nothing of it is left.

    Args:
        classifier: left as it was.
        image: the image.
        references: other images, for the background "others".
        draws: of everything random, for each kind of frame.
        seed: with the image's content it decides every draw.

    Raises:
        ImageError: if the image cannot be fitted to the classifier.
        ClassifierError: if an answer is not a number.
    """
    drawn = samples_of(image, seed)
    labels = labels_of(classifier)
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, None, references)
        alone = backgrounds_alone(case.predict, case.scene, labels, samples, drawn)
        shapes = silhouettes(case.predict, case.scene, labels, samples, drawn)
        gaps = gaps_of(case, labels, samples, drawn) if case.decided else {}
    own = [0] * len(labels.names)
    own[case.target.index] = int(case.decided)
    undecided = int(not case.decided)
    passes = case.cost().forward
    return case, Findings(1, tuple(own), undecided, passes, alone, shapes, gaps)


def samples_of(image: Image, seed: int) -> Draws:
    """Generators for one image: another image, seed or purpose, other draws.

    Which images are audited beside it, and in which order, is without influence.
    """
    mark = digest(image)

    def drawn(purpose: str) -> Generator:
        hashed = hashlib.sha256(f"{seed} {mark} {purpose}".encode()).digest()
        return Generator().manual_seed(int.from_bytes(hashed[:4], "big"))  # torch uses 32 bits

    return drawn


def backgrounds_alone(
    predict: Predict, scene: Scene, labels: Labels, samples: int, drawn: Draws
) -> dict[str, Answers]:
    """Every background that can be drawn, without any evidence."""
    found = {}
    for name in ALONE:
        if can_draw(name, scene):
            frames = draws_from(name, scene, samples, drawn(f"alone {name}"))
            found[name] = answers_of(answered(predict, frames, f"{name} alone"), labels)
    return found


def draws_from(
    name: str, scene: Scene, samples: int, generator: Generator
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """So many draws of a background; one of those that are the same at every draw."""
    for _ in range(1 if name in FIXED else samples):
        yield baseline(name, scene, generator)


def silhouettes(
    predict: Predict, scene: Scene, labels: Labels, samples: int, drawn: Draws
) -> dict[Silhouette, Answers]:
    """Random blobs of one colour; the same blobs in every colour over every background."""
    found = {}
    for kind in (Silhouette(*parts) for parts in product(FILLS, OVER, SHARES)):
        frames = blobs(scene, kind, samples, drawn)
        p = answered(predict, frames, f"{kind.fill} blobs over {kind.over}")
        found[kind] = answers_of(p, labels)
    return found


def blobs(
    scene: Scene, kind: Silhouette, samples: int, drawn: Draws
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """Frames with one kind of silhouette."""
    shapes, around = drawn(f"blobs of {kind.share}"), drawn(f"around {kind.over}")
    fill = baseline(kind.fill, scene, drawn("fill"))
    for _ in range(samples):
        mask = blob(scene.valid, kind.share, shapes)
        yield masked_input(fill, mask.to(fill), baseline(kind.over, scene, around))


def gaps_of(case: Case, labels: Labels, samples: int, drawn: Draws) -> dict[Gap, Retained]:
    """The image with more and more of its cells hidden, the same cells over every background."""
    found = {}
    for gap in (Gap(*parts) for parts in product(COVERS, HIDDEN)):
        if can_draw(gap.over, case.scene):
            frames = with_gaps(case.scene, gap, samples, drawn)
            p = answered(case.predict, frames, f"{gap.over} over hidden parts")
            found[gap] = retained(p, case.target, labels)
    return found


def with_gaps(
    scene: Scene, gap: Gap, samples: int, drawn: Draws
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """The image with one share of its cells hidden; once where every draw is the same."""
    order, over = drawn("cells"), drawn(f"over {gap.over}")
    alike = gap.over in FIXED and gap.share == 1
    for _ in range(1 if alike else samples):
        shown = cell_places(scene.valid, order) >= gap.share
        yield masked_input(scene.x, shown.to(scene.x), baseline(gap.over, scene, over))


def retained(p: Float[Tensor, "n k"], target: Target, labels: Labels) -> Retained:
    """How far the image's own answer is kept, and what becomes of it where it is not."""
    kept = on_top(p, target)
    lost = labels_given(p[~kept], labels)
    return Retained(
        frames=len(p),
        retained=int(kept.sum()),
        own=p[:, target.index].double().sum().item(),
        peaks=p.amax(dim=1).double().sum().item(),
        lost=tuple(lost.sum(dim=0).tolist()),
        unnamed=int((~lost.any(dim=1)).sum()),
        takers=tuple(lost.any(dim=0).long().tolist()),
    )


def answered(
    predict: Predict, frames: Iterable[Float[Tensor, "1 c h w"]], what: str
) -> Float[Tensor, "n k"]:
    """Probabilities on frames that are made as they are needed.

    Raises:
        ClassifierError: if one of them is not a number.
    """
    coming, parts = iter(frames), []
    while batch := list(islice(coming, AT_ONCE)):
        parts.append(predict(torch.cat(batch)).cpu())
    p = torch.cat(parts)  # n k
    if not p.isfinite().all():
        raise ClassifierError(
            f"the classifier's answer to {what} is not a number, probably since it divides by the "
            "spread of an even image; add a small number there"
        )
    return p
