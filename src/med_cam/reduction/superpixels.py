"""Superpixels whose borders lie where the image is steepest.

SLIC (Achanta et al. 2012, doi 10.1109/TPAMI.2012.120; in a part of the image masked SLIC, Irving
2016, arXiv 1606.09518) makes regions of even sizes, but draws their borders through noise as
readily as along faint edges. So only the core of each is kept, and from the cores the regions grow
again until they meet on the ridges of the gradient: a watershed, as for Waterpixels (Machairas et
al. 2015, doi 10.1109/TIP.2015.2451011). What is small then is flooded by its neighbours, across
the lowest ridge.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

COMPACT = 10.0  # CIELAB units against one mean side: SLIC's own default
FINE = 0.5  # pixels; SLIC on a smoother image moves borders away from the edges
SMALLEST = 0.5  # of the mean area
CORE = 0.8  # of the way from a region's border to its innermost pixel
SMOOTH = 0.09  # of a side of the mean area: finer edges are none
PULL = 0.3  # of the usual slope, a pixel away from a core: evens out what noise makes of a border

Slopes = Float[np.ndarray, "h w"]
Part = Bool[np.ndarray, "h w"]
Labels = Int[np.ndarray, "h w"]


def superpixels(
    pixels: Float[Tensor, "c h w"],
    slopes: Slopes,
    side: int,
    inside: Bool[Tensor, "h w"] | None = None,
) -> Int[Tensor, "h w"]:
    """The superpixels of an image, numbered from 1; 0 outside of the part that is divided.

    Each is connected if that part is, and has at least half of the mean area.

    Args:
        pixels: grey or RGB, in [0, 1].
        slopes: of the same image, from `steepness`.
        side: of a square of the mean area, in pixels.
        inside: the part that is divided, of more than one colour; all of the image if not given.
    """
    part = np.ones(slopes.shape, bool) if inside is None else inside.cpu().numpy()
    count = round(int(part.sum()) / side**2)
    if count < 2:
        return torch.from_numpy(part.astype(np.int64))
    cores = cores_of(clusters(pixels, part, count))
    return torch.from_numpy(grown_from(cores, slopes, part, SMALLEST * side**2))


def clusters(pixels: Float[Tensor, "c h w"], part: Part, count: int) -> Labels:
    """So many regions of like colour, by SLIC, numbered from 1."""
    from skimage.segmentation import slic

    rgb = pixels.cpu().double().expand(3, -1, -1).permute(1, 2, 0).numpy()  # h w 3
    found: Labels = slic(
        np.ascontiguousarray(rgb),
        n_segments=count,
        compactness=COMPACT,
        sigma=FINE,
        min_size_factor=SMALLEST,
        mask=None if part.all() else part,
        start_label=1,
    )
    return found


def cores_of(labels: Labels) -> Labels:
    """The innermost pixels of each region; 0 elsewhere."""
    from scipy.ndimage import distance_transform_edt

    around = np.pad(labels, 1, mode="edge")
    beside = (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:])
    depth = distance_transform_edt(np.all([other == labels for other in beside], axis=0))
    deepest = np.zeros(labels.max() + 1)
    np.maximum.at(deepest, labels, depth)
    cores = np.where(depth >= CORE * deepest[labels], labels, 0)
    return largest_pieces(cores)


def largest_pieces(cores: Labels) -> Labels:
    """Of each core its largest piece, so that what grows from it is connected."""
    from skimage.measure import label

    pieces = label(cores, connectivity=1)  # type: ignore[no-untyped-call]  # of one number each
    sizes = np.bincount(pieces.ravel())
    best = np.zeros(cores.max() + 1, int)
    for piece in sizes[1:].argsort(kind="stable") + 1:  # the largest last
        best[cores[pieces == piece][0]] = piece
    return np.where(pieces == best[cores], cores, 0)


def grown_from(cores: Labels, slopes: Slopes, part: Part, least: float) -> Labels:
    """The regions that grow from these until they meet, numbered from 1, none of them small.

    Args:
        cores: numbered.
        slopes: of the image.
        part: that is divided.
        least: pixels of a region.
    """
    from scipy.ndimage import distance_transform_edt
    from skimage.segmentation import watershed

    heights = slopes + PULL * float(np.median(slopes[part])) * distance_transform_edt(cores == 0)
    while True:
        labels = watershed(heights, cores, mask=part)  # type: ignore[no-untyped-call]
        numbers, sizes = np.unique(labels[labels > 0], return_counts=True)
        small = numbers[sizes < least]
        if not len(small) or len(numbers) == 1:
            return numbered(labels)
        order = small[sizes[sizes < least].argsort(kind="stable")]
        gone = order[: min((len(order) + 1) // 2, len(numbers) - 1)]  # the others grow by these
        cores = np.where(np.isin(cores, gone), 0, cores)


def numbered(labels: Labels) -> Labels:
    """The same regions, numbered from 1 without gaps; 0 stays."""
    found = np.zeros(labels.shape, np.int64)
    found[labels > 0] = np.unique(labels[labels > 0], return_inverse=True)[1] + 1
    return found


def steepness(pixels: Float[Tensor, "c h w"], side: int) -> Slopes:
    """The length of the gradient, of all channels together.

    Args:
        pixels: grey or RGB, in [0, 1].
        side: of a square of the mean area of a region, in pixels.
    """
    from scipy.ndimage import gaussian_gradient_magnitude

    planes = pixels.cpu().double().numpy()
    each = [gaussian_gradient_magnitude(plane, SMOOTH * side) for plane in planes]
    slopes: Slopes = np.linalg.norm(each, axis=0)
    return slopes
