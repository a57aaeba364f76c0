"""Named tensors of a file to the names of an architecture.

A training script's wrapper puts a prefix before each name, and its file may hold more than the
network. The weights are those tensors behind one prefix that the architecture asks for, all of
them. Nothing is guessed: two such sets, or layers beside them that the architecture does not
have, are refused with their names.
"""

import logging
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from med_cam.classifiers.checkpoint import State
from med_cam.errors import ClassifierError

_LOG = logging.getLogger(__name__)

COUNTERS = "num_batches_tracked"  # of batch normalisation; evaluation never reads it
WRAPPERS = ("module", "_orig_mod")  # parts of names: DataParallel, torch.compile
KNOWN = re.compile(r"((module|model|_orig_mod)\.)*")  # prefixes of which nothing need be said
BESIDE = re.compile(  # first parts of names that training scripts put beside a network
    r"(\w*(loss|criterion|metric|metrics)|n_averaged|(train|val|valid|test)_\w+"
    r"|\w*(auroc|accuracy|acc|f1|precision|recall)\w*|class_weights?|pos_weight)"
)
DENSENET = re.compile(r"(denselayer\d+\.(?:norm|relu|conv))\.(?=[12]\.)")  # torchvision before 0.3
SHOWN = 3  # names in an error


@dataclass(frozen=True, slots=True)
class Match:
    """Tensors for an architecture: where in the file, behind which prefix, under its own names.

    Attributes:
        place: of the table in the file, "" for the file itself.
        prefix: before each name in that table.
        found: tensors by the architecture's names, of any shape.
        within: names behind the prefix that the architecture does not have.
        beside: names in the table that do not begin with the prefix, by their tensors.
    """

    place: str
    prefix: str
    found: State
    within: tuple[str, ...]
    beside: State

    @property
    def words(self) -> str:
        """Where the tensors stand, for a sentence."""
        parts = [f"in {self.place!r}" if self.place else "", f"behind {self.prefix!r}"]
        return " ".join(filter(None, parts if self.prefix else parts[:1])) or "under their names"


def best_match(states: Mapping[str, State], own: State, *, source: str) -> Match:
    """The tensors for an architecture; of those that lack some, the one that lacks least.

    Args:
        states: tables of named tensors, by their places in the file.
        own: what the architecture asks for.
        source: how errors call the file.

    Raises:
        ClassifierError: if two different sets of tensors have every name.
    """
    matches = [match for place, state in states.items() for match in _matches(place, state, own)]
    full = [match for match in matches if not _missing(match, own)]
    others = [match for match in full[1:] if not _equal(full[0], match)]
    if others:
        raise ClassifierError(
            f"{source} holds {1 + len(others)} different sets of weights with every name of the "
            f"architecture ({'; '.join(match.words for match in (full[0], *others)[:SHOWN])}); "
            "save the one that is meant in a file of its own."
        )
    return full[0] if full else max(matches, key=lambda match: len(match.found))


def fitting(match: Match, own: State, *, source: str, name: str) -> State:
    """The tensors of a match, if they are all that the architecture asks for, and all there is.

    What stands beside them without being a layer is left aside, and said.

    Args:
        match: from `best_match`.
        own: what the architecture asks for.
        source: how errors call the file.
        name: how errors call the architecture.

    Raises:
        ClassifierError: if one is missing, unexpected, or of the wrong shape or kind.
    """
    missing = [f"{key} {shape(own[key])}" for key in _missing(match, own)]
    wrong = [
        f"{key} is {shape(tensor)} in the file and {shape(own[key])} in the architecture"
        for key, tensor in match.found.items()
        if tensor.shape != own[key].shape or _other_kind(tensor, own[key])
    ]
    layers = [key for key, tensor in match.beside.items() if _is_layer(key, tensor)]
    unexpected = [*match.within, *layers]
    faults = (("missing", missing), ("unexpected", unexpected), ("of the wrong shape", wrong))
    if any(keys for _, keys in faults):
        faulty = "; ".join(_listed(keys, title) for title, keys in faults if keys)
        needed = sum(not key.endswith(COUNTERS) for key in own)
        matched = needed - len(missing) - len(wrong)
        there = f" (matched {matched} of {needed}, {match.words})" if matched else ""
        raise ClassifierError(f"{source} does not fit {name}: {faulty}{there}.")
    _tell(match, source)
    return match.found


def _tell(match: Match, source: str) -> None:
    """Say which tensors were taken where it is not plain, and which were left aside."""
    if not KNOWN.fullmatch(match.prefix):
        _LOG.warning("%s: the weights were taken %s.", source, match.words)
    left = [key for key in match.beside if not key.endswith(COUNTERS)]
    if left:
        _LOG.warning("%s: %s left aside, no part of the network.", source, _listed(left, ""))


