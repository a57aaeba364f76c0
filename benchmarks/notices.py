"""How often each kind of notice comes up on images, and what is a warning then.

    python benchmarks/notices.py DIR...

DIR: results of `med-cam explain`, as of ordinary images: the bundled references, a test set. The
base rates in `config/notices.py` are the columns "share" and "nine of ten have at most". Whether a
notice warns is decided anew, by the rates of today.
"""

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from command import parser_of, printed

from med_cam.config.notices import KINDS, warns
from med_cam.report.found_results import found_results
from med_cam.report.read import read_explanation
from med_cam.report.text_table import markdown
from med_cam.results.notice import NOTICES

USUAL = 0.9  # of ordinary images
Notices = dict[str, float]  # of an image: the figure of each kind that came up


def main() -> int:
    """Print the tables of the results that are named."""
    parser = parser_of(__doc__)
    parser.add_argument("results", type=Path, nargs="+", metavar="DIR")
    options: argparse.Namespace = parser.parse_args()
    return printed(parser, lambda: report([*map(notices_of, found_results(options.results))]))


def notices_of(folder: Path) -> Notices:
    """The kinds of notices of a result, each with its figure; NaN if it has none."""
    found = read_explanation(folder)["claim"]["notices"]
    return {one["kind"]: math.nan if one["figure"] is None else one["figure"] for one in found}


def report(images: Sequence[Notices]) -> str:
    """A table by kind, and how many warnings an image has."""
    rows = [row(kind, images) for kind in NOTICES if any(kind in image for image in images)]
    head = ["kind", "images", "share", "nine of ten have at most", "highest", "warns in"]
    counts = Counter(sum(warned(kind, image) for kind in image) for image in images)
    each = [[str(number), str(counts[number])] for number in sorted(counts)]
    return f"{markdown(head, rows)}\n\n{markdown(['warnings of an image', 'images'], each)}"


def row(kind: str, images: Sequence[Notices]) -> list[str]:
    """A kind's line."""
    count = sum(kind in image for image in images)
    figures = sorted(figure_of(image.get(kind, 0.0)) for image in images)
    return [
        kind,
        f"{count} of {len(images)}",
        f"{count / len(images):.2f}",
        f"{figures[math.ceil(USUAL * len(images)) - 1]:.3f}",
        f"{figures[-1]:.3f}",
        str(sum(warned(kind, image) for image in images)),
    ]


def warned(kind: str, image: Notices) -> bool:
    """Whether a kind came up as a warning."""
    return kind in image and warns(KINDS[kind], image[kind])


def figure_of(value: float) -> float:
    """A figure; 0 where a kind has none."""
    return 0.0 if math.isnan(value) else value


if __name__ == "__main__":
    raise SystemExit(main())
