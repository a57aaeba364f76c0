"""Fine-tune a classifier by a recipe: one plain torch loop, resumed from its last epoch."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from PIL import Image as Pillow
from safetensors.torch import load_file
from torch import Generator, Tensor, nn

from med_cam.classifiers.compat import import_timm
from med_cam.studies.augment import backgrounds, blobs, jittered
from med_cam.studies.datasets import Labelled
from med_cam.studies.recipes import Recipe


def pixels(items: Sequence[Labelled], size: int) -> UInt8[Tensor, "n 1 h w"]:
    """All images, grey, squashed to the classifier's frame."""
    read = [
        Pillow.open(i.path).convert("L").resize((size, size), Pillow.Resampling.BILINEAR)
        for i in items
    ]
    return torch.from_numpy(np.stack([np.asarray(image) for image in read]))[:, None]


def normalised(grey: UInt8[Tensor, "b 1 h w"]) -> Float[Tensor, "b 1 h w"]:
    """Values in [-1, 1]: mean 0.5, standard deviation 0.5, as the weights were trained with."""
    return grey.float() / 127.5 - 1


def batch_of_views(
    x: Float[Tensor, "b 3 h w"], target: Float[Tensor, "b k"], recipe: Recipe, generator: Generator
) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "b k"]]:
    """The last images of the batch seen in part, or not at all.

    The label of a masked image stays what it is: trained so, the classifier's answer is
    p(class | what is visible), whatever the background, and the prior where nothing is.
    """
    x, target = x.clone(), target.clone()
    hidden = recipe.masked + recipe.empty
    if hidden == 0 or len(x) <= hidden:
        return x, target
    part = x[-hidden:]
    mask = blobs(part, shares(len(part), recipe, generator), generator)
    mask[len(mask) - recipe.empty :] = 0
    x[-hidden:] = mask * part + (1 - mask) * backgrounds(part, generator)
    target[len(target) - recipe.empty :] = 1 / target.shape[1]
    return x, target


def shares(count: int, recipe: Recipe, generator: Generator) -> Float[Tensor, " b"]:
    """How much of each masked image is kept."""
    u = torch.rand(count, generator=generator)
    low, high = recipe.smallest_share, recipe.largest_share
    return low + (high - low) * u if recipe.uniform_share else low * (high / low) ** u


def start(weights: Path, classes: int, architecture: str) -> nn.Module:
    """The architecture with ImageNet weights and a new head."""
    model: nn.Module = import_timm().create_model(
        architecture, num_classes=classes, pad_type="same"
    )
    state = {
        k: v.float() for k, v in load_file(weights).items() if not k.startswith("classifier.")
    }
    missing = model.load_state_dict(state, strict=False).missing_keys
    unexpected = [k for k in missing if "num_batches" not in k and not k.startswith("classifier.")]
    if unexpected:
        raise ValueError(f"{weights} lacks {unexpected[:3]}")
    swift: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return swift


def train(
    model: nn.Module,
    images: UInt8[Tensor, "n 1 h w"],
    labels: Int[Tensor, " n"],
    recipe: Recipe,
    checkpoint: Path,
    on_epoch: Callable[[int, float], None],
) -> None:
    """AdamW with one cycle; the state after each epoch is written to `checkpoint`."""
    steps = len(images) // recipe.batch
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    cycle = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, recipe.learning_rate, total_steps=steps * recipe.epochs, pct_start=0.2
    )
    done = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        cycle.load_state_dict(saved["cycle"])
        done = saved["done"]
    one_hot = F.one_hot(labels, 4).float()
    weights = torch.tensor(recipe.class_weights) if recipe.class_weights else None
    for epoch in range(done, recipe.epochs):
        generator = Generator().manual_seed(recipe.seed * 1000 + epoch)
        model.train()
        total = 0.0
        for chosen in torch.randperm(len(images), generator=generator)[
            : steps * recipe.batch
        ].view(steps, -1):
            view = jittered(normalised(images[chosen]), generator).expand(-1, 3, -1, -1)
            x, target = batch_of_views(view, one_hot[chosen], recipe, generator)
            loss = F.cross_entropy(
                model(x.contiguous(memory_format=torch.channels_last)), target, weight=weights
            )
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            cycle.step()
            total += loss.item()
        state = {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "cycle": cycle.state_dict(),
            "done": epoch + 1,
        }
        partial = checkpoint.with_suffix(".part")
        torch.save(state, partial)
        partial.replace(checkpoint)
        on_epoch(epoch, total / steps)


@torch.no_grad()
def logits(model: nn.Module, images: UInt8[Tensor, "n 1 h w"]) -> Float[Tensor, "n k"]:
    """Answers on whole images."""
    model.eval()
    return torch.cat(
        [
            model(
                normalised(part)
                .expand(-1, 3, -1, -1)
                .contiguous(memory_format=torch.channels_last)
            )
            for part in images.split(64)
        ]
    )
