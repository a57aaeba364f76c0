"""Train one U-Net on one image until its mask carries the decision (paper section 3.2 to 3.4)."""

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Generator, Tensor, nn

from med_cam.case.case import Case
from med_cam.case.counting import swift_batch
from med_cam.classifiers.forward import Outputs
from med_cam.config.baselines import is_fixed
from med_cam.config.settings import Search
from med_cam.errors import ConfigError
from med_cam.masking.masks import shifted
from med_cam.masking.samplers import baselines_in_turn
from med_cam.masking.scene import Scene
from med_cam.removal.samples import Sampled, joined
from med_cam.results.reference import Reference
from med_cam.results.step import OnStep, Step
from med_cam.search.disc_map import Looked, discs, map_of, shown_alone, standardised
from med_cam.search.objective import objective
from med_cam.search.schedule import learning_rate, sharpness, so_far
from med_cam.search.unet import UNet


def search(
    case: Case,
    reference: Reference,
    generator: Generator,
    looked: Looked | None,
    on_step: OnStep | None = None,
) -> tuple[Float[Tensor, "n 1 h w"], tuple[Step, ...]]:
    """Maps of scores, higher = retained earlier, and the loss step by step.

    The last map first, then those of the way there, evenly spread, then the disc map. They fail
    on different images and cost nothing more: the cut chooses among them.

    Args:
        case: the frozen classifier, the image, the settings.
        reference: what the classifier predicts for the whole image.
        generator: on the CPU; for weights, areas, baselines and jitter.
        looked: from `look_at_discs`; None = without a disc map.
        on_step: called after every step.

    Raises:
        ConfigError: if the loss is no number any more.
    """
    s, scene, names = case.config.search, case.scene, case.config.verification.baselines
    start = weighted_disc_map(case, looked)  # 1 1 h w
    scores = Scores(scene.x, s, generator)
    optimizer = torch.optim.Adam(scores.parameters(), lr=s.learning_rate)
    steps = []
    maps = [start] if s.places or s.steps == 0 else []
    for index in range(s.steps):
        hard = index >= s.straight_from * s.steps
        raw = sharpness(s, index) * (start + scores())
        mask = FORMS[s.form](raw, s, generator, hard=hard) * case.open  # b 1 h w
        around = [infill(scene, some, mask, generator) for some in (names[:1], names)]
        seen, redrawn = over_both(case, mask, *around)
        loss, parts = objective(
            seen, redrawn, mask, reference, so_far(case.config.objective, s, index)
        )
        refuse_divergence(loss, index)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(s, index)
        optimizer.zero_grad()
        loss.backward(inputs=list(scores.parameters()))  # never into the classifier
        optimizer.step()
        steps.append(Step(index, loss.item(), parts, mask.mean().item()))
        if (index + 1) * s.maps // s.steps > index * s.maps // s.steps:
            with torch.no_grad():
                maps.append(start + scores())
        if on_step is not None:
            on_step(steps[-1])
    return torch.cat(maps[::-1]), tuple(steps)


def over_both(
    case: Case, mask: Float[Tensor, "b 1 h w"], first: Sampled, second: Sampled
) -> tuple[Outputs, Outputs]:
    """The classifier on the masks over two sets of samples, together where that is faster.

    Not where a hooked layer gives anything but one entry an image: it could not be dealt out.
    """
    apart = any(len(each) != 1 for each in case.whole.activations)
    if apart or 2 * len(mask) > swift_batch(case.scene.x):
        return case.outputs.over(mask, first), case.outputs.over(mask, second)
    both = case.outputs.over(torch.cat([mask, mask]), joined([first, second]))
    logits, *activations = (each.chunk(2) for each in (both.logits, *both.activations))
    one, other = zip(logits, *activations, strict=True)
    return Outputs(one[0], one[1:]), Outputs(other[0], other[1:])


def refuse_divergence(loss: Float[Tensor, ""], index: int) -> None:
    """Check that the search still has numbers to go by.

    Raises:
        ConfigError: if the loss is NaN or infinite; all later masks would be noise.
    """
    if not loss.isfinite():
        raise ConfigError(
            f"the loss of the search is {loss.item()} in step {index + 1}; lower "
            "search.learning_rate or objective.weights, or check that the classifier gives "
            "numbers for masked inputs"
        )


