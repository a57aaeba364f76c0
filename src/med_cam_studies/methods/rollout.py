"""Attention rollout: how much of each patch flows into what the logits are read from.

After Abnar and Zuidema 2020 (arXiv 2005.00928). The matrices are found by watching which functions
of torch the classifier calls in one pass: attention in one step (timm, torchvision, Hugging Face)
is called again for its matrix, attention written out is read where its softmax is taken. So no
part of the module is touched.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn
from torch.overrides import TorchFunctionMode

from med_cam.case.case import Case
from med_cam.classifiers.base import Classifier
from med_cam.errors import ClassifierError
from med_cam_studies.methods.grad_cam import as_maps

ATTENTION = ("attention", "attn")  # parts of class names
UNFIT = ("attentionpool", "classatt", "talkinghead", "factoratt", "diffatt")
# kinds of attention that are more, or less, than one matrix over all tokens
FUSED = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal")  # torch's own order
MEAN = ("clip", "metaclip_2")  # Hugging Face's models that read the mean of the patches


def attention_rollout(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """The paper's rollout, from the token that the logits are read from to the patches.

    That is the class token; the mean over the patches where the logits are read from their mean.
    Distillation and register tokens are left out. The map shows where attention goes, not for
    which class: it is the same for every target.

    Raises:
        ClassifierError: if the layers do not all attend over the same tokens of one image.
    """
    grid, attentions = attended(case)
    joint = rolled_out(attentions)  # n n
    extra = len(joint) - grid[0] * grid[1]  # class, distillation and register tokens come first
    mean = extra == 0 or reads_mean(case.classifier.module)
    flow = joint[extra:, extra:].mean(dim=0) if mean else joint[0, extra:]
    size = case.scene.x.shape[2:]
    return F.interpolate(flow.view(1, 1, *grid), size, mode="bilinear", align_corners=False)


def has_attention(classifier: Classifier) -> bool:
    """Whether its parts are those of a vision transformer that rollout can read; without a pass.

    All attention is of one width: where it changes, patches are merged on the way. The parts of a
    graph (ONNX, exported programs) have no such names: rollout may still work for it.
    """
    parts = [part for part in classifier.module.modules() if _named(part, ATTENTION)]
    widths = {width for part in parts if (width := _width(part)) is not None}
    return len(widths) == 1 and not unfit(classifier)


def rolled_out(attentions: Sequence[Float[Tensor, "n n"]]) -> Float[Tensor, "n n"]:
    """The paper's section 3: half of each layer's attention and half identity, multiplied."""
    identity = torch.eye(len(attentions[0]), device=attentions[0].device)
    joint = identity
    for attention in attentions:
        mixed = attention + identity
        joint = (mixed / mixed.sum(dim=1, keepdim=True)) @ joint
    return joint


def reads_mean(module: nn.Module) -> bool:
    """Whether the logits are read from the mean of the patches, though there is a class token."""
    for part in module.modules():
        pooled, config = getattr(part, "global_pool", None), getattr(part, "config", None)
        if isinstance(pooled, str):  # timm
            return pooled != "token"
        if config is not None:  # Hugging Face
            mean = getattr(config, "use_mean_pooling", False)
            return bool(mean) or getattr(config, "model_type", "") in MEAN
    return False


def attended(case: Case) -> tuple[tuple[int, int], list[Float[Tensor, "n n"]]]:
    """The patch grid and each layer's attention, averaged over its heads, in one pass.

    Raises:
        ClassifierError: if the layers do not all attend over the same tokens of one image.
    """
    kinds = unfit(case.classifier)
    if kinds:
        raise refusal(case.classifier, ", ".join(kinds))
    tape = _Tape()
    with torch.no_grad(), _Watching(tape):
        case.outputs.classifier(case.scene.x)
    shapes = sorted({tuple(attention.shape) for attention in tape.attentions})  # b n m
    batch, n, m = shapes[0] if len(shapes) == 1 else (0, 0, 0)
    grid = tape.grid or proportioned(n, case.scene.x)
    if batch != 1 or n != m or not 1 < grid[0] * grid[1] <= n:
        found = ", ".join(" x ".join(map(str, shape)) for shape in shapes) or "none"
        raise refusal(case.classifier, found)
    return grid, [attention[0] for attention in tape.attentions]


def unfit(classifier: Classifier) -> list[str]:
    """Kinds of attention among its parts that rollout has no rule for."""
    parts = classifier.module.modules()
    return sorted({type(part).__name__ for part in parts if _named(part, UNFIT)})


def refusal(classifier: Classifier, found: str) -> ClassifierError:
    """The error where rollout is not defined."""
    return ClassifierError(
        "Attention rollout needs a vision transformer whose layers all attend over the same "
        f"tokens of the whole image; the attention of {classifier.name} is {found}; use Grad-CAM "
        "for it."
    )


def proportioned(n: int, x: Float[Tensor, "1 c h w"]) -> tuple[int, int]:
    """A grid of at most n patches in the image's proportions, where no convolution cuts them."""
    maps = as_maps(x.new_empty(1, n, 1), *x.shape[2:])
    return (0, 0) if maps is None else (maps.shape[2], maps.shape[3])


