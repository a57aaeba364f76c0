"""How much of our masks' outlines lies on edges of the image.

    python benchmarks/boundary.py STUDY --root DIR [--results evidence.jsonl]

Of the masks that `evidence.py` or `seeds.py` wrote: the share of outline pixels (of the mask, with
a neighbour above, below, left or right that is not; none on the image's border) within 2 pixels
of an edge, in the image's own pixels. Edges: Canny of scikit-image on the grey image in [0, 1],
sigma 2, its default thresholds. Beside it the same for the mask moved at random, 20 times, so far
that all of it stays in the image; and for random pixels of the image, which is what an outline
comes to that knows nothing. And how many right angles an outline has that are not in the image:
where both of its arms are straight, along rows and columns, for 1/28 of the shorter side (8 of 224
pixels, half a side of a region), and no edge is within 2 pixels of the corner. Masks of the whole
image have no outline and are left out.
"""

import argparse
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from command import parser_of, printed
from numpy.lib.stride_tricks import sliding_window_view
from rows import by_prediction, count, heading, mean, middle, share, table
from scipy.ndimage import binary_erosion, distance_transform_edt
from seeds import unpacked
from skimage.feature import canny
from study_images import study_images

from med_cam.errors import MedCamError
from med_cam.images.read import read_image
from med_cam_studies.evaluation.json_lines import read_lines
from med_cam_studies.training.catalogue import STUDIES

SIGMA, NEAR = 2.0, 2.0  # pixels of the image
MOVES = 20
ARM = 28  # of these of the shorter side


def main() -> int:
    """Measure every mask of the file, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--root", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--results", type=Path, default=Path("evidence.jsonl"))
    options = parser.parse_args()
    return printed(parser, lambda: report(measured(options)))


def measured(options: argparse.Namespace) -> list[dict]:
    """A line for each mask.

    Raises:
        MedCamError: if an image is not there as it was.
    """
    items = study_images(options.study, options.root).items
    paths = {item.path.name: item.path for item in items}
    generator = np.random.default_rng(0)
    lines = []
    for line in read_lines(options.results):
        image = read_image(paths[line["image"]]) if line["image"] in paths else None
        if image is None or image.sha256 != line["sha256"]:
            raise MedCamError(f"{options.root} has no test image {line['image']} as it was")
        mask = unpacked(line["mask"]).numpy()
        grey = image.pixels.numpy().mean(axis=0)
        if mask.any() and not mask.all():
            lines.append(line | of_mask(mask, near_edges(grey), generator))
    return lines


def near_edges(grey: np.ndarray) -> np.ndarray:
    """Which pixels are within `NEAR` of an edge."""
    edges = canny(grey, sigma=SIGMA)
    if not edges.any():
        return edges
    return distance_transform_edt(~edges) <= NEAR


def of_mask(mask: np.ndarray, near: np.ndarray, generator: np.random.Generator) -> dict:
    """The share of its outline that is near edges; the same where it is moved, and everywhere."""
    return {
        "on_edges": on_edges(mask, near),
        "moved": statistics.mean(on_edges(moved(mask, generator), near) for _ in range(MOVES)),
        "anywhere": float(near.mean()),
        "right_angles": int((right_angles(mask, round(min(mask.shape) / ARM)) & ~near).sum()),
    }


def right_angles(mask: np.ndarray, arm: int) -> np.ndarray:
    """Pixels of an image at whose lower right corner the mask's outline turns by a right angle.

    With two straight arms of at least so many pixels.
    """
    found = np.zeros(mask.shape, bool)
    across = straight(mask[1:] != mask[:-1], arm)
    down = [turns.T for turns in straight((mask[:, 1:] != mask[:, :-1]).T, arm)]
    found[:-1, :-1] = np.logical_or(*across) & np.logical_or(*down)
    return found


def straight(outline: np.ndarray, arm: int) -> list[np.ndarray]:
    """Where, between two places of a row, an outline begins that is straight; and where one ends.

    Args:
        outline: h w, whether it runs along each place of the row.
        arm: how far at least.
    """
    begins, ends = np.zeros((2, outline.shape[0], outline.shape[1] - 1), bool)
    if outline.shape[1] > arm:
        runs = sliding_window_view(outline, arm, axis=1).all(axis=2)  # from each place on
        begins[:, : runs.shape[1] - 1] = runs[:, 1:] & ~outline[:, :-arm]
        ends[:, arm - 1 :] = runs[:, :-1] & ~outline[:, arm:]
    return [begins, ends]


def outline(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask with a neighbour that is not, but for those that end at the border."""
    return mask & ~binary_erosion(mask, border_value=1)


def on_edges(mask: np.ndarray, near: np.ndarray) -> float:
    """The share of a mask's outline that is near edges."""
    return float(near[outline(mask)].mean())


def moved(mask: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """The same mask elsewhere, all of it in the image."""
    shift = []
    for axis in (0, 1):
        there = np.flatnonzero(mask.any(axis=1 - axis))
        low, high = -there[0], mask.shape[axis] - 1 - there[-1]
        shift.append(int(generator.integers(low, high + 1)))
    return np.roll(mask, shift, axis=(0, 1))


def report(lines: Sequence[dict]) -> str:
    """The table as Markdown."""
    if not lines:
        return "no results yet"
    rows = by_prediction(lines) | {"all": list(lines)}
    return f"{heading(lines)}: {len(lines)} masks.\n\n{table(COLUMNS, rows)}"


COLUMNS = {
    "masks": count,
    "outline on edges": middle("on_edges", ".2f"),
    "the mask moved": middle("moved", ".2f"),
    "any pixel": middle("anywhere", ".2f"),
    "mean of the ratios": mean(
        lambda li: li["on_edges"] / li["moved"] if li["moved"] else None, ".2f"
    ),
    "above the mask moved": share(lambda li: li["on_edges"] > li["moved"]),
    "right angles off edges": mean("right_angles", ".2f"),
    "masks without": share(lambda li: not li["right_angles"]),
}


if __name__ == "__main__":
    raise SystemExit(main())
