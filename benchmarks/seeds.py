"""How alike the masks of one image are when only the seed differs.

    python benchmarks/seeds.py --root BRAIN_MRI [--model DIR] [--per-class 3] [--seeds 5]
        [--out seeds.jsonl] [--workers 2] [--table-only]

Images as methods.py picks them, explained with the default preset by seeds 0, 1, ... The table
has, by predicted class: intersection over union of every pair of masks of an image, its mean over
pairs and images; the mean of the image where it is lowest; the same for random masks of these
areas, which is what chance gives; and the areas: median, and largest over smallest of an image
(median over images). The search takes its start, its areas and its noise from the seed, the claim
its random samples, so that both move the mask.

Every mask is a line of --out as soon as it is there; started again, the command continues where
it was. The table is printed from that file alone.
"""

import argparse
import base64
import statistics
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np
import torch
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import by_prediction, count, heading, middle, reduced, table
from study_images import brain_mri_images

from med_cam.config.presets import preset
from med_cam.images.image import Image
from med_cam.images.overlap import chance_iou, pairwise
from med_cam.pipeline.explain import explain


def main() -> int:
    """Run what is missing, print the table."""
    parser = resumed_parser(__doc__, "seeds.jsonl")
    parser.add_argument("--per-class", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image by every seed that --out does not have yet."""
    configs = {seed: replace(preset("default"), seed=seed) for seed in range(options.seeds)}
    images = brain_mri_images(options.root, options.per_class)
    explain_missing(options, images, explained, configs, "seed")


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image by one seed."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    return {
        "answer": found.label,
        "verified": found.verified,
        "area": found.area,
        "mask": packed(found.mask),
    }


def packed(mask: torch.Tensor) -> dict[str, object]:
    """A mask as its size and its compressed bits."""
    bits = np.packbits(mask.numpy()).tobytes()
    return {"size": list(mask.shape), "bits": base64.b64encode(zlib.compress(bits)).decode()}


def unpacked(entry: Mapping) -> torch.Tensor:
    """The mask of `packed`."""
    bits = np.frombuffer(zlib.decompress(base64.b64decode(entry["bits"])), np.uint8)
    h, w = entry["size"]
    flat = np.unpackbits(bits, count=h * w).astype(bool)
    return torch.from_numpy(flat).view(h, w)


def report(lines: Sequence[dict]) -> str:
    """The table as Markdown, of images with at least two masks."""
    images = [pairs for pairs in map(compared, by_image(lines)) if pairs["masks"] > 1]
    if not images:
        return "no image has two masks yet"
    seeds = sorted({image["masks"] for image in images})
    head = f"{heading(lines)}: {len(images)} images, masks each: {', '.join(map(str, seeds))}."
    return "\n\n".join([head, table(COLUMNS, by_prediction(images) | {"all": images})])


def by_image(lines: Sequence[dict]) -> list[list[dict]]:
    """The lines of each image."""
    keys = dict.fromkeys(line["sha256"] for line in lines)
    return [[line for line in lines if line["sha256"] == key] for key in keys]


def compared(lines: Sequence[dict]) -> dict:
    """One image: its masks against each other."""
    areas = [line["area"] for line in lines]
    pairs = combinations(areas, 2)
    return {
        "answer": lines[0]["answer"],
        "masks": len(lines),
        "ious": pairwise([unpacked(line["mask"]) for line in lines]),
        "chance": [chance_iou(a, b) for a, b in pairs],
        "areas": areas,
        "spread": max(areas) / min(areas),
        "verified": [line["verified"] for line in lines],
    }


def of_all(key: str, reduce: Callable, form: str) -> Callable:
    """A column: one number of all values of all images."""
    return lambda images: f"{reduce([v for image in images for v in image[key]]):{form}}"


COLUMNS = {
    "images": count,
    "mean IoU": of_all("ious", statistics.mean, ".2f"),
    "lowest of an image": reduced(min, lambda image: statistics.mean(image["ious"]), ".2f"),
    "IoU by chance": of_all("chance", statistics.mean, ".2f"),
    "median area": of_all("areas", statistics.median, ".3f"),
    "largest over smallest area": middle("spread", ".2f"),
    "verified": of_all("verified", statistics.mean, ".0%"),
}


if __name__ == "__main__":
    raise SystemExit(main())
