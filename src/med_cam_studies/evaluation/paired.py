"""Two classifiers on the same images: whether one is right more often than the other."""

from collections.abc import Iterable
from typing import NamedTuple

from scipy.stats import binomtest


class Paired(NamedTuple):
    """Counts of images by whether each of two classifiers is right, and the exact test.

    Attributes:
        both, first, second, neither: images that both predict rightly, only one of them, or none.
        p: two-sided p of McNemar's exact test: how likely so uneven a split of `first` and
            `second`, or a more uneven one, is if both are right equally often; 1 without any.
    """

    both: int
    first: int
    second: int
    neither: int
    p: float

    @property
    def images(self) -> int:
        """How many there are."""
        return self.both + self.first + self.second + self.neither


def paired(right: Iterable[tuple[bool, bool]]) -> Paired:
    """The counts and McNemar's exact test (McNemar 1947, 10.1007/BF02295996).

    It is the sign test on the images of which one is right alone.

    Args:
        right: of each image, whether the first and whether the second predicts it rightly.
    """
    pairs = list(right)
    first, second = pairs.count((True, False)), pairs.count((False, True))
    p = binomtest(first, first + second).pvalue if first + second else 1.0
    both, neither = pairs.count((True, True)), pairs.count((False, False))
    return Paired(both, first, second, neither, float(p))
