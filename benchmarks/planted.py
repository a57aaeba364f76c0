"""How well masks fit planted evidence: `python benchmarks/planted.py [--positions 20]`.

Classifiers set by hand (tests/planted.py) rest on a region that is known and proved. Printed is,
for each, over random positions: how much of the region the mask covers, and how many times as
large as the region it is. The shift test alone asks for a margin of 3 pixels, which is 1.56 times.
"""

import argparse
import statistics
import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from med_cam.config.presets import preset
from med_cam.pipeline.explain import explain
from planted import CASES, POSITIONS, Case

COVERED, TIMES = 0.95, 3.0  # what is asked of every mask


def main():
    """Explain every plant, print one row a classifier; 1 if a mask misses the bars."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--positions", type=int, default=20, help="random positions a classifier")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    config = preset(asked.preset)
    print("| classifier | verified | coverage, lowest | times the area, median | largest | fit |")
    print("|---|---|---|---|---|---|")
    fits = [row(name, case, config, asked.positions, asked.seed) for name, case in CASES.items()]
    return 0 if all(fits) else 1


def row(name, case, config, positions, seed):
    """Print one classifier's row; whether every mask fits."""
    found = [measured(case, config, at, seed) for at in chosen(positions, seed)]
    covered, times, verified = zip(*found, strict=True)
    fit = [c >= COVERED and t <= TIMES for c, t in zip(covered, times, strict=True)]
    print(
        f"| {name} | {sum(verified)} of {len(found)} | {min(covered):.3f} "
        f"| {statistics.median(times):.2f} | {max(times):.2f} | {sum(fit)} of {len(fit)} |",
        flush=True,
    )
    return all(fit)


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
    return covered, found.mask.sum().item() / needed, found.verified


if __name__ == "__main__":
    torch.set_num_threads(1)
    raise SystemExit(main())