class Scores(nn.Module):
    """The scores of one image's pixels: from the U-Net, or free, to see what the U-Net is for."""

    def __init__(
        self, x: Float[Tensor, "1 c h w"], settings: Search, generator: Generator
    ) -> None:
        super().__init__()
        self.size = x.shape[2:]
        grid = settings.grid
        self.view = F.adaptive_avg_pool2d(x, 2 * grid) if grid else x
        self.grid = grid
        self.unet: UNet | None = None
        if settings.widths:
            widths, transposed = settings.widths, settings.transposed
            self.unet = UNet(x.shape[1], widths, generator, transposed=transposed).to(x)
        else:
            self.free = nn.Parameter(x.new_zeros(1, 1, *((grid, grid) if grid else self.size)))

    def forward(self) -> Float[Tensor, "1 1 h w"]:
        """One score per pixel; a coarse grid is raised smoothly."""
        raw: Tensor = self.free if self.unet is None else self.unet(self.view)
        if self.unet is not None and self.grid:
            raw = F.avg_pool2d(raw, 2)
        if not self.grid:
            return raw
        return raised(raw, (self.size[0], self.size[1]))


def raised(raw: Float[Tensor, "1 1 g g"], size: tuple[int, int]) -> Float[Tensor, "1 1 h w"]:
    """A coarse grid raised smoothly to a size (bicubic).

    On a GPU by two matrices, which is the same: torch's own gradient adds there in any order, so
    that the same seed would give another mask.
    """
    if raw.device.type == "cpu":
        return F.interpolate(raw, size=size, mode="bicubic", align_corners=False)
    rows, columns = (raising(*sides) for sides in zip(raw.shape[2:], size, strict=True))
    return rows.to(raw) @ raw @ columns.to(raw).T


def raising(coarse: int, fine: int) -> Float[Tensor, "fine coarse"]:
    """The matrix that raises a column of so many values to so many (bicubic)."""
    each = torch.eye(coarse)[:, None, :, None]  # one column a value
    columns = F.interpolate(each, size=(fine, 1), mode="bicubic", align_corners=False)
    return columns[:, 0, :, 0].T


def look_at_discs(case: Case, generator: Generator) -> Looked | None:
    """What is predicted for one disc at a time; None where the settings want no disc map."""
    s, x, names = case.config.search, case.scene.x, case.config.verification.baselines
    if not s.places:
        return None
    masks = discs(x.shape[2], x.shape[3], s.places, s.radii).to(x) * case.open
    return Looked(masks, shown_alone(case.batched, masks, names, generator), len(s.radii))


def weighted_disc_map(case: Case, looked: Looked | None) -> Float[Tensor, "1 1 h w"]:
    """The disc map with its weight, or zeros."""
    if looked is None:
        return torch.zeros_like(case.scene.x[:, :1])
    weight = case.config.search.look_weight
    return weight * map_of(looked.masks, looked.p, case.target.index)


def infill(
    scene: Scene, names: Sequence[str], mask: Float[Tensor, "b 1 h w"], generator: Generator
) -> Sampled:
    """A baseline for each mask: the random ones of `names` if there are any, in turn."""
    random = [name for name in names if not is_fixed(name)] or list(names)
    return baselines_in_turn(random, scene, len(mask), generator)


def soft_mask(
    scores: Float[Tensor, "1 1 h w"], settings: Search, generator: Generator, *, hard: bool
) -> Float[Tensor, "1 1 h w"]:
    """The paper's mask: the sigmoid of the scores."""
    return scores.sigmoid()


def nested_masks(
    scores: Float[Tensor, "1 1 h w"], settings: Search, generator: Generator, *, hard: bool
) -> Float[Tensor, "b 1 h w"]:
    """Ours: masks of several exact areas from one map, so that one search gives all areas.

    mask = sigmoid((s - its 1 - a quantile) / T), with s standardised and a drawn log-uniformly,
    once in each equal part of the range. When `hard`, the mask is 0/1 and the gradient that of the
    soft one. All are shifted alike by up to `jitter` pixels, which a mask that leaks the
    label through its outline does not survive.
    """
    level = standardised(scores)
    u = torch.arange(settings.masks) + torch.rand(settings.masks, generator=generator)
    ratio = settings.largest / settings.smallest
    areas = settings.smallest * ratio ** (u / settings.masks)
    cuts = level.detach().flatten().quantile(1 - areas.to(level)).view(-1, 1, 1, 1)
    mask = ((level - cuts) / settings.temperature).sigmoid()  # b 1 h w
    if hard:
        mask = (level > cuts).to(mask) + mask - mask.detach()
    reach = settings.jitter
    dy, dx = torch.randint(-reach, reach + 1, (2,), generator=generator).tolist()
    return shifted(mask, dy, dx)


FORMS: Mapping[str, Callable[..., Tensor]] = {"sigmoid": soft_mask, "quantile": nested_masks}
