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
from med_cam.classifiers.base import Answer, Classifier, attached
from med_cam.errors import ClassifierError
from med_cam.images.geometry import Image
from med_cam.masking import BACKGROUNDS, FIXED, Scene, background, composite
from med_cam.verify.decision import Question, on_top
from med_cam.verify.emptiness import can_draw

FILLS = ("black", "white", "mean")  # of silhouettes
OVER = ("grey", "gaussian")  # around them
SHARES = (0.1, 0.3, 0.5)  # of the frame
HIDDEN = (0.25, 0.5, 0.75, 0.9, 1.0)  # of the cells
COVERS = ("grey", "black", "gaussian", "others")  # over hidden cells
AT_ONCE = 32  # frames in memory

Draws = Callable[[str], Generator]  # a generator for each purpose, the same at every call

ALONE = tuple(name for name in BACKGROUNDS if name != "inpainted")  # which is grey then


def audited(
    classifier: Classifier,
    image: Image,
    *,
    references: References | None = None,
    draws: int = 8,
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
    drawn = draws_of(image, seed)
    labels = labels_of(classifier)
    with attached(classifier) as forward:
        case = observed(forward, classifier, image, None, references)
        alone = backgrounds_alone(case.answer, case.scene, labels, draws, drawn)
        shapes = silhouettes(case.answer, case.scene, labels, draws, drawn)
        gaps = gaps_of(case, labels, draws, drawn) if case.decided else {}
    own = [0] * len(labels.names)
    own[case.question.target] = int(case.decided)
    undecided = int(not case.decided)
    passes = case.spent().forward
    return case, Findings(1, tuple(own), undecided, passes, alone, shapes, gaps)


def draws_of(image: Image, seed: int) -> Draws:
    """Generators for one image: another image, seed or purpose, other draws.

    Which images are audited beside it, and in which order, is without influence.
    """
    mark = digest(image)

    def drawn(purpose: str) -> Generator:
        hashed = hashlib.sha256(f"{seed} {mark} {purpose}".encode()).digest()
        return Generator().manual_seed(int.from_bytes(hashed[:4], "big"))  # torch uses 32 bits

    return drawn


def backgrounds_alone(
    answer: Answer, scene: Scene, labels: Labels, draws: int, drawn: Draws
) -> dict[str, Answers]:
    """Every background that can be drawn, without any evidence."""
    found = {}
    for name in ALONE:
        if can_draw(name, scene):
            frames = draws_from(name, scene, draws, drawn(f"alone {name}"))
            found[name] = answers_of(answered(answer, frames, f"{name} alone"), labels)
    return found


def draws_from(
    name: str, scene: Scene, draws: int, generator: Generator
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """So many draws of a background; one of those that are the same at every draw."""
    for _ in range(1 if name in FIXED else draws):
        yield background(name, scene, generator)


def silhouettes(
    answer: Answer, scene: Scene, labels: Labels, draws: int, drawn: Draws
) -> dict[Silhouette, Answers]:
    """Random blobs of one colour; the same blobs in every colour over every background."""
    found = {}
    for kind in (Silhouette(*parts) for parts in product(FILLS, OVER, SHARES)):
        frames = blobs(scene, kind, draws, drawn)
        p = answered(answer, frames, f"{kind.fill} blobs over {kind.over}")
        found[kind] = answers_of(p, labels)
    return found


def blobs(
    scene: Scene, kind: Silhouette, draws: int, drawn: Draws
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """Frames with one kind of silhouette."""
    shapes, around = drawn(f"blobs of {kind.share}"), drawn(f"around {kind.over}")
    fill = background(kind.fill, scene, drawn("fill"))
    for _ in range(draws):
        mask = blob(scene.valid, kind.share, shapes)
        yield composite(fill, mask.to(fill), background(kind.over, scene, around))


def gaps_of(case: Case, labels: Labels, draws: int, drawn: Draws) -> dict[Gap, Retained]:
    """The image with more and more of its cells hidden, the same cells over every background."""
    found = {}
    for gap in (Gap(*parts) for parts in product(COVERS, HIDDEN)):
        if can_draw(gap.over, case.scene):
            frames = with_gaps(case.scene, gap, draws, drawn)
            p = answered(case.answer, frames, f"{gap.over} over hidden parts")
            found[gap] = retained(p, case.question, labels)
    return found


def with_gaps(
    scene: Scene, gap: Gap, draws: int, drawn: Draws
) -> Iterator[Float[Tensor, "1 c h w"]]:
    """The image with one share of its cells hidden; once where every draw is the same."""
    order, over = drawn("cells"), drawn(f"over {gap.over}")
    alike = gap.over in FIXED and gap.share == 1
    for _ in range(1 if alike else draws):
        shown = cell_places(scene.valid, order) >= gap.share
        yield composite(scene.x, shown.to(scene.x), background(gap.over, scene, over))


def retained(p: Float[Tensor, "n k"], question: Question, labels: Labels) -> Retained:
    """How far the image's own answer is kept, and what becomes of it where it is not."""
    kept = on_top(p, question)
    lost = labels_given(p[~kept], labels)
    return Retained(
        frames=len(p),
        kept=int(kept.sum()),
        own=p[:, question.target].double().sum().item(),
        peaks=p.amax(dim=1).double().sum().item(),
        lost=tuple(lost.sum(dim=0).tolist()),
        unnamed=int((~lost.any(dim=1)).sum()),
        takers=tuple(lost.any(dim=0).long().tolist()),
    )


def answered(
    answer: Answer, frames: Iterable[Float[Tensor, "1 c h w"]], what: str
) -> Float[Tensor, "n k"]:
    """Probabilities on frames that are made as they are needed.

    Raises:
        ClassifierError: if one of them is not a number.
    """
    coming, parts = iter(frames), []
    while batch := list(islice(coming, AT_ONCE)):
        parts.append(answer(torch.cat(batch)).cpu())
    p = torch.cat(parts)  # n k
    if not p.isfinite().all():
        raise ClassifierError(
            f"the classifier's answer to {what} is not a number, probably since it divides by the "
            "spread of an even image; add a small number there"
        )
    return p
