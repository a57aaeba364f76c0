"""The regions as COCO JSON, each a mask in run-length encoding as pycocotools has it.

https://cocodataset.org/#format-data. The masks are in the pixels of the image that was explained.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool
from torch import Tensor

from med_cam.report import wording
from med_cam.report.parts import Part, parts
from med_cam.report.result import Result

GROUP, MORE, FIRST = 5, 0x20, 48  # bits of a character, the flag that one follows, its zero


def coco(result: Result) -> bytes:
    """The file, in UTF-8: one image, one annotation and one category for each region."""
    found = parts(result.explanation)
    image = result.document["image"]
    whole = {
        "info": {
            "description": wording.NOT_A_DIAGNOSIS,
            "contributor": f"med-cam result {result.result_id}",
            "date_created": result.document["created"],
        },
        "licenses": [],
        "images": [
            {
                "id": 1,
                "file_name": image["file"] or result.document["sha256"]["source"],
                "height": image["height"],
                "width": image["width"],
            }
        ],
        "categories": [_category(number, part) for number, part in enumerate(found, start=1)],
        "annotations": [_annotation(number, part) for number, part in enumerate(found, start=1)],
    }
    return f"{json.dumps(whole, ensure_ascii=False, allow_nan=False)}\n".encode()


def run_lengths(mask: Bool[Tensor, "h w"]) -> list[int]:
    """Lengths of runs of equal pixels, column by column; the first run is of zeros, maybe none."""
    flat = np.asarray(mask.cpu().numpy(), np.int8).ravel(order="F")
    changes = np.flatnonzero(np.diff(flat, prepend=np.int8(0)))
    return [int(n) for n in np.diff(changes, prepend=0, append=flat.size)]


def packed(lengths: Sequence[int]) -> str:
    """Run lengths as pycocotools compresses them.

    From the fourth on, a length is written as its difference from the one two before it, which is
    of the same kind. Five bits a character, the low ones first, in two's complement.
    """
    earlier = (0, 0, 0, *lengths[1:])
    return "".join(_characters(n - before) for n, before in zip(lengths, earlier, strict=False))


def _characters(number: int) -> str:
    text = ""
    while True:
        low, number = number & (MORE - 1), number >> GROUP
        last = number == (-1 if low & (MORE >> 1) else 0)
        text += chr(FIRST + (low if last else low | MORE))
        if last:
            return text


def _category(number: int, part: Part) -> dict[str, Any]:
    return {"id": number, "name": f"{part.name}: {part.label}", "supercategory": "Med-CAM"}


def _annotation(number: int, part: Part) -> dict[str, Any]:
    mask = part.mask.cpu()
    rows, columns = (line.nonzero() for line in (mask.any(dim=1), mask.any(dim=0)))
    top, left = int(rows[0]), int(columns[0])
    return {
        "id": number,
        "image_id": 1,
        "category_id": number,
        "segmentation": {"size": list(mask.shape), "counts": packed(run_lengths(mask))},
        "area": int(mask.count_nonzero()),
        "bbox": [left, top, int(columns[-1]) + 1 - left, int(rows[-1]) + 1 - top],
        "iscrowd": 0,
        "attributes": {"finding": part.finding, "verified": part.holds},
    }
