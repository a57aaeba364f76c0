"""Train a classifier by a recipe: one plain torch loop, resumed from its last epoch."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from med_cam.classifiers.hooks import device_of
from med_cam.errors import ClassifierError
from med_cam_studies.data.examples import Examples
from med_cam_studies.evaluation.metrics import balanced_accuracy
from med_cam_studies.training.augment import batch_of_views, coloured, jittered, normalised, turned
from med_cam_studies.training.checkpoint import identity, read_checkpoint, write_checkpoint
from med_cam_studies.training.recipes import Recipe

BATCH = 64  # images per pass, where nothing is trained


@dataclass(frozen=True, slots=True)
class Epoch:
    """One line of a training's log.

    Attributes:
        stage: name of the recipe.
        number: from 1.
        loss: mean of the training loss.
        validation_loss: cross-entropy on the validation set.
        accuracy: there.
        balanced: mean over classes of the accuracy, there.
    """

    stage: str
    number: int
    loss: float
    validation_loss: float
    accuracy: float
    balanced: float

    @property
    def score(self) -> tuple[float, float]:
        """What decides which weights are best: the accuracy, of equal ones the lower loss.

        Validation sets may be small. Of 51 eyes three are of grade 1, so that one of them moves
        the balanced accuracy by 7 points; and the loss alone likes the unsure weights of early
        epochs, before the rate of learning has come down.
        """
        return self.accuracy, -self.validation_loss


OnEpoch = Callable[[Epoch], None]


@dataclass(frozen=True, slots=True)
class Trainer:
    """What a step changes: the weights, the moments of AdamW, the place in the cycle."""

    model: nn.Module
    optimizer: AdamW
    cycle: OneCycleLR
    scaler: torch.amp.GradScaler


@dataclass(frozen=True, slots=True)
class Progress:
    """What has been done so far: the epochs, and the weights of the best of them."""

    epochs: tuple[Epoch, ...] = ()
    best: Mapping[str, Tensor] | None = None

    @property
    def behind(self) -> int:
        """Epochs since the best."""
        scores = [epoch.score for epoch in self.epochs]
        return len(scores) - 1 - scores.index(max(scores)) if scores else 0


def train_stages(
    model: nn.Module,
    fit: Examples,
    validation: Examples,
    stages: Mapping[str, Recipe],
    folder: Path,
    on_epoch: OnEpoch,
) -> tuple[Epoch, ...]:
    """One recipe after the other on the same model, each with its checkpoint in `folder`.

    A stage that is done is only read, so that the next continues from its weights.

    Args:
        model: from `start.started`, on the device to train on; it ends with the final weights.
        fit: images to train on.
        validation: images that decide when to stop.
        stages: recipes by name, in their order.
        folder: of the checkpoints.
        on_epoch: called with every epoch as soon as it is done.

    Returns:
        Every epoch, those of earlier runs included.

    Raises:
        ClassifierError: if a checkpoint is of another training, or there are too few images.
        OutputError: if a checkpoint cannot be written.
    """
    epochs: list[Epoch] = []
    for stage, recipe in stages.items():
        checkpoint = folder / f"{stage}.ckpt"
        epochs += train(model, fit, validation, recipe, checkpoint, on_epoch)
    return tuple(epochs)


def train(
    model: nn.Module,
    fit: Examples,
    validation: Examples,
    recipe: Recipe,
    checkpoint: Path,
    on_epoch: OnEpoch,
) -> tuple[Epoch, ...]:
    """AdamW with one cycle; all that an epoch leaves is written to `checkpoint`.

    Where there is one, training continues after its last epoch and ends with the same weights as
    if it had never stopped: each epoch has a generator of its own. With patience the model ends
    with the weights that are best by validation, else with the last.

    Raises:
        ClassifierError: if there are fewer images than a batch holds, or the checkpoint is of
            another training.
        OutputError: if the checkpoint cannot be written.
    """
    steps = len(fit.images) // recipe.batch
    if steps == 0:
        raise ClassifierError(
            f"{len(fit.images)} images are fewer than a batch of {recipe.batch}; "
            "train on more of them, or with a smaller batch."
        )
    fingerprint = identity(recipe, fit, model.state_dict())
    trainer = new_trainer(model, recipe, steps)
    progress = resumed(trainer, checkpoint, fingerprint)
    while not ended(progress, recipe):
        number = len(progress.epochs) + 1
        generator = Generator().manual_seed(recipe.seed * 1000 + number - 1)
        loss = one_epoch(trainer, fit, recipe, steps, generator)
        epoch = validated(model, validation, recipe, checkpoint.stem, (number, loss))
        progress = after(progress, epoch, model)
        save(trainer, progress, checkpoint, fingerprint)
        on_epoch(epoch)
    if recipe.patience and progress.best is not None:
        model.load_state_dict(progress.best)
    return progress.epochs


def ended(progress: Progress, recipe: Recipe) -> bool:
    """Whether all epochs are done, or the best one is too long ago."""
    patient = recipe.patience == 0 or progress.behind < recipe.patience
    return len(progress.epochs) >= recipe.epochs or not patient


def after(progress: Progress, epoch: Epoch, model: nn.Module) -> Progress:
    """The progress with one more epoch."""
    best = max((e.score for e in progress.epochs), default=None)
    weights = progress.best
    if best is None or epoch.score > best:
        weights = deepcopy({key: value.cpu() for key, value in model.state_dict().items()})
    return Progress((*progress.epochs, epoch), weights)


def new_trainer(model: nn.Module, recipe: Recipe, steps: int) -> Trainer:
    """The optimiser and its cycle before the first step; half precision on a GPU."""
    rate = recipe.learning_rate
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    cycle = OneCycleLR(
        optimizer, rate, total_steps=steps * recipe.epochs, pct_start=recipe.warm_up
    )
    device = device_of(model).type
    return Trainer(model, optimizer, cycle, torch.amp.GradScaler(device, enabled=device == "cuda"))


def one_epoch(
    trainer: Trainer, fit: Examples, recipe: Recipe, steps: int, generator: Generator
) -> float:
    """As many images as there are, up to a last batch that would not be full; the mean loss."""
    device = device_of(trainer.model)
    weight = torch.tensor(recipe.class_weights, device=device) if recipe.class_weights else None
    trainer.model.train()
    total = torch.zeros((), device=device)
    for chosen in batches(fit, recipe, steps, generator):
        images, target = fit.images[chosen].to(device), fit.targets[chosen].to(device)
        x, target = batch_of_views(viewed(images, recipe, generator), target, recipe, generator)
        total += one_step(trainer, x, target, weight, recipe.label_smoothing)
    return total.item() / steps


def batches(
    fit: Examples, recipe: Recipe, steps: int, generator: Generator
) -> Iterator[Int[Tensor, " b"]]:
    """Indices of each batch: every image once, or classes nearer to equally often."""
    if recipe.balance == 0:
        order = torch.randperm(len(fit.images), generator=generator)
    else:
        share = fit.targets.sum(dim=0)[fit.labels] ** -recipe.balance
        order = torch.multinomial(
            share, steps * recipe.batch, replacement=True, generator=generator
        )
    yield from order[: steps * recipe.batch].view(steps, -1)


def viewed(
    images: UInt8[Tensor, "b c h w"], recipe: Recipe, generator: Generator
) -> Float[Tensor, "b d h w"]:
    """Random views of images, in the recipe's normalised space."""
    x = jittered(images.float() / 127.5 - 1, generator, zoom=recipe.zoom)
    x = turned(x, recipe.turns, generator)
    return prepared(coloured(x, recipe.colour, generator), recipe)


