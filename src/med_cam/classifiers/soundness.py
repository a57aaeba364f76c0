"""A classifier is tried before it is trusted: a few seeded inputs, and what their outputs show.

What is found here would make every later number wrong without a word: probabilities read as
logits, answers that are themselves random, class numbers. Each is one sentence with the number
that was found and the cure. The inputs are pictures in pixels (`trial_images`), brought to the
classifier as any image is. Nothing here is counted as a pass of an explanation.
"""

import logging
import math
from dataclasses import replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.output_graph import is_bounded
from med_cam.errors import ClassifierError

log = logging.getLogger(__name__)

FILE = "classifier.toml"
TOTAL = 1e-3  # how far the outputs of a softmax may sum from 1, in any precision
STILL = 0.05  # how far the sum of shares may move, as a part of how far the shares move
UNLIKE = 0.05  # the same for outputs that are said to be a softmax, clipped perhaps
ROUNDING = 1e-3  # how far the same image may differ between a batch and alone, of the largest
OFTEN = 40  # times that an input is tried alone where random numbers are drawn: 1 in 10 shows
COARSE = 8  # blocks a side of the noise that a network cannot average away
SHOWN = 4  # outputs named in a sentence


def trial_images(channels: int, size: tuple[int, int]) -> Float[Tensor, "6 c h w"]:
    """Black, grey, white, fine noise, a soft one and one of large blocks; pixels in [0, 1]."""
    generator = Generator().manual_seed(0)
    plain = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1).expand(3, channels, *size)
    fine = torch.rand(1, channels, *size, generator=generator)
    soft = 0.5 + 0.25 * torch.randn(1, channels, *size, generator=generator)
    blocks = F.interpolate(torch.rand(1, channels, COARSE, COARSE, generator=generator), size=size)
    return torch.cat([plain, fine, soft.clamp(0, 1), blocks])


def tried(classifier: Classifier, where: str = FILE) -> int:
    """Try a classifier on six inputs at once and on the last of them twice alone.

    Args:
        classifier: to be tried.
        where: it is described, in the words of errors.

    Returns:
        How many inputs went through it forward.

    Raises:
        ClassifierError: if what it returns cannot be trusted or is not what it is read as.
    """
    pixels = trial_images(classifier.channels, classifier.input_size)
    x = classifier.normalise(pixels.to(classifier.device)).requires_grad_()
    with hooks_attached(replace(classifier, outputs="logits")) as forward:
        outputs = _as_returned(forward(x).logits)
        slope = _slope(outputs, x)
        with torch.no_grad():
            last, before = x[-1:].detach(), _drawn_so_far(x.device)
            alone = [_as_returned(forward(last).logits, like=outputs) for _ in range(2)]
            draws = not torch.equal(before, _drawn_so_far(x.device))
            more = range(OFTEN - 2 if draws else 0)
            alone += [_as_returned(forward(last).logits, like=outputs) for _ in more]
    found = outputs.detach()
    _refuse_imprecise(classifier, found)
    _refuse_not_numbers(classifier, found)
    _refuse_random(classifier, found, torch.cat(alone))
    if draws:
        _warn_of_draws(classifier)
    _refuse_choices(classifier, found, slope)
    _refuse_constant(classifier, found, where)
    _refuse_misread(classifier, found, is_bounded(outputs), where)
    _warn_of_no_gradient(classifier, slope)
    return len(x) + len(alone)


def _as_returned(logits: Tensor, *, like: Tensor | None = None) -> Float[Tensor, "b k"]:
    """The outputs without the zero that stands beside a lone one."""
    lone = bool((logits[:, 0] == 0).all()) if like is None else like.shape[1] == 1
    return logits[:, 1:] if logits.shape[1] == 2 and lone else logits


def _drawn_so_far(device: torch.device) -> Tensor:
    """The state of the generator that torch's random functions take, which every draw changes."""
    return torch.cuda.get_rng_state(device) if device.type == "cuda" else torch.get_rng_state()


