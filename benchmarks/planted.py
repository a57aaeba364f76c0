"""How well masks fit planted evidence: `python benchmarks/planted.py [--positions 20]`.

Classifiers set by hand (tests/planted.py) depend on a region that is known and proved. The table
has, for each, over random positions: how much of the region the mask covers, and the area of the
mask over that of the region. The shift test alone needs a margin of 3 pixels, which is 1.56 times.
"""

import sys
from pathlib import Path

import torch
from command import parser_of
from rows import middle, reduced, table

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from med_cam.config.presets import preset
from med_cam.pipeline.explain import explain
from planted import CASES, POSITIONS, Case

COVERED, TIMES = 0.95, 3.0  # required of every mask
COLUMNS = {
    "verified": lambda found: f"{sum(one['verified'] for one in found)} of {len(found)}",
    "coverage, lowest": reduced(min, "covered", ".3f"),
    "times the area, median": middle("times", ".2f"),
    "largest": reduced(max, "times", ".2f"),
    "fit": lambda found: f"{sum(map(fits, found))} of {len(found)}",
}


def main():
    """Explain every plant, print each classifier's row when done; 1 if a mask misses the bars."""
    parser = parser_of(__doc__)
    parser.add_argument("--positions", type=int, default=20, help="random, per classifier")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    config, seed, good = preset(options.preset), options.seed, True
    for name, case in CASES.items():
        found = [measured(case, config, at, seed) for at in chosen(options.positions, seed)]
        *head, row = table(COLUMNS, {name: found}, name="classifier").split("\n")
        print(*(head if case is next(iter(CASES.values())) else ()), row, sep="\n", flush=True)
        good = good and all(map(fits, found))
    return 0 if good else 1


def fits(one):
    """Whether a mask covers the region and is not much larger."""
    return one["covered"] >= COVERED and one["times"] <= TIMES


def chosen(positions, seed):
    """Random positions, all different while there are enough."""
    order = torch.randperm(len(POSITIONS), generator=torch.Generator().manual_seed(seed)).tolist()
    return [POSITIONS[order[i % len(order)]] for i in range(positions)]


def measured(case: Case, config, position, seed):
    """Share of the needed region in the mask, the mask's area over the region's, verified."""
    generator = torch.Generator().manual_seed(seed * 10_000 + position[0] * 100 + position[1])
    plant = case.plant(position, generator)
    found = explain(case.classifier, plant.image, target=case.classifier.labels[1], config=config)
    needed = plant.needed.sum().item()
    covered = (found.mask & plant.needed).sum().item() / needed
    return {
        "covered": covered,
        "times": found.mask.sum().item() / needed,
        "verified": found.verified,
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main())
