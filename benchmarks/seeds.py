"""How alike the masks of one image are when only the seed differs.

    python benchmarks/seeds.py --root BRAIN_MRI [--model DIR] [--per-class 3] [--seeds 5]
        [--out seeds.jsonl] [--workers 2] [--table-only]

Images as methods.py picks them, explained with the default preset by seeds 0, 1, ... Printed by
the class answered: intersection over union of every pair of masks of an image, its mean over pairs
and images; the mean of the image where it is lowest; the same for random masks of these areas,
which is what chance gives; and the areas: median, and largest over smallest of an image (median
over images). The search draws its start, its areas and its noise by the seed, the claim its
composites, so that both move the mask.

Every mask is a line of --out as soon as it is there; started again, the command goes on where it
was. The table is printed from that file alone.
"""

import argparse
import base64
import json
import statistics
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from itertools import combinations
from pathlib import Path

import methods
import numpy as np
import torch
from command import carried_out, parsed, parser_of
from methods import BENCH, OURS, chosen, config_of, end_last_line, records, settings_of, table
from pool import spread

from med_cam.classifiers.bundled import bundled_classifier
from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError
from med_cam.images.overlap import chance_iou, pairwise
from med_cam.images.read import read_image
from med_cam.pipeline.explain import explain
from med_cam_studies.data.brain_mri import CLASSES
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import digest


def main() -> int:
    """Run what is missing, print the table."""
    return carried_out("seeds", arguments(), run, lambda out: report(records(out)))


def arguments() -> argparse.Namespace:
    parser = parser_of(__doc__, "seeds.jsonl")
    parser.add_argument("--per-class", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    return parsed(parser)


def run(asked: argparse.Namespace) -> None:
    """Explain every image by every seed that --out does not have yet."""
    with ExitStack() as stack:
        model = asked.model or stack.enter_context(bundled_classifier())
        end_last_line(asked.out)
        items = chosen(asked.root, asked.per_class)
        work = missing(items, range(asked.seeds), asked.out, model)
        # The seed given to `ready` is of no use here: every explanation brings its own.
        given = (model, 0, asked.out)
        spread(work, explained, workers=asked.workers, ready=methods.ready, given=given)


def missing(
    items: Sequence[Item], seeds: Sequence[int], out: Path, model: Path
) -> list[tuple[Item, int]]:
    """Images and seeds that have no line yet.

    Raises:
        MedCamError: if --out has results of another classifier or other settings.
    """
    classifier = load_classifier(model, device="cpu")
    lines = records(out)
    for seed in {line["seed"] for line in lines}:
        known = {line["settings"] for line in lines if line["seed"] == seed}
        if known != {settings_of(OURS, classifier, seed)}:
            raise MedCamError(
                f"{out} has masks of another classifier or of other settings; give another file "
                "to --out."
            )
    done = {(line["sha256"], line["seed"]) for line in lines}
    return [(i, s) for i in items for s in seeds if (digest(i.path), s) not in done]


def explained(item: Item, seed: int) -> None:
    """One image by one seed; one line."""
    (bench,) = BENCH
    classifier = bench.classifier
    image = read_image(item.path, channels=classifier.channels)
    config = config_of(OURS, seed)
    found = explain(classifier, image, config=config, references=bench.references)
    line = {
        "settings": settings_of(OURS, classifier, seed),
        "classifier": classifier.name,
        "image": item.path.name,
        "sha256": image.sha256,
        "label": CLASSES[item.label],
        "answer": found.label,
        "seed": seed,
        "verified": found.verified,
        "area": found.area,
        "mask": packed(found.mask),
    }
    with bench.out.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")  # one write: workers share the file


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
    names = sorted({line["classifier"] for line in lines})
    seeds = sorted({image["masks"] for image in images})
    head = f"{', '.join(names)}: {len(images)} images, masks each: {', '.join(map(str, seeds))}."
    labels = sorted({image["answer"] for image in images})
    rows = {k: [image for image in images if image["answer"] == k] for k in labels}
    return "\n\n".join([head, table(COLUMNS, rows | {"all": images})])


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
    "images": lambda images: str(len(images)),
    "mean IoU": of_all("ious", statistics.mean, ".2f"),
    "lowest of an image": lambda images: f"{min(statistics.mean(i['ious']) for i in images):.2f}",
    "IoU by chance": of_all("chance", statistics.mean, ".2f"),
    "median area": of_all("areas", statistics.median, ".3f"),
    "largest over smallest area": lambda images: (
        f"{statistics.median(i['spread'] for i in images):.2f}"
    ),
    "verified": of_all("verified", statistics.mean, ".0%"),
}


if __name__ == "__main__":
    raise SystemExit(main())
