"""What the mask is made of, how long a smaller one is looked for, and what else is tested."""

from typing import Annotated

from med_cam.cli.options.boxes import TESTS
from med_cam.cli.parameters import Was, flag, option
from med_cam.config import rules
from med_cam.config.presets import PRESETS

DEFAULTS = PRESETS["default"].certification
Alternatives = Annotated[
    int | None,
    option(
        "K",
        "Search for up to K further masks. Each is sufficient and shares no pixel with the "
        "others: other reasons for the same prediction.",
        TESTS,
        allowed=rules.alternatives,
    ),
]
NecessarySuperset = Annotated[
    bool,
    flag(
        "--necessary-superset",
        "If removing the evidence does not change the prediction, search for a larger mask "
        "whose removal does.",
        TESTS,
    ),
    Was("--necessary"),
]
Seeds = Annotated[
    int | None,
    option(
        "N",
        "Explain with N seeds and compare the masks (agreement.png).",
        TESTS,
        allowed=rules.seeds,
    ),
]
Patch = Annotated[
    int | None,
    option(
        "PIXELS",
        "Make the mask of square patches in place of the image's own regions. Their side, in "
        "pixels of the model input. Patches are removed from the mask until every remaining "
        "one is needed. Smaller patches find smaller masks and take longer. 0: remove none.",
        TESTS,
        allowed=rules.patch,
    ),
    Was("--cell"),
]
RegionSize = Annotated[
    int | None,
    option(
        "PIXELS",
        "Size of the regions that the mask is made of; their borders follow the image's "
        "edges. Side of a square of their mean area, in pixels of the model input. Default: "
        f"{DEFAULTS.patch}, smaller for small images.",
        TESTS,
        allowed=rules.region,
    ),
]
Budget = Annotated[
    int | None,
    option(
        "PASSES",
        "Passes of an image through the classifier, forward and backward, for its mask, its "
        "tests and weaker claims together. Where they end, the mask is not made smaller any more, "
        "nor a further one tried; what was found is tested all the same. Alternatives and further "
        "seeds come on top, each with the same limit. "
        f"0: none. Default: {DEFAULTS.budget}; with --patch none.",
        TESTS,
        allowed=rules.budget,
    ),
]
