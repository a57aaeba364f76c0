"""Programs written by `torch.export.save`.

An exported program is a flat graph without the modules that it came from. Its activation
functions are given back as layers under their old names, and so is any layer that the user names.
A program is code; what is no part of a network is refused (`program_text`), pickled objects too.
"""

import inspect
import io
import json
import logging
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.export import ExportedProgram

from med_cam.classifiers.description import Description, Loaded
from med_cam.classifiers.opaque import Opaque
from med_cam.classifiers.program_text import refuse_foreign_program
from med_cam.errors import ClassifierError, first_line

ACTIVATIONS = (
    *("relu", "relu_", "relu6", "relu6_", "hardtanh", "hardtanh_", "silu", "silu_", "gelu"),
    *("hardswish", "hardswish_", "elu", "elu_", "leaky_relu", "leaky_relu_", "mish", "mish_"),
)
RANDOM = {"dropout": 2, "dropout_": 2, "feature_dropout": 2, "batch_norm": 5}  # place of `train`
DECOMPOSED = ("native_dropout", "_native_batch_norm_legit_functional", "bernoulli")
CODE = ("/data/aotinductor/", "/data/constants/custom_obj_", "/data/constants/opaque_obj_")


def load(description: Description, weights: Path | None) -> Loaded:
    """The classifier in a `.pt2` file, for batches of any size; the file is only read.

    Raises:
        ClassifierError: if the file is broken or not to be trusted, or its program is no
            classifier of images, or was exported in training mode.
    """
    if weights is None:
        raise ClassifierError(
            f"{description.folder or 'The classifier'} has no torch.export program; "
            "name a .pt2 file as `weights` in classifier.toml."
        )
    _refuse_pickles(weights)
    refuse_foreign_program(weights)
    exported = _exported(weights)
    shape = _input_shape(exported, weights)
    smallest, largest = _batch_range(exported, shape[0], weights)
    graph = _unguarded(exported)
    _refuse_training(graph, weights)
    hooked_layers = _with_taps(graph, description.hooked_layers or ())
    program = _Program(graph, _dtype(exported), _logits_place(exported, weights))
    sides = tuple(side for side in shape[2:] if isinstance(side, int))
    return Loaded(
        module=Opaque(
            program.cpu(), smallest=smallest, largest=largest, hooked_layers=hooked_layers
        ),
        input_size=(sides[0], sides[1]) if len(sides) == 2 else None,
        channels=shape[1] if shape[1] in (1, 3) else None,
    )


class _Program(nn.Module):
    """The graph, run in the precision that it was exported in, on the device of its weights."""

    def __init__(self, graph: fx.GraphModule, dtype: torch.dtype, place: int | None) -> None:
        super().__init__()
        self.graph = graph
        self._dtype = dtype
        self._place = place

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b k"]:
        outputs = self.graph(x.to(self._dtype))
        logits: Tensor = outputs
        if self._place is not None:
            logits = torch.utils._pytree.tree_leaves(outputs)[self._place]
        return logits.float()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "_Program":  # noqa: FBT001, FBT002
        """Move the weights as ever, and with them the devices written into the graph."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        device = fn(torch.empty(0)).device
        for node in self.graph.graph.nodes:
            if isinstance(node.kwargs.get("device"), torch.device):
                node.kwargs = {**node.kwargs, "device": device}
            node.args = tuple(device if isinstance(a, torch.device) else a for a in node.args)
        self.graph.recompile()
        return self


def _refuse_pickles(path: Path) -> None:
    """Raise unless everything in the archive is data: torch itself would run pickles in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            wrong = next((n for n in archive.namelist() if not _is_plain(archive, n)), None)
    except (OSError, zipfile.BadZipFile) as error:
        raise ClassifierError(
            f"{path} is no readable torch.export program ({error}); write it with "
            "torch.export.save."
        ) from error
    if wrong is not None:
        raise ClassifierError(
            f"{path} holds pickled or compiled code ({wrong}), which is never run; export the "
            "classifier again with plain tensors only."
        )


def _is_plain(archive: zipfile.ZipFile, name: str) -> bool:
    if any(part in f"/{name}" for part in CODE):
        return False
    if name.endswith("_config.json"):
        return '"use_pickle": true' not in json.dumps(json.loads(archive.read(name)))
    return not name.endswith(".pt") or _is_unpickled(archive.read(name))


def _is_unpickled(content: bytes) -> bool:
    """Whether torch reads it as nothing but tensors and plain values."""
    try:
        if content:
            torch.load(io.BytesIO(content), weights_only=True, map_location="cpu")
    except Exception:  # noqa: BLE001 - whatever it is, it is no plain value
        return False
    return True


def _exported(path: Path) -> ExportedProgram:
    try:
        with warnings.catch_warnings(), _quiet("torch.export"):
            warnings.filterwarnings("ignore", "This version of file is deprecated")
            return torch.export.load(path)
    except Exception as error:
        reason = first_line(error)
        raise ClassifierError(
            f"{path} cannot be loaded as a torch.export program by torch {torch.__version__} "
            f"({reason}); export it again, on the CPU, with this version of torch."
        ) from error


@contextmanager
def _quiet(name: str) -> Iterator[None]:
    logger = logging.getLogger(name)
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _unguarded(exported: ExportedProgram) -> fx.GraphModule:
    """The graph with its weights, its constants as buffers, without code from the file.

    The guards are texts in the file that torch would run; `Opaque` keeps to the batch sizes.
    """
    known = inspect.signature(exported.module).parameters
    graph: fx.GraphModule = exported.module(**({"check_guards": False} if known else {}))
    for name, value in list(vars(graph).items()):
        if isinstance(value, Tensor):
            delattr(graph, name)
            graph.register_buffer(name, value, persistent=False)
    for part in graph.modules():
        part.training = False
    return graph


