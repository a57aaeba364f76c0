"""How much of the evidence lies on the empty surround of the images of a study.

    python benchmarks/surround.py --study STUDY --root DATA --out FOLDER

FOLDER is what `med-cam reproduce STUDY --out FOLDER` wrote. The surround is what is darker than
one part in twelve of white and connected to the image's rim: the air around a head, the black
around a fundus. A random mask has as much of it as the image has. The table has, by class
explained, the share of the image that is surround, the share of the evidence that is, and how many
images have more than half of their evidence there.
"""

import argparse
from pathlib import Path

import numpy as np
import scipy.ndimage
from command import parser_of, printed
from rows import count, mean, table

from med_cam.images.mask_file import mask_from_png
from med_cam.images.read import read_image
from med_cam_studies.evaluation.reproduce import known_rows
from med_cam_studies.training.catalogue import STUDIES

DARK = 1 / 12  # of white
COLUMNS = {
    "images": count,
    "of the image": mean(lambda pair: pair[0], ".0%"),
    "of the evidence": mean(lambda pair: pair[1], ".0%"),
    "more than half": lambda pairs: str(sum(inside > 0.5 for _, inside in pairs)),
}


def main() -> int:
    """Print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--study", choices=sorted(STUDIES), required=True)
    parser.add_argument("--root", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--out", type=Path, required=True, help="what reproduce wrote")
    options = parser.parse_args()
    return printed(parser, lambda: table(COLUMNS, shares(options), name="class explained"))


def shares(options: argparse.Namespace) -> dict[str, list[tuple[float, float]]]:
    """By class explained, of each image: share of it and of its evidence in the surround."""
    collection = STUDIES[options.study].collect(options.root)
    items = {item.name: item for item in (*collection.items, *collection.outlined)}
    found: dict[str, list[tuple[float, float]]] = {}
    for row in known_rows(options.out).values():
        dark = surround(read_image(items[row.image].path).pixels.mean(dim=0).numpy())
        mask = mask_from_png((options.out / row.folder / "mask.png").read_bytes()).numpy()
        inside = (mask & dark).sum() / max(1, mask.sum())
        found.setdefault(row.label, []).append((float(dark.mean()), float(inside)))
    return dict(sorted(found.items()))


def surround(grey: np.ndarray) -> np.ndarray:
    """Dark pixels that are connected to the rim through dark ones."""
    dark = np.pad(grey < DARK, 1, constant_values=True)
    regions, _ = scipy.ndimage.label(dark)
    return (regions == regions[0, 0])[1:-1, 1:-1]


if __name__ == "__main__":
    raise SystemExit(main())
