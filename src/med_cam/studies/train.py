"""Fine-tune a classifier by a recipe: one plain torch loop, resumed from its last epoch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from pickle import UnpicklingError  # what torch.load raises; nothing is unpickled here

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, UInt8
from torch import Generator, Tensor, nn
from torch.optim import AdamW
from torch.optim.lr_scheduler import OneCycleLR

from med_cam.classifiers.compat import import_timm
from med_cam.classifiers.weights import read_state
from med_cam.errors import ClassifierError, OutputError
from med_cam.studies.augment import backgrounds, blobs, jittered
from med_cam.studies.datasets import Labelled, pixels
from med_cam.studies.recipes import Recipe

HEAD = "classifier."  # what timm calls the last layer of a MobileNetV2
BATCH = 64  # images a pass, where nothing is trained

OnEpoch = Callable[[int, float], None]  # epoch, from 0; mean loss


@dataclass(frozen=True, slots=True)
class Examples:
    """Grey images in the classifier's frame, with one-hot targets."""

    images: UInt8[Tensor, "n 1 h w"]
    targets: Float[Tensor, "n k"]

    @property
    def labels(self) -> Int[Tensor, " n"]:
        """The class of each image."""
        return self.targets.argmax(dim=1)


@dataclass(frozen=True, slots=True)
class Course:
    """What a step changes: the weights, the moments of AdamW, the place in the cycle."""

    model: nn.Module
    optimizer: AdamW
    cycle: OneCycleLR


def examples(items: Sequence[Labelled], *, size: int, classes: int) -> Examples:
    """Files as they are trained on, all in memory."""
    labels = torch.tensor([item.label for item in items])
    return Examples(pixels(items, size), F.one_hot(labels, classes).float())


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


def start(weights: Path | None, recipe: Recipe, classes: int) -> nn.Module:
    """The recipe's architecture with ImageNet weights and a new head; without any, all new.

    What is new is drawn with the recipe's seed.

    Raises:
        ClassifierError: if the weights cannot be read, or belong to another architecture.
    """
    timm = import_timm()
    with torch.random.fork_rng(devices=[]):  # timm draws from the global generator
        torch.manual_seed(recipe.seed)  # noqa: TID251 - and gets it back as it was
        model: nn.Module = timm.create_model(
            recipe.architecture, num_classes=classes, pad_type=recipe.pad_type
        )
    if weights is not None:
        fill(model, weights)
    swift: nn.Module = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return swift


def fill(model: nn.Module, weights: Path) -> None:
    """Put pretrained weights into all but the head.

    Raises:
        ClassifierError: if they cannot be read, or belong to another architecture.
    """
    found = read_state(weights)
    state = {k: v.float() for k, v in found.items() if not k.startswith(HEAD)}
    own = model.state_dict()
    lacking = [k for k in own if k not in state and "num_batches" not in k]
    lacking = [k for k in lacking if not k.startswith(HEAD)]
    misfit = [k for k, v in state.items() if k not in own or own[k].shape != v.shape]
    if lacking or misfit:
        raise ClassifierError(
            f"{weights} does not fit {type(model).__name__}: it lacks {lacking[:3]}, and does not "
            f"fit in {misfit[:3]}; give weights of the recipe's architecture."
        )
    model.load_state_dict(state, strict=False)


def train_stages(
    model: nn.Module,
    known: Examples,
    stages: Mapping[str, Recipe],
    folder: Path,
    on_epoch: Callable[[str, int, float], None],
) -> None:
    """One recipe after the other on the same model, each with its checkpoint in `folder`.

    A stage that is done is only read, so that the next goes on from its weights.

    Args:
        model: from `start`.
        known: images to train on.
        stages: recipes by name, in their order.
        folder: of the checkpoints.
        on_epoch: told the stage, the epoch (from 0) and its mean loss.

    Raises:
        ClassifierError: if a checkpoint is of another recipe or other images.
        OutputError: if a checkpoint cannot be written.
    """
    for stage, recipe in stages.items():
        train(model, known, recipe, folder / f"{stage}.ckpt", partial(on_epoch, stage))