def _slope(outputs: Tensor, x: Tensor) -> float | None:
    """Largest derivative of an output's sum by a pixel; None where there is no graph."""
    if not outputs.requires_grad:
        return None
    weights = torch.linspace(1, 2, outputs.shape[1]).to(outputs)  # softmax sums have no gradient
    total = (outputs * weights).sum()
    (gradient,) = torch.autograd.grad(total, x, retain_graph=True, materialize_grads=True)
    return float(gradient.abs().max())


def _refuse_imprecise(classifier: Classifier, outputs: Tensor) -> None:
    if outputs.dtype in (torch.float16, torch.bfloat16):
        name = str(outputs.dtype).removeprefix("torch.")
        raise ClassifierError(
            f"{classifier.name} returns {name}, which has 2 or 3 digits; claims compare "
            "probabilities more closely: convert it with .float(), and take half precision and "
            "autocast out of its forward."
        )


def _refuse_not_numbers(classifier: Classifier, outputs: Tensor) -> None:
    finite = torch.isfinite(outputs)
    if finite.all():
        return
    never = (~finite).all(dim=0).nonzero().flatten().tolist()
    count = int((~finite).any(dim=1).sum())
    which = f" (always: {_named(classifier, never)})" if never else ""
    raise ClassifierError(
        f"{classifier.name} returns logits that are NaN or infinite for {count} of "
        f"{len(outputs)} trial inputs{which}; check its weights and std, and leave "
        "out outputs that were not trained."
    )


def _refuse_random(classifier: Classifier, outputs: Tensor, alone: Float[Tensor, "n k"]) -> None:
    """The last input alone n times, and beside the others."""
    first = alone[:1]
    between = float((first - alone).abs().max())
    scale = float(outputs.abs().max())
    if between > 1e-6 * max(scale, 1e-6):
        raise ClassifierError(
            f"{classifier.name} gives the same input two answers: an output differs by "
            f"{between:.3g} from one call to the next; no claim about it could be tested again. "
            "Switch dropout and everything else that is random off in its forward."
        )
    beside = float((outputs[-1:] - first).abs().max())
    if beside > ROUNDING * max(scale, ROUNDING):
        raise ClassifierError(
            f"{classifier.name} answers by the batch: an output for one input differs by "
            f"{beside:.3g} beside five others and alone. Set its batch normalisation to "
            "evaluation, with running statistics, take dynamic quantisation out, and save or "
            "export it so."
        )


def _warn_of_draws(classifier: Classifier) -> None:
    log.warning(
        "%s draws random numbers in its forward, though %d answers to one input were equal; if "
        "its answers ever differ, no claim about it can be tested again. Switch off what is "
        "random.",
        classifier.name,
        OFTEN,
    )


def _refuse_choices(classifier: Classifier, outputs: Tensor, slope: float | None) -> None:
    """Whole numbers without a gradient are choices between classes, made inside."""
    several = bool((outputs != outputs[0, 0]).any())  # else it says nothing at all
    if several and not slope and bool((outputs == outputs.round()).all()):
        values = ", ".join(f"{v:g}" for v in outputs.unique()[:SHOWN].tolist())
        raise ClassifierError(
            f"{classifier.name} returns whole numbers ({values}) for all {len(outputs)} trial "
            "inputs: its choice of a class, from which no evidence can be read; return what the "
            "choice is made from, before argmax, round or a threshold."
        )


def _refuse_constant(classifier: Classifier, outputs: Tensor, where: str) -> None:
    if len(outputs) > 1 and float((outputs - outputs[:1]).abs().max()) == 0:
        values = ", ".join(f"{v:.3g}" for v in outputs[0, :SHOWN].tolist())
        raise ClassifierError(
            f"{classifier.name} returns the same ({values}) for {len(outputs)} different trial "
            "inputs, black, white and noise among them; check its weights, mean, std and "
            f"value_range in {where}."
        )