def _matches(place: str, state: State, own: State) -> list[Match]:
    """One match for each prefix under which any name of the architecture is found."""
    found = [_match(place, state, own, prefix) for prefix in _prefixes(state, own)]
    if any(not _missing(match, own) for match in found):
        return found
    plain = _renamed(state, own)
    again = [_match(place, plain, own, prefix) for prefix in _prefixes(plain, own)]
    split = [_of_two(place, table, own) for table in (state, plain)]
    return [*again, *found, *(match for match in split if match is not None)] or [
        _match(place, state, own, "")
    ]


def _of_two(place: str, state: State, own: State) -> Match | None:
    """A network saved in parts, as in encoder. and classifier.: each name is there just once."""
    sources = {key: _sources(state, key, tensor) for key, tensor in own.items()}
    needed = {key: names for key, names in sources.items() if not key.endswith(COUNTERS)}
    if not needed or any(len(names) != 1 for names in needed.values()):
        return None
    found = {key: state[names[0]] for key, names in sources.items() if len(names) == 1}
    used = {names[0] for names in sources.values() if names}
    prefixes = {names[0].removesuffix(key) for key, names in needed.items()}
    if len(prefixes) != 2:
        return None
    beside = {key: tensor for key, tensor in state.items() if key not in used}
    return Match(place, " and ".join(sorted(prefixes)), found, (), beside)


def _sources(state: State, key: str, tensor: Tensor) -> list[str]:
    return [
        name
        for name, there in state.items()
        if (name == key or name.endswith(f".{key}")) and there.shape == tensor.shape
    ]


def _prefixes(state: State, own: State) -> list[str]:
    """The prefixes behind which names of the architecture stand, the most frequent first."""
    counts: Counter[str] = Counter()
    for name in state:
        parts = name.split(".")
        for start in range(len(parts)):
            if ".".join(parts[start:]) in own:
                counts[".".join((*parts[:start], "")) if start else ""] += 1
    return [prefix for prefix, _ in counts.most_common(SHOWN + 2)]


def _match(place: str, state: State, own: State, prefix: str) -> Match:
    behind = {key.removeprefix(prefix): key for key in state if key.startswith(prefix)}
    known = {key for key in own if key in behind}
    within = tuple(key for key in behind if key not in known and not key.endswith(COUNTERS))
    beside = {key: tensor for key, tensor in state.items() if not key.startswith(prefix)}
    if not prefix:  # all names begin with nothing: what stands beside is told by its name
        apart = [key for key in within if BESIDE.fullmatch(key.partition(".")[0])]
        beside = {key: state[key] for key in apart}
        within = tuple(key for key in within if key not in beside)
    return Match(place, prefix, {key: state[behind[key]] for key in known}, within, beside)


def _renamed(state: State, own: State) -> State:
    """The state under the names of today, without the wrappers' parts within names."""
    wrapped = {part for key in own for part in key.split(".")} & set(WRAPPERS)
    old = any(DENSENET.search(key) for key in own)

    def today(name: str) -> str:
        parts = [p for p in name.split(".") if p in wrapped or p not in WRAPPERS]
        return ".".join(parts) if old else DENSENET.sub(r"\1", ".".join(parts))

    renamed = {today(name): tensor for name, tensor in state.items()}
    return renamed if len(renamed) == len(state) else state


def _missing(match: Match, own: State) -> list[str]:
    return [key for key in own if key not in match.found and not key.endswith(COUNTERS)]


def _equal(one: Match, two: Match) -> bool:
    return all(
        two.found[key].shape == tensor.shape
        and two.found[key].dtype == tensor.dtype
        and torch.equal(two.found[key], tensor)
        for key, tensor in one.found.items()
        if key in two.found
    )


def _other_kind(there: Tensor, own: Tensor) -> bool:
    """Whether whole numbers stand where the architecture computes with fractions."""
    return own.is_floating_point() and not there.is_floating_point()


def _is_layer(name: str, tensor: Tensor) -> bool:
    """Whether a tensor beside the network looks like part of one."""
    matrix = tensor.ndim > 1 and name.rpartition(".")[2] == "weight"
    return matrix and not any(BESIDE.fullmatch(part) for part in name.split("."))


def _listed(keys: list[str], title: str) -> str:
    more = ", ..." if len(keys) > SHOWN else ""
    count = f"{len(keys)} {title}".strip()
    return f"{count} ({', '.join(keys[:SHOWN])}{more})"


def shape(tensor: Tensor) -> str:
    """As in 4x3x3x3."""
    kind = "" if tensor.is_floating_point() else f" {str(tensor.dtype).removeprefix('torch.')}"
    return ("x".join(str(side) for side in tensor.shape) or "a single number") + kind