@dataclass(slots=True)
class _Tape:
    """What one pass has shown so far."""

    grid: tuple[int, int] | None = None  # of the last convolution before the first attention
    attentions: list[Float[Tensor, "b n m"]] = field(default_factory=list)


class _Watching(TorchFunctionMode):
    """For the length of a `with`, the patch grid and all attention are written on a tape."""

    def __init__(self, tape: _Tape) -> None:
        super().__init__()
        self._tape = tape

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - whatever the function returns
        given = kwargs or {}
        output = func(*args, **given)
        name = getattr(func, "__name__", "").split(".")[0]  # a graph calls conv2d.default
        if name == "conv2d" and not self._tape.attentions:
            self._tape.grid = (output.shape[-2], output.shape[-1])
        matrix = MATRICES[name](func, args, given) if name in MATRICES else None
        if matrix is not None and matrix.ndim == 4:
            self._tape.attentions.append(matrix.float().mean(dim=1))  # b n m
        return output


def _fused(func: Callable[..., Any], args: tuple[Any, ...], given: Mapping[str, Any]) -> Tensor:
    """Attention to values that are the identity: the matrix, masked and scaled as it is there."""
    named = dict(zip(FUSED, args, strict=False)) | dict(given)
    key = named["key"]
    identity = torch.eye(key.shape[-2], dtype=key.dtype, device=key.device)
    values = identity.expand(*key.shape[:-2], -1, -1)
    matrix: Tensor = func(**{**named, "value": values, "dropout_p": 0.0})
    return matrix


def _layer(func: Callable[..., Any], args: tuple[Any, ...], given: Mapping[str, Any]) -> Tensor:
    """What torch's own layer returns if it is called with `need_weights`."""
    changed = {"need_weights": True, "average_attn_weights": False}
    matrix: Tensor = func(*args, **{**given, **changed})[1]
    return matrix


def _softmax(
    func: Callable[..., Any], args: tuple[Any, ...], given: Mapping[str, Any]
) -> Tensor | None:
    """A softmax over the last axis, taken again."""
    named = dict(zip(("input", "dim"), args, strict=False)) | dict(given)
    if named.get("dim") not in (-1, 3):
        return None
    matrix: Tensor = func(*args, **given)
    return matrix


MATRICES = MappingProxyType(
    {
        "scaled_dot_product_attention": _fused,
        "multi_head_attention_forward": _layer,
        "softmax": _softmax,
    }
)


def _named(part: nn.Module, kinds: Sequence[str]) -> bool:
    return any(kind in type(part).__name__.lower() for kind in kinds)


def _width(part: nn.Module) -> int | None:
    """Features of the tokens that an attention reads; None without a linear layer of its own."""
    if isinstance(part, nn.MultiheadAttention):
        return int(part.embed_dim)
    linear = next((child for child in part.children() if isinstance(child, nn.Linear)), None)
    return None if linear is None else linear.in_features
