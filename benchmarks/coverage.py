"""How often the bounds hold, and what giving a mask up early changes: simulated.

    python benchmarks/coverage.py [--cases 100000] [--seed 0]

Masks whose true retention rate is known are put to certificates as the package does it: each on
samples of its own, looked at eight at a time, given up where a loss refuses it, followed by
another mask of the same rate, five at most. A row for each rate:

- bound holds: the reported bound of the mask that ends it is no higher than the rate. At least 95%
  is promised.
- certified: some mask was. At rates below 95% at most 5% may be.
- at the first mask: of all cases.
- given up early, judged on all: masks on which the two disagree; none may.
- samples: looked at, and without giving up, means of a case.
- lower, upper: how often bounds on a single rate hold (60 samples, 95%), as those of necessity,
  re-insertion and leakage.
- two baselines: how often the first certificate's bound holds where half of its samples have a
  rate above and half one below, of that mean.

Nothing is measured of a classifier.
"""

import argparse
from functools import cache

import numpy as np
from command import parser_of
from rows import mean, table

from med_cam.results.certificate import reaches
from med_cam.verify.begun import FEW
from med_cam.verify.certificate import (
    least_retained,
    losses_allowed,
    lower_bound,
    risk_of,
    samples_for,
    upper_bound,
)

CONFIDENCE, WANTED = 0.95, 0.95
RATES = (0.5, 0.8, 0.9, 0.93, 0.949, 0.951, 0.97, 0.99, 0.99375, 0.999)
MASKS, TRIALS = 5, 60
BOUNDS = ("holds", "lower", "upper", "two")  # shares of a row that have to reach the confidence
lower, upper, least = cache(lower_bound), cache(upper_bound), cache(least_retained)

COLUMNS = {
    "bound holds": mean("holds", ".1%"),
    "certified": mean("certified", ".1%"),
    "at the first mask": mean("first", ".1%"),
    "given up early, judged on all": mean("differ", ".0f"),
    "samples": mean("looked", ".0f"),
    "without giving up": mean("all", ".0f"),
    "lower": mean("lower", ".1%"),
    "upper": mean("upper", ".1%"),
    "two baselines": mean("two", ".1%"),
}


def main() -> int:
    """Simulate every rate, print the table; 1 if a bound is right less often than it says."""
    parser = parser_of(__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    found = {f"{rate:.2%}": [simulated(rate, options)] for rate in RATES}
    print(table(COLUMNS, found, name="retention rate"))
    noise = 4 * (CONFIDENCE * (1 - CONFIDENCE) / options.cases) ** 0.5
    lowest = min(row[name] for (row,) in found.values() for name in BOUNDS)
    wrong = sum(row["differ"] for (row,) in found.values())
    return int(lowest < CONFIDENCE - noise or wrong > 0)


def simulated(rate: float, options: argparse.Namespace) -> dict[str, float]:
    """All of a row."""
    draw = np.random.default_rng([options.seed, round(rate * 1e6)])
    hits = draw.binomial(TRIALS, rate, options.cases)
    return procedure(rate, options.cases, draw) | {
        "lower": covered([lower(int(k), TRIALS, 1 - CONFIDENCE) <= rate for k in hits]),
        "upper": covered([upper(int(k), TRIALS, 1 - CONFIDENCE) >= rate for k in hits]),
        "two": two_baselines(rate, options.cases, draw),
    }


def procedure(rate: float, cases: int, draw: np.random.Generator) -> dict[str, float]:
    """Up to five masks of this rate, each put to its certificate until it is lost."""
    open_, holds = np.ones(cases, bool), np.ones(cases, bool)
    first = differ = looked = everything = 0
    for tried in range(1, MASKS + 1):
        count, borne, risk = certificate(tried)
        lost = draw.random((int(open_.sum()), count)) > rate
        refused = lost.cumsum(axis=1) > borne  # after so many samples
        few = np.minimum((refused.argmax(axis=1) // FEW + 1) * FEW, count)  # looked at together
        early = np.where(refused.any(axis=1), few, count)
        retained = count - lost.sum(axis=1)
        bound = np.array([lower(int(k), count, risk) for k in retained])
        enough = np.array([reaches(value, WANTED) for value in bound], bool)
        differ += int((enough != ~refused.any(axis=1)).sum())
        looked, everything = looked + int(early.sum()), everything + count * len(lost)
        ends = enough | (tried == MASKS)
        holds[np.flatnonzero(open_)[ends]] = bound[ends] <= rate
        first += int(enough.sum()) if tried == 1 else 0
        open_[np.flatnonzero(open_)[enough]] = False
    return {
        "holds": covered(holds),
        "certified": 1 - covered(open_),
        "first": first / cases,
        "differ": differ,
        "looked": looked / cases,
        "all": everything / cases,
    }


def certificate(tried: int) -> tuple[int, int, float]:
    """Samples of the n-th certificate, how many may be lost, and its risk."""
    risk = risk_of(tried, CONFIDENCE)
    count = samples_for(WANTED, risk, losses_allowed(tried))
    return count, count - least(count, WANTED, risk), risk


def two_baselines(rate: float, cases: int, draw: np.random.Generator) -> float:
    """The bound on the mean of two rates, from evenly many samples of each."""
    count, _, risk = certificate(1)
    each, apart = -(-count // 2), min(rate, 1 - rate)
    hits = draw.binomial(each, rate + apart, cases) + draw.binomial(each, rate - apart, cases)
    return covered([lower(int(k), 2 * each, risk) <= rate for k in hits])


def covered(found: object) -> float:
    """The share that is true."""
    return float(np.mean(found))


if __name__ == "__main__":
    raise SystemExit(main())
