"""Slides made small: tiled TIFF with levels, as OpenSlide reads it, of arrays that are known."""

import numpy as np
import tifffile


def halved(values, times=1):
    """Each pixel the mean of two by two; h w 3."""
    for _ in range(times):
        height, width, _ = values.shape
        values = values.reshape(height // 2, 2, width // 2, 2, 3).mean(axis=(1, 3))
    return values.round().astype(np.uint8)


def slide(path, values, *, levels=3, mpp=0.25, below=False):
    """A pyramid of 2 and 4; below: its levels are SubIFDs, of which OpenSlide sees none."""
    said = {} if mpp is None else {"resolution": (1e4 / mpp,) * 2, "resolutionunit": "CENTIMETER"}
    plain = {"tile": (16, 16), "photometric": "rgb", "metadata": None, "compression": "zlib"}
    with tifffile.TiffWriter(path) as file:
        file.write(values, subifds=levels - 1 if below else None, **plain, **said)
        for level in range(1, levels):
            file.write(halved(values, level), subfiletype=1, **plain)
    return path


def noise(height=96, width=128, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def tissue(height=96, width=128):
    """Glass, and tissue of one colour in the upper left quarter with some texture."""
    values = np.full((height, width, 3), 240, dtype=np.uint8)
    part = values[: height // 2, : width // 2]
    part[:] = np.array([180, 60, 140]) + noise(*part.shape[:2]) // 16
    return values
