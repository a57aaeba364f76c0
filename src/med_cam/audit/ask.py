"""The audit of one image: predictions on inputs with little evidence or none.

The pattern of missing pixels itself shifts predictions: Jain et al., "Missingness Bias in Model
Debugging" (ICLR 2022, arXiv 2204.08945).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice, product
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Generator, Tensor

from med_cam.audit.findings import Findings, Masked, Retained, Silhouette
from med_cam.audit.predictions import (
    Labels,
    Predictions,
    labels_of,
    labels_predicted,
    predictions_of,
)
from med_cam.audit.shapes import blob, patch_places
from med_cam.case.arguments import refuse_other_arguments
from med_cam.case.case import Case, observed, refuse_unable
from med_cam.case.references import References, digest, painted_from
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.baselines import BASELINES, FIXED, INSIDE
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.masking.samplers import SAMPLERS, baseline, painting
from med_cam.masking.scene import Scene
from med_cam.masking.view import View
from med_cam.removal.samples import Sampled, joined
from med_cam.verify.baseline_response import can_draw
from med_cam.verify.decision import Target, on_top

FILLS = ("black", "white", "mean")  # of silhouettes
OVER = ("grey", "gaussian")  # around them
SHARES = (0.1, 0.3, 0.5)  # of the model input
HIDDEN = (0.25, 0.5, 0.75, 0.9, 1.0)  # of the patches
COVERS = ("grey", "black", "gaussian", "others")  # over hidden patches
AT_ONCE = 32  # inputs in memory

Generators = Callable[[str], Generator]  # a generator for each purpose, the same at every call

BLANK = tuple(name for name in SAMPLERS if name != "inpainted")  # which is grey then


class Shown(NamedTuple):
    """One model input of the audit: what a mask shows of a content, over an infill."""

    content: Float[Tensor, "1 c h w"]
    mask: Bool[Tensor, "1 1 h w"]
    infill: Sampled


@ordinary_torch()
def audited(
    classifier: Classifier,
    image: Image,
    *,
    references: References | None = None,
    samples: int = 8,
    seed: int = 0,
) -> tuple[Case, Findings]:
    """What the classifier predicts for one image, and when little or nothing of it is left.

    Args:
        classifier: left as it was.
        image: the image.
        references: reference images, for the baseline "others".
        samples: of everything random, for each kind of input.
        seed: with the image's content it decides every random sample.

    Raises:
        ImageError: if the image cannot be fitted to the classifier.
        ClassifierError: if a prediction is not a number.
    """
    refuse_other_arguments(classifier, image, references=references)
    drawn = generators_of(image, seed)
    labels = labels_of(classifier)
    classifier, references = painted_from(classifier, references)
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, Config(), references=references)
        refused = refusals(case)
        inside = tuple(name for name in BASELINES if name in INSIDE and name not in refused)
        blank = baselines_alone(case.batched, labels, samples, drawn, inside)
        shapes = silhouettes(case.batched, labels, samples, drawn)
        masked = masked_of(case, labels, samples, drawn, inside) if case.predicted else {}
    own = [0] * len(labels.names)
    own[case.target.index] = int(case.predicted)
    undecided = int(not case.predicted)
    passes = case.cost().forward
    return case, Findings(1, tuple(own), undecided, passes, blank, shapes, masked, refused)


def refusals(case: Case) -> dict[str, str]:
    """The removals inside the network that the classifier cannot have, each with the reason."""
    found = {}
    for name in sorted(INSIDE):
        try:
            refuse_unable(case, name)
        except ClassifierError as error:
            found[name] = str(error)
    return found


def generators_of(image: Image, seed: int) -> Generators:
    """Generators for one image: another image, seed or purpose, other samples.

    Which images are audited beside it, and in which order, is without influence.
    """
    return generators_for(digest(image), seed)


def generators_for(mark: str, seed: int) -> Generators:
    """Generators for an image with this digest."""

    def drawn(purpose: str) -> Generator:
        hashed = hashlib.sha256(f"{seed} {mark} {purpose}".encode()).digest()
        return Generator().manual_seed(int.from_bytes(hashed[:4], "big"))  # torch uses 32 bits

    return drawn


def baselines_alone(
    view: View[Tensor],
    labels: Labels,
    samples: int,
    drawn: Generators,
    inside: Sequence[str] = (),
) -> dict[str, Predictions]:
    """Every baseline that can be drawn, and these removals inside, without any evidence."""
    scene, found = view.scene, {}
    nothing = torch.zeros_like(scene.valid)
    for name in (*BLANK, *inside):
        if can_draw(name, scene):
            infills = samples_from(name, scene, samples, drawn(f"alone {name}"))
            shown = (Shown(scene.x, nothing, infill) for infill in infills)
            found[name] = predictions_of(predicted(view, shown, f"{name} alone"), labels)
    return found


def samples_from(name: str, scene: Scene, samples: int, generator: Generator) -> Iterator[Sampled]:
    """So many samples of a baseline; one of those that are fixed."""
    for _ in range(1 if name in FIXED else samples):
        yield baseline(name, scene, generator)


def silhouettes(
    view: View[Tensor], labels: Labels, samples: int, drawn: Generators
) -> dict[Silhouette, Predictions]:
    """Random blobs of one colour; the same blobs in every colour over every baseline."""
    found = {}
    for kind in (Silhouette(*parts) for parts in product(FILLS, OVER, SHARES)):
        shown = blobs(view.scene, kind, samples, drawn)
        p = predicted(view, shown, f"{kind.fill} blobs over {kind.over}")
        found[kind] = predictions_of(p, labels)
    return found


def blobs(scene: Scene, kind: Silhouette, samples: int, drawn: Generators) -> Iterator[Shown]:
    """Inputs with one kind of silhouette."""
    shapes, around = drawn(f"blobs of {kind.share}"), drawn(f"around {kind.over}")
    fill = painting(kind.fill, scene, drawn("fill"))
    for _ in range(samples):
        mask = blob(scene.valid, kind.share, shapes)
        yield Shown(fill, mask, baseline(kind.over, scene, around))


def masked_of(
    case: Case, labels: Labels, samples: int, drawn: Generators, inside: Sequence[str] = ()
) -> dict[Masked, Retained]:
    """The image with more and more of its patches hidden, the same ones over every baseline."""
    found = {}
    for kind in (Masked(*parts) for parts in product((*COVERS, *inside), HIDDEN)):
        if can_draw(kind.over, case.scene):
            shown = with_patches_hidden(case.scene, kind, samples, drawn)
            p = predicted(case.batched, shown, f"{kind.over} over hidden patches")
            found[kind] = retained(p, case.target, labels)
    return found


def with_patches_hidden(
    scene: Scene, kind: Masked, samples: int, drawn: Generators
) -> Iterator[Shown]:
    """The image with one share of its patches hidden; once where every sample is the same."""
    order, over = drawn("cells"), drawn(f"over {kind.over}")
    alike = kind.over in FIXED and kind.share == 1
    for _ in range(1 if alike else samples):
        shown = patch_places(scene.valid, order) >= kind.share
        yield Shown(scene.x, shown, baseline(kind.over, scene, over))


def retained(p: Float[Tensor, "n k"], target: Target, labels: Labels) -> Retained:
    """How far the image's own prediction is retained, and what becomes of it where it is not."""
    stays = on_top(p, target)
    lost = labels_predicted(p[~stays], labels)
    return Retained(
        inputs=len(p),
        retained=int(stays.sum()),
        own=p[:, target.index].double().sum().item(),
        peaks=p.amax(dim=1).double().sum().item(),
        lost=tuple(lost.sum(dim=0).tolist()),
        unnamed=int((~lost.any(dim=1)).sum()),
        takers=tuple(lost.any(dim=0).long().tolist()),
    )


def predicted(view: View[Tensor], shown: Iterable[Shown], what: str) -> Float[Tensor, "n k"]:
    """Probabilities on inputs that are made as they are needed.

    Raises:
        ClassifierError: if one of them is not a number.
    """
    coming, parts = iter(shown), []
    while batch := list(islice(coming, AT_ONCE)):
        contents, masks, infills = zip(*batch, strict=True)
        p = view.over(torch.cat(masks), joined(infills), content=torch.cat(contents))
        parts.append(p.cpu())
    p = torch.cat(parts)  # n k
    if not p.isfinite().all():
        raise ClassifierError(
            f"the classifier's prediction for {what} is not a number, probably since it divides "
            "by the spread of an even image; add a small number there"
        )
    return p