def _input(exported: ExportedProgram) -> fx.Node | None:
    names = exported.graph_signature.user_inputs
    nodes = [n for n in exported.graph.nodes if n.op == "placeholder" and n.name in names]
    return nodes[0] if len(nodes) == 1 and len(names) == 1 else None


def _input_shape(exported: ExportedProgram, path: Path) -> tuple[Any, ...]:
    """Shape b c h w of the only input: numbers, or symbols where the program takes any size."""
    node = _input(exported)
    shape = tuple(getattr(node.meta.get("val"), "shape", ())) if node is not None else ()
    if len(shape) != 4:
        raise ClassifierError(
            f"{path} takes inputs {exported.graph_signature.user_inputs} of shape {shape}; export "
            "a program that takes one batch of images, b c h w."
        )
    return shape


def _dtype(exported: ExportedProgram) -> torch.dtype:
    node = _input(exported)
    dtype = node.meta["val"].dtype if node is not None else torch.float32
    return dtype if dtype.is_floating_point else torch.float32


def _batch_range(exported: ExportedProgram, batch: object, path: Path) -> tuple[int, int | None]:
    """Smallest and largest batch that the program takes; (n, n) if it was exported for n only."""
    if isinstance(batch, int):
        return batch, batch
    symbol = batch.node.expr  # type: ignore[attr-defined]  # a torch.SymInt
    bounds = exported.range_constraints.get(symbol)
    if bounds is None:
        raise ClassifierError(
            f"{path} takes batches of {batch} images; export it with a free batch dimension, "
            'dynamic_shapes=({0: torch.export.Dim("b")},).'
        )
    upper = str(bounds.upper)
    return max(1, int(bounds.lower)), int(upper) if upper.isdecimal() else None


def _logits_place(exported: ExportedProgram, path: Path) -> int | None:
    """Which of the outputs are the logits b k; None if there is only one."""
    output = next(node for node in exported.graph.nodes if node.op == "output")
    wanted = exported.graph_signature.user_outputs
    nodes = [n for n in output.args[0] if getattr(n, "name", None) in wanted]
    flat = [i for i, n in enumerate(nodes) if getattr(n.meta.get("val"), "ndim", 0) == 2]
    if len(nodes) > 1 and len(flat) != 1:
        raise ClassifierError(
            f"{path} has {len(nodes)} outputs, {len(flat)} of them of shape b k; export a program "
            "that returns the logits alone."
        )
    return flat[0] if flat else (0 if nodes else None)


def _operation(node: fx.Node) -> str:
    """Bare name of an ATen operation, as in "relu"; "" for any other node."""
    if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
        return ""
    return node.target._schema.name.removeprefix("aten::")


def _refuse_training(graph: fx.GraphModule, path: Path) -> None:
    for node in graph.graph.nodes:
        name = _operation(node)
        place = RANDOM.get(name)
        active = place is not None and len(node.args) > place and node.args[place] is True
        if active and name == "batch_norm" and node.args[3] is None:
            active = False  # it never had running statistics: nothing else to use
        if active or name in DECOMPOSED:
            raise ClassifierError(
                f"{path} was exported in training mode ({node.name} is active); call "
                "model.eval() before torch.export.export."
            )


def _with_taps(graph: fx.GraphModule, named: tuple[str, ...]) -> dict[str, nn.Module]:
    """Put identities behind the activations, and behind the layers that the user names."""
    wanted: dict[str, fx.Node] = {}
    for node in graph.graph.nodes:
        if _operation(node) in ACTIVATIONS:
            wanted[_free(_name(node), wanted)] = node
    for name in named:
        within = [node for node in graph.graph.nodes if name in _paths(node)]
        if name not in wanted and within:
            wanted[name] = within[-1]
    hooked_layers: dict[str, nn.Module] = {}
    for i, (name, node) in enumerate(wanted.items()):
        hooked_layers[name] = _identity_behind(graph, node, f"med_cam_tap_{i}")
    graph.recompile()
    return hooked_layers


def _identity_behind(graph: fx.GraphModule, node: fx.Node, name: str) -> nn.Module:
    """An identity that all users of the node's value now read."""
    layer = nn.Identity()
    graph.add_submodule(name, layer)
    with graph.graph.inserting_after(node):
        seen = graph.graph.call_module(name, (node,))
    node.replace_all_uses_with(seen, delete_user_cb=lambda user: user is not seen)
    return layer


def _paths(node: fx.Node) -> list[str]:
    """Names of the modules that a node comes from, outermost first, as the eager model had them.

    Torch appends "@1" to the path of a module's second call.
    """
    stack = node.meta.get("nn_module_stack") or {}
    return [str(path).partition("@")[0] for path, _ in stack.values() if path]


def _name(node: fx.Node) -> str:
    """The activation module's own name, or the enclosing module's and the function's."""
    operation = _operation(node).rstrip("_")
    paths = _paths(node)
    kinds = [str(kind) for _, kind in (node.meta.get("nn_module_stack") or {}).values()]
    if paths and ".activation" in kinds[-1].lower():
        return paths[-1]
    return f"{paths[-1]}.{operation}" if paths else operation


def _free(name: str, taken: dict[str, Any]) -> str:
    """The name, or the name with the first number that is not taken."""
    numbered = (f"{name}_{i}" for i in range(1, len(taken) + 2))
    return name if name not in taken else next(n for n in numbered if n not in taken)
