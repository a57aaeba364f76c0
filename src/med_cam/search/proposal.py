"""A network that proposes where the evidence is, trained once for a classifier.

It takes the place of the first look at an image and of most of the search: from the clues of one
pass (`clues.py`) to a score for each pixel. Nothing is claimed of what it proposes: it is searched
from, cut, pruned and judged as the maps of any search are.
"""

import json
from dataclasses import asdict, dataclass, field
from hashlib import sha256

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.case.case import Case
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.identity import identity_of
from med_cam.config.settings import Config
from med_cam.errors import ConfigError
from med_cam.results.prepared import Prepared
from med_cam.search.clues import clues, count_of
from med_cam.search.disc_map import standardised
from med_cam.search.raising import raised
from med_cam.search.unet import UNet

A_PROPOSAL = "a Proposal, from prepare_proposal or load_proposal"


class Proposing(nn.Module):
    """From the clues of an image, 2 g a side, to g x g scores, raised to the image's size.

    Args:
        channels: of the clues.
        widths: of the U-Net.
        generator: for the first weights.
    """

    def __init__(self, channels: int, widths: tuple[int, ...], generator: Generator) -> None:
        super().__init__()
        self.unet = UNet(channels, widths, generator, transposed=False)

    def forward(
        self, found: Float[Tensor, "1 k s s"], size: tuple[int, int]
    ) -> Float[Tensor, "1 1 h w"]:
        """One score per pixel."""
        return raised(self.coarse(found), size)

    def coarse(self, found: Float[Tensor, "b k s s"]) -> Float[Tensor, "b 1 g g"]:
        """The scores on their grid."""
        return F.avg_pool2d(self.unet(found), 2)


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A trained network, and what it was prepared for and on.

    Attributes:
        prepared: what is known of it.
        network: from clues to scores; on the CPU.
    """

    prepared: Prepared
    network: Proposing = field(repr=False)


@torch.no_grad()
def proposed(case: Case, proposal: Proposal) -> Float[Tensor, "1 1 h w"]:
    """The scores that a network proposes for an image; mean 0, deviation 1.

    Costs one pass forward and one backward.
    """
    found = clues(case, 2 * proposal.prepared.grid)
    h, w = case.scene.x.shape[2:]
    return standardised(proposal.network(found.cpu(), (h, w)).to(case.scene.x))


def refuse_other_use(proposal: Proposal, classifier: Classifier, config: Config) -> None:
    """Check that a proposal was prepared for this classifier, and for how the rest is hidden.

    Raises:
        ConfigError: if not.
    """
    prepared, names = proposal.prepared, config.verification.baselines
    here, there = classifier.input_size, prepared.input_size
    if here != there:
        raise ConfigError(
            f"the proposal was prepared for inputs of {there[0]} x {there[1]}, this classifier "
            f"takes {here[0]} x {here[1]}; prepare one for it with med-cam prepare"
        )
    if prepared.classifier != identity_sha256(classifier) or channels(proposal) != count_of(
        classifier
    ):
        raise ConfigError(
            "the proposal was prepared for another classifier; prepare one for this with med-cam "
            "prepare"
        )
    if set(prepared.removal) != set(names):
        raise ConfigError(
            f"the proposal was prepared for the removals {', '.join(prepared.removal)}, and now "
            f"the rest is hidden by {', '.join(names)}; name the same with --removal, or prepare "
            "one for these"
        )
    refuse_other_form(config)


def refuse_other_form(config: Config) -> None:
    """Check that masks are made of scores as they are when a proposal is trained.

    Raises:
        ConfigError: if not.
    """
    if config.search.form != "quantile":
        raise ConfigError(
            f"a proposal is for masks of exact areas (search.form is 'quantile'), and search.form "
            f"is {config.search.form!r} here; use the preset default"
        )


def channels(proposal: Proposal) -> int:
    """Of the clues that its network takes."""
    first = proposal.network.unet.down[0]
    return int(next(first.parameters()).shape[1])


def identity_sha256(classifier: Classifier) -> str:
    """The SHA-256 of all that decides a classifier's answers, its name left out."""
    known = asdict(identity_of(classifier))
    return sha256(json.dumps(known, sort_keys=True, default=str).encode()).hexdigest()