def prepared(unit: Float[Tensor, "b c h w"], recipe: Recipe) -> Float[Tensor, "b d h w"]:
    """Values in [-1, 1] as the model takes them, in the layout in which it is fastest."""
    x = normalised(unit.expand(-1, len(recipe.mean), -1, -1), recipe)
    return x.contiguous(memory_format=torch.channels_last)


def one_step(
    trainer: Trainer,
    x: Float[Tensor, "b c h w"],
    target: Float[Tensor, "b k"],
    weight: Float[Tensor, " k"] | None,
    smoothing: float,
) -> Float[Tensor, ""]:
    """Down the gradient of the cross-entropy once; the loss before it."""
    x = x.contiguous(memory_format=torch.channels_last)
    with torch.autocast(x.device.type, enabled=trainer.scaler.is_enabled()):
        logits = trainer.model(x)
        loss = F.cross_entropy(logits, target, weight=weight, label_smoothing=smoothing)
    trainer.optimizer.zero_grad()
    trainer.scaler.scale(loss).backward()
    trainer.scaler.step(trainer.optimizer)
    trainer.scaler.update()
    trainer.cycle.step()
    return loss.detach()


def validated(
    model: nn.Module, known: Examples, recipe: Recipe, stage: str, done: tuple[int, float]
) -> Epoch:
    """An epoch, from its number and training loss, with what it reaches on the validation set."""
    outputs = logits(model, known.images, recipe)
    right = outputs.argmax(dim=1) == known.labels
    return Epoch(
        stage,
        *done,
        validation_loss=F.cross_entropy(outputs, known.targets).item(),
        accuracy=right.float().mean().item(),
        balanced=balanced_accuracy(known.labels, outputs.argmax(dim=1), known.targets.shape[1]),
    )


@torch.no_grad()
def logits(
    model: nn.Module, images: UInt8[Tensor, "n c h w"], recipe: Recipe
) -> Float[Tensor, "n k"]:
    """Outputs for whole images."""
    model.eval()
    device = device_of(model)
    parts = [
        model(prepared(part.to(device).float() / 127.5 - 1, recipe)).cpu()
        for part in images.split(BATCH)
    ]
    return torch.cat(parts)


def resumed(trainer: Trainer, checkpoint: Path, fingerprint: str) -> Progress:
    """What was done before, with the trainer set to where it ended; nothing without a checkpoint.

    Raises:
        ClassifierError: if the checkpoint is damaged, or of another training.
    """
    saved = read_checkpoint(checkpoint, fingerprint)
    if saved is None:
        return Progress()
    trainer.model.load_state_dict(saved["model"])
    trainer.optimizer.load_state_dict(saved["optimizer"])
    trainer.cycle.load_state_dict(saved["cycle"])
    trainer.scaler.load_state_dict(saved["scaler"])
    return Progress(tuple(Epoch(**epoch) for epoch in saved["epochs"]), saved["best"])


def save(trainer: Trainer, progress: Progress, checkpoint: Path, fingerprint: str) -> None:
    """Write all that the next epoch needs.

    Raises:
        OutputError: if it cannot be written.
    """
    state = {
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "cycle": trainer.cycle.state_dict(),
        "scaler": trainer.scaler.state_dict(),
        "epochs": [asdict(epoch) for epoch in progress.epochs],
        "best": progress.best,
        "mark": fingerprint,
    }
    write_checkpoint(checkpoint, state)
