"""A large image tile by tile: each is an image of its own, its evidence laid back in its place.

For classifiers that were trained on tiles of about this size. What is claimed, and what is not, is
reported at `TiledExplanation`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import SupportsIndex

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from med_cam.case.arguments import refuse_other_arguments
from med_cam.case.counting import BATCH, counted, predictor
from med_cam.case.references import References
from med_cam.case.target import target_index, target_of
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.ordinary_torch import ordinary_torch
from med_cam.config.rules import is_number, shown
from med_cam.config.settings import Config
from med_cam.errors import ConfigError
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam.results.passes import Passes
from med_cam.verify.decision import on_top

SMALLEST = 16  # source pixels a side; less is a dot, and its mask a few pixels


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of source pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def place(self) -> tuple[slice, slice]:
        """Its rows and columns, to index the last two axes of the whole image or mask."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile, what it is predicted, and why.

    Attributes:
        box: where it lies.
        label: what the classifier predicts: the target where it predicts that, else its first
            label; "" where no output of a sigmoid head reaches its threshold.
        probability: of the target, on the whole tile.
        explanation: of the target on this tile; None where the tile is predicted otherwise.
    """

    box: Box
    label: str
    probability: float
    explanation: Explanation | None

    @property
    def holds(self) -> bool:
        """Whether the tile is explained and the claim on it holds."""
        return self.explanation is not None and self.explanation.verified


OnTile = Callable[[Tile], None]


@dataclass(frozen=True, slots=True)
class TiledExplanation:
    """The evidence of all tiles that are predicted the target, and what was tested of each.

    There are as many claims as explained tiles: what the mask shows of a tile is sufficient for
    the prediction on that tile, relative to the baselines of its claim. Nothing is claimed of the
    image as a whole:

    * not that the mask retains the mean over tiles, which tiles without evidence are part of;
    * not that it is the smallest for the image: fewer tiles may do;
    * not that tiles without evidence hold nothing of the target: what a seam cuts in two may be
      too little on either side;
    * not that all claims hold at once with the confidence that each holds with. They rest on the
      same samples, and more tiles are more chances for one to pass, or fail, by luck.

    Attributes:
        target: index of the explained class.
        label: its name.
        labels: names of all classes.
        mask: true = evidence, in the source image's own pixels; false on all of a tile that is
            not predicted the target. Masks whose claim fails are in it too.
        area: share of the source image's pixels in the mask, in [0, 1].
        before: mean probability of each class over the tiles; each tile counts once.
        tiles: row by row, explained or not.
        passes: classifier passes spent, the first look at every tile included.
        seconds: wall time spent.
    """

    target: int
    label: str
    labels: tuple[str, ...]
    mask: Bool[Tensor, "h w"]
    area: float
    before: tuple[float, ...]
    tiles: tuple[Tile, ...]
    passes: Passes
    seconds: float

    @property
    def explained(self) -> tuple[Tile, ...]:
        """The tiles that are predicted the target."""
        return tuple(tile for tile in self.tiles if tile.explanation is not None)

    @property
    def verified(self) -> bool:
        """Whether some tile is explained, and the claim holds on every tile that is."""
        return bool(self.explained) and all(tile.holds for tile in self.explained)

    @property
    def status(self) -> str:
        """How many tiles are predicted the target, and on how many the claim holds."""
        called, held = len(self.explained), sum(tile.holds for tile in self.tiles)
        verb = "is" if called == 1 else "are"
        start = f"{called} of {len(self.tiles)} tiles {verb} predicted {self.label}"
        return f"{start}; {ending(called, held)}"


@ordinary_torch()
def explain_tiles(  # noqa: PLR0913  the arguments of `explain`, and the side
    classifier: Classifier,
    image: Image,
    *,
    side: int,
    target: SupportsIndex | str | None = None,
    config: Config | None = None,
    references: References | None = None,
    on_tile: OnTile | None = None,
) -> TiledExplanation:
    """Explain every tile of a large image that is predicted the target, and stitch the evidence.

    Each tile is fitted to the classifier as an image of its own. All go through it once, and only
    those that are predicted the target are explained. Where the classifier crops, the rim of each
    tile is never seen, and never evidence.

    Args:
        classifier: a frozen classifier, trained on tiles of about this size.
        image: one image; only one tile of it is explained at a time.
        side: of the tiles, in source pixels, about; see `tile_boxes`.
        target: the class to explain, by index or label; by default the one with the highest mean
            probability over the tiles.
        config: as for `explain`.
        references: tiles of reference images, from `prepare_references`.
        on_tile: called after each tile, explained or not, in the order of `tile_boxes`.

    Raises:
        ClassifierError: if the classifier does not work as one, or has no such target.
        ConfigError: if the tiles are too small, or the settings do not suit the classifier.
        ImageError: if a tile cannot be fitted to the classifier.
    """
    refuse_other_arguments(
        classifier, image, config=config, references=references, on_step=on_tile
    )
    begun = time.perf_counter()
    _, height, width = image.pixels.shape
    boxes = tile_boxes(height, width, side=side)
    p, looked = first_predictions(classifier, image, boxes)
    mean = p.mean(dim=0)
    index = target_index(classifier.labels, target, default=int(mean.argmax()))
    method = partial(explain, classifier, target=index, config=config, references=references)
    tiles: list[Tile] = []
    for box, own in zip(boxes, p.split(1), strict=True):
        tiles.append(tile_of(classifier, image, box, own, index, method))
        if on_tile is not None:
            on_tile(tiles[-1])
    explained = [(t.box, t.explanation) for t in tiles if t.explanation is not None]
    mask = stitched([b for b, _ in explained], [e.mask for _, e in explained], height, width)
    return TiledExplanation(
        target=index,
        label=classifier.labels[index],
        labels=classifier.labels,
        mask=mask,
        area=int(mask.sum()) / mask.numel(),
        before=tuple(mean.tolist()),
        tiles=tuple(tiles),
        passes=total([looked, *(e.passes for _, e in explained)]),
        seconds=time.perf_counter() - begun,
    )


def tile_boxes(height: int, width: int, *, side: int) -> tuple[Box, ...]:
    """The image cut into nearly equal tiles of about `side` pixels a side, row by row.

    A partition: every pixel lies in exactly one tile, and heights differ by at most one, as widths
    do. Tiles do not overlap, so that each tile's claim is about exactly the pixels that are
    stitched. Where two tiles overlapped, the mask of one would change what was tested of the
    other.

    Raises:
        ConfigError: if the side is too small.
    """
    if not is_number(side) or side < SMALLEST:
        raise ConfigError(
            f"tiles of {shown(side)} pixels a side are too small; give a side of {SMALLEST} or "
            "more, best that of the tiles the classifier was trained on"
        )
    rows, columns = parts(height, side), parts(width, side)
    return tuple(Box(top, left, h, w) for top, h in rows for left, w in columns)


def parts(length: int, side: int) -> list[tuple[int, int]]:
    """One axis in nearly equal parts of about `side`: where each begins, and its length."""
    n = max(1, round(length / side))
    edges = [i * length // n for i in range(n + 1)]
    return [(a, b - a) for a, b in pairwise(edges)]


def cropped(image: Image, box: Box) -> Image:
    """One tile as per image; path and sha256 are those of the file it was cut from."""
    return replace(image, pixels=image.pixels[:, *box.place])


def first_predictions(
    classifier: Classifier, image: Image, boxes: Sequence[Box]
) -> tuple[Float[Tensor, "n k"], Passes]:
    """The classifier's prediction for every tile, without gradients, and the passes it took.

    Never more than `BATCH` tiles are in memory at a time.
    """
    reported = []
    with hooks_attached(classifier) as forward:
        forward, cost = counted(forward)
        predict = predictor(forward, classifier, BATCH)
        for first in range(0, len(boxes), BATCH):
            batch = boxes[first : first + BATCH]
            x = torch.cat([classifier.prepare(cropped(image, box)) for box in batch])
            if classifier.check is not None and first == 0:
                classifier.check(classifier.at_the_door(x[:1]))
            reported.append(predict(x))
    return torch.cat(reported), cost()


def tile_of(
    classifier: Classifier,
    image: Image,
    box: Box,
    p: Float[Tensor, "1 k"],
    target: int,
    method: Callable[[Image], Explanation],
) -> Tile:
    """One tile, explained by the method if it is predicted the target.

    Args:
        classifier: whose prediction it is.
        image: the whole.
        box: the tile's place in it.
        p: its probabilities for this tile.
        target: the class to explain.
        method: from an image to the explanation of that class.
    """
    label = called(classifier, p, target)
    given = label == classifier.labels[target]
    found = method(cropped(image, box)) if given else None
    return Tile(box, label, p[0, target].item(), found)


def called(classifier: Classifier, p: Float[Tensor, "1 k"], target: int) -> str:
    """What the classifier predicts for a tile: the target if it can, else its first label.

    "" where no output of a sigmoid head reaches its threshold.
    """
    order = (target, *p[0].argsort(descending=True).tolist())
    given = (k for k in order if bool(on_top(p, target_of(classifier, p, k))[0]))
    return next((classifier.labels[k] for k in given), "")


def stitched(
    boxes: Sequence[Box], masks: Sequence[Bool[Tensor, "_ _"]], height: int, width: int
) -> Bool[Tensor, "height width"]:
    """Each mask in its box, pixel by pixel; false where there is no box."""
    whole = torch.zeros(height, width, dtype=torch.bool)
    for box, mask in zip(boxes, masks, strict=True):
        whole[box.place] = mask
    return whole


def total(passes: Sequence[Passes]) -> Passes:
    """The sum of several counts of passes."""
    return Passes(sum(p.forward for p in passes), sum(p.backward for p in passes))


def ending(called: int, held: int) -> str:
    """The second half of the sentence: on how many of the tiles predicted the target it holds."""
    if called == 0:
        return "there is no evidence to show"
    if called == 1:
        return f"the claim {'holds' if held else 'fails'} on it"
    if held in (0, called):
        return f"the claim {'holds' if held else 'fails'} on each of them"
    return f"the claim holds on {held} of them and fails on {called - held}"
