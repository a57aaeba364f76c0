"""Train one network to propose masks for a classifier, on many images without labels.

It learns to tell, from the clues of one pass, what a look everywhere would find: the disc map of
each image (`disc_map.py`), from more discs than a search can afford. The looks are made once; the
network then learns from them without the classifier, so that it can see each image many times,
turned and mirrored too.

Training it by the loss of the search on all images at once, as one would first think of, takes as
many passes and does worse: see docs/benchmarks.md.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.config.settings import Config, Preparation
from med_cam.errors import ConfigError
from med_cam.results.passes import Passes
from med_cam.search.clues import clues
from med_cam.search.disc_map import disc_map, discs, standardised
from med_cam.search.proposal import Proposing
from med_cam.search.schedule import SLOWEST

OnEpoch = Callable[[int], None]  # called with how many epochs are done


@dataclass(frozen=True, slots=True)
class Example:
    """One image of the training: what the network sees, and what it is to tell.

    Attributes:
        clues: of one pass.
        looked: the disc map on the grid of the network; mean 0, deviation 1.
        cost: passes that both took.
    """

    clues: Float[Tensor, "1 k s s"]
    looked: Float[Tensor, "1 1 g g"]
    cost: Passes


def example_of(case: Case, rules: Preparation, generator: Generator) -> Example:
    """The clues of an image and a look at it; the passes of the whole case are its cost.

    Args:
        case: the image before the classifier.
        rules: how many discs.
        generator: on the CPU, for the baselines around them.
    """
    search, names, x = case.config.search, case.config.verification.baselines, case.scene.x
    masks = discs(x.shape[2], x.shape[3], rules.places, rules.radii).to(x) * case.open
    found = clues(case, 2 * search.grid)
    looked = disc_map(case.batched, case.target.index, masks, names, generator)
    coarse = standardised(F.adaptive_avg_pool2d(looked, search.grid))
    return Example(found.cpu(), coarse.cpu(), case.cost())


def trained(
    examples: Sequence[Example],
    config: Config,
    rules: Preparation,
    on_epoch: OnEpoch = lambda _: None,
) -> Proposing:
    """The network after its training.

    Raises:
        ConfigError: if the loss is no number any more.
    """
    generator = Generator().manual_seed(config.seed)
    seen = torch.cat([each.clues for each in examples])
    wanted = torch.cat([each.looked for each in examples])
    network = Proposing(seen.shape[1], config.search.widths, generator)
    optimizer = torch.optim.Adam(network.parameters())
    steps = rules.epochs * math.ceil(len(seen) / rules.batch)
    step = 0
    for epoch in range(rules.epochs):
        order = torch.randperm(len(seen), generator=generator)
        for part in order.split(rules.batch):
            for group in optimizer.param_groups:
                group["lr"] = rules.learning_rate * warmth(step, steps)
            turns, mirrored = torch.randint(0, 4, (1,), generator=generator), step % 2 == 0
            x, y = (turned(t[part], int(turns), mirrored=mirrored) for t in (seen, wanted))
            loss = F.mse_loss(levelled(network.coarse(x)), y)
            refuse_divergence(loss, step)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
        on_epoch(epoch + 1)
    return network.eval().requires_grad_(requires_grad=False)


def turned(
    maps: Float[Tensor, "b k s s"], turns: int, *, mirrored: bool
) -> Float[Tensor, "b k s s"]:
    """Quarter turns, and the mirror image."""
    found = maps.rot90(turns, (2, 3))
    return found.flip(3) if mirrored else found


def levelled(scores: Float[Tensor, "b 1 g g"]) -> Float[Tensor, "b 1 g g"]:
    """Each map with mean 0 and deviation 1, as the looks have them: only the order counts."""
    centred = scores - scores.mean(dim=(1, 2, 3), keepdim=True)
    return centred / (centred.square().mean(dim=(1, 2, 3), keepdim=True) + 1e-4).sqrt()


def warmth(step: int, steps: int) -> float:
    """The share of the learning rate in a step: a tenth of the steps up, then down a cosine."""
    up = max(1, steps // 10)
    if step < up:
        return (step + 1) / up
    part = (step - up) / max(1, steps - up)
    return SLOWEST + (1 - SLOWEST) * (1 + math.cos(math.pi * part)) / 2


def refuse_divergence(loss: Float[Tensor, ""], step: int) -> None:
    """Check that the training still has numbers to go by.

    Raises:
        ConfigError: if the loss is NaN or infinite.
    """
    if not loss.isfinite():
        raise ConfigError(
            f"the loss of the proposal's training is {loss.item()} in step {step + 1}; check that "
            "the classifier gives numbers for masked inputs"
        )
