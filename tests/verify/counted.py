"""A certificate by its counts alone, at the confidence that is claimed."""

from med_cam.results.certificate import Certificate, Spread

NOMINAL, ENOUGH = 0.95, 0.945  # coverage claimed, and what 10,000 simulated cases must reach
FLAT = Spread(0.0, 0.0, 0.0, 0.0, 0.0)


def counted(retained, samples, fixed_retained=1, fixed=1, confidence=NOMINAL):
    return Certificate(
        samples, retained, fixed, fixed_retained, confidence, 1, 1, 0.0, 0.0, 0.95, "grey", 1.0,
        FLAT, FLAT,
    )  # fmt: skip
