"""A proposal as the bytes of a safetensors file, and back: tensors and a line of JSON, no code."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, get_args

import safetensors.torch
from safetensors import SafetensorError
from torch import Generator, Tensor

from med_cam.config import rules
from med_cam.config.given import refuse_other
from med_cam.errors import ConfigError
from med_cam.results.passes import Passes
from med_cam.results.prepared import Prepared
from med_cam.search.proposal import Proposal, Proposing

KEY = "med-cam proposal 1"  # of the metadata; another number where the clues or the network change
MOST = 2**28  # bytes; the network of the default widths takes some 500,000
COUNT = 2**40


def as_bytes(proposal: Proposal) -> bytes:
    """The file: the same bytes for the same proposal."""
    known = asdict(proposal.prepared)
    del known["sha256"]
    return safetensors.torch.save(
        {name: tensor.contiguous() for name, tensor in proposal.network.state_dict().items()},
        metadata={KEY: json.dumps(known, sort_keys=True)},
    )


def named_by_file(proposal: Proposal) -> Proposal:
    """The same with the SHA-256 of its file."""
    named = replace(proposal.prepared, sha256=sha256(as_bytes(proposal)).hexdigest())
    return replace(proposal, prepared=named)


def load_proposal(path: str | Path) -> Proposal:
    """A proposal from its file; it fits the classifier that it was prepared for, and no other.

    Raises:
        ConfigError: if it cannot be read, or is not as `med-cam prepare` writes it.
    """
    refuse_other("path", path, (str, Path), "the path of a file")
    try:
        if Path(path).stat().st_size > MOST:
            raise ConfigError(f"{path} has more than {MOST:,} bytes; it is no proposal")
        content = Path(path).read_bytes()
    except OSError as error:
        raise ConfigError(
            f"the proposal {path} cannot be read ({error.strerror or error}); med-cam prepare "
            "makes one"
        ) from error
    try:
        tensors = safetensors.torch.load(content)
        prepared = prepared_from(json.loads(metadata_of(content)[KEY]), content)
        return Proposal(prepared, network_of(prepared, tensors))
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise ConfigError(
            f"{path} is no proposal of this version of med-cam, or is damaged; med-cam prepare "
            "makes a new one"
        ) from error


def metadata_of(content: bytes) -> Mapping[str, str]:
    """What stands beside the tensors of a safetensors file."""
    length = int.from_bytes(content[:8], "little")
    found: Mapping[str, str] = json.loads(content[8 : 8 + length])["__metadata__"]
    return found


def prepared_from(known: Mapping[str, Any], content: bytes) -> Prepared:
    """What is known of a proposal, each field within its range.

    Raises:
        ConfigError: if one is not.
    """
    lists = {name: tuple(known[name]) for name in ("input_size", "removal", "widths")}
    passes = Passes(**known["passes"])
    found = Prepared(**{**known, **lists, "passes": passes, "sha256": sha256(content).hexdigest()})
    for name, allowed in RANGES.items():
        rules.refuse_value(name, getattr(found, name), allowed)
    for count in (passes.forward, passes.backward):
        rules.refuse_value("passes", count, rules.whole(0, COUNT))
    return found


(WIDTHS,) = get_args(rules.Widths)[1:]
(NAMES,) = get_args(rules.SomeNames)[1:]
RANGES: Mapping[str, rules.Allowed] = {
    "classifier": rules.Allowed(lambda v: isinstance(v, str) and len(v) == 64, "a SHA-256"),
    "input_size": rules.many(rules.whole(1, 2**16), least=2, most=2),
    "removal": NAMES,
    "images": rules.whole(1, COUNT),
    "left_out": rules.whole(0, COUNT),
    "epochs": rules.whole(1, COUNT),
    "seed": rules.whole(0, rules.SEEDS - 1),
    "widths": WIDTHS,
    "grid": rules.whole(4, 128),
}


def network_of(prepared: Prepared, tensors: Mapping[str, Tensor]) -> Proposing:
    """The network with these weights.

    Raises:
        KeyError, RuntimeError: if they are not its own.
        ValueError: if they are no numbers.
    """
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ValueError
    channels = tensors["unet.down.0.0.weight"].shape[1]
    network = Proposing(channels, prepared.widths, Generator().manual_seed(0))
    network.load_state_dict(tensors)
    return network.eval().requires_grad_(requires_grad=False)
