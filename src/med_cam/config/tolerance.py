"""How far one and the same computation may differ on another machine, declared in one place.

Other threads, processors, devices and versions of torch add in another order and round otherwise.
docs/what-verified-means.md has what was measured.
"""

PROBABILITIES = 1e-4  # of a probability
EDGE = 2 * PROBABILITIES  # of two that are compared: what lies farther apart keeps its order