def train(
    model: nn.Module, known: Examples, recipe: Recipe, checkpoint: Path, on_epoch: OnEpoch
) -> None:
    """AdamW with one cycle; all that an epoch leaves is written to `checkpoint`.

    Where there is one, training goes on after its last epoch and ends with the same weights as
    if it had never stopped: each epoch draws from a generator of its own.

    Raises:
        ClassifierError: if there are fewer images than a batch holds, or the checkpoint is of
            another recipe or other images.
        OutputError: if the checkpoint cannot be written.
    """
    steps = len(known.images) // recipe.batch
    if steps == 0:
        raise ClassifierError(
            f"{len(known.images)} images are fewer than a batch of {recipe.batch}; "
            "train on more of them, or with a smaller batch."
        )
    course = begun(model, recipe, steps)
    mark = identity(recipe, known)
    for epoch in range(resumed(course, checkpoint, mark), recipe.epochs):
        generator = Generator().manual_seed(recipe.seed * 1000 + epoch)
        loss = one_epoch(course, known, recipe, steps, generator)
        save(course, epoch + 1, checkpoint, mark)
        on_epoch(epoch, loss)


def begun(model: nn.Module, recipe: Recipe, steps: int) -> Course:
    """The optimiser and its cycle before the first step."""
    rate = recipe.learning_rate
    optimizer = AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    cycle = OneCycleLR(optimizer, rate, total_steps=steps * recipe.epochs, pct_start=0.2)
    return Course(model, optimizer, cycle)


def one_epoch(
    course: Course, known: Examples, recipe: Recipe, steps: int, generator: Generator
) -> float:
    """Every image once, up to a last batch that would not be full; the mean loss."""
    weight = torch.tensor(recipe.class_weights) if recipe.class_weights else None
    order = torch.randperm(len(known.images), generator=generator)
    course.model.train()
    total = 0.0
    for chosen in order[: steps * recipe.batch].view(steps, -1):
        view = jittered(normalised(known.images[chosen]), generator).expand(-1, 3, -1, -1)
        x, target = batch_of_views(view, known.targets[chosen], recipe, generator)
        total += one_step(course, x, target, weight)
    return total / steps


def one_step(
    course: Course,
    x: Float[Tensor, "b 3 h w"],
    target: Float[Tensor, "b k"],
    weight: Float[Tensor, " k"] | None,
) -> float:
    """Down the gradient of the cross-entropy once; the loss before it."""
    swift = x.contiguous(memory_format=torch.channels_last)
    loss = F.cross_entropy(course.model(swift), target, weight=weight)
    course.optimizer.zero_grad()
    loss.backward()
    course.optimizer.step()
    course.cycle.step()
    return loss.item()


def identity(recipe: Recipe, known: Examples) -> str:
    """One name for the recipe and what it is trained on."""
    mark = sha256(repr(asdict(recipe)).encode())
    mark.update(known.images.numpy().tobytes())
    mark.update(known.targets.numpy().tobytes())
    return mark.hexdigest()


def resumed(course: Course, checkpoint: Path, mark: str) -> int:
    """Epochs done before, with the course set to where they ended; 0 without a checkpoint.

    Raises:
        ClassifierError: if the checkpoint is damaged, or of another recipe or other images.
    """
    if not checkpoint.exists():
        return 0
    try:
        saved = torch.load(checkpoint, weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, UnpicklingError) as error:
        raise ClassifierError(f"{checkpoint} is damaged ({error}); remove it.") from error
    if saved.get("mark") != mark:
        raise ClassifierError(
            f"{checkpoint} was trained by another recipe or on other images; "
            "give another folder, or remove it."
        )
    course.model.load_state_dict(saved["model"])
    course.optimizer.load_state_dict(saved["optimizer"])
    course.cycle.load_state_dict(saved["cycle"])
    done: int = saved["done"]
    return done


def save(course: Course, done: int, checkpoint: Path, mark: str) -> None:
    """Write a checkpoint beside the last one and rename it into its place.

    Raises:
        OutputError: if it cannot be written.
    """
    state = {
        "model": course.model.state_dict(),
        "optimizer": course.optimizer.state_dict(),
        "cycle": course.cycle.state_dict(),
        "done": done,
        "mark": mark,
    }
    part = checkpoint.with_suffix(".part")
    try:
        checkpoint.parent.mkdir(parents=True, exist_ok=True)
        torch.save(state, part)
        part.replace(checkpoint)
    except (OSError, RuntimeError) as error:  # torch's own for a full disk
        raise OutputError(
            f"{checkpoint} cannot be written ({error}); make room, or give another folder."
        ) from error


@torch.no_grad()
def logits(model: nn.Module, images: UInt8[Tensor, "n 1 h w"]) -> Float[Tensor, "n k"]:
    """Answers on whole images."""
    model.eval()
    views = [normalised(part).expand(-1, 3, -1, -1) for part in images.split(BATCH)]
    return torch.cat([model(v.contiguous(memory_format=torch.channels_last)) for v in views])