def _refuse_misread(
    classifier: Classifier,
    outputs: Tensor,
    bounded: bool | None,  # noqa: FBT001  as found
    where: str,
) -> None:
    """Outputs in [0, 1] that sum to 1, or come from a bounded function, are probabilities."""
    low, high = float(outputs.min()), float(outputs.max())
    several = outputs.shape[1] > 1
    off = float((outputs.sum(dim=1) - 1).abs().max())
    inside = low >= -1e-6 and high <= 1 + 1e-6
    total = float(outputs.sum(dim=1).mean())
    if classifier.outputs == "probabilities":
        _refuse_no_probabilities(classifier, (low, high), off if several else 0.0, where)
    elif inside and several and off <= TOTAL:
        raise ClassifierError(
            f"{classifier.name} returns probabilities, not logits: for all {len(outputs)} trial "
            f"inputs its outputs lie in [{low:.3g}, {high:.3g}] and sum to 1 (softmax inside). "
            f'Say outputs = "probabilities" in {where}, or take the softmax out.'
        )
    elif several and low >= 0 and _share_one_sum(outputs):
        raise ClassifierError(
            f"{classifier.name} returns shares, not logits: for all {len(outputs)} trial inputs "
            f"its outputs lie in [{low:.3g}, {high:.3g}] and sum to {total:.4g}. Divide them by "
            f'that in its forward and say outputs = "probabilities" in {where}, or return logits.'
        )
    elif inside and bounded is not False:
        raise ClassifierError(
            f"{classifier.name} returns probabilities, not logits: for all {len(outputs)} trial "
            f"inputs its outputs lie in [{low:.3g}, {high:.3g}] (sigmoid inside). Say "
            f'outputs = "probabilities" in {where}, with head = "sigmoid" if each output stands '
            "for itself, or take the sigmoid out."
        )


def _share_one_sum(outputs: Float[Tensor, "n k"]) -> bool:
    """Whether all inputs' outputs sum to one number, though the outputs themselves differ.

    A network that hardly answers to its input (small random weights, say) has sums that hardly
    differ as well; shares keep their sum while they move.
    """
    sums = outputs.sum(dim=1)
    apart = float((sums - sums.mean()).abs().max())
    moved = float((outputs - outputs.mean(dim=0)).abs().max())
    return apart <= TOTAL * float(sums.mean()) and apart <= STILL * moved


def _refuse_no_probabilities(
    classifier: Classifier, ends: tuple[float, float], off: float, where: str
) -> None:
    low, high = ends
    if low < -1e-6 or high > 1 + 1e-6:
        raise ClassifierError(
            f'{classifier.name} is said to return probabilities (outputs = "probabilities"), but '
            f"its outputs for the trial inputs lie in [{low:.3g}, {high:.3g}]; correct that in "
            f"{where}."
        )
    if classifier.head == "softmax" and off > UNLIKE:
        raise ClassifierError(
            f"{classifier.name} is said to return the probabilities of a softmax, but they sum to "
            f'1 only within {off:.2g}; say head = "sigmoid" in {where} if each output stands for '
            "itself."
        )


def _warn_of_no_gradient(classifier: Classifier, slope: float | None) -> None:
    if slope is not None and math.isnan(slope):
        raise ClassifierError(
            f"{classifier.name} has a gradient that is NaN for trial inputs (black, grey, white "
            "or noise); the search would follow it. Look for a root or a division at zero."
        )
    if not slope:
        log.warning(
            "%s passes no gradient to its input (%s): the search sees only what it tries, and "
            "masks may be larger than needed; what is verified of them holds. Take detach, "
            "no_grad, NumPy and rounding out of its forward.",
            classifier.name,
            "no graph" if slope is None else "0 at every pixel of the trial inputs",
        )


def _named(classifier: Classifier, places: list[int]) -> str:
    """Labels of outputs, a few of them."""
    labels = classifier.labels
    names = [labels[place] for place in places[:SHOWN] if place < len(labels)]
    return ", ".join(names) + (", ..." if len(places) > SHOWN else "")
