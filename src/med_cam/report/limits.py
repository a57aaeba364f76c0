"""How much of a result folder is read: more is no result of ours, and is refused unread.

A folder may come from anyone. Each number is far above what med-cam writes.
"""

from pathlib import Path

from med_cam.errors import OutputError

JSON_BYTES = 16 * 2**20  # the largest we have seen (1,000 labels, 60 steps) has 0.2 MiB
MANIFEST_BYTES = 2**20  # 90 bytes a file
FILE_BYTES = 4 * 2**30  # a source.npy of the most pixels in three channels has 3 GiB
DEPTH = 64  # of lists and objects in each other; ours has 7
PIXELS = 2**28  # rows times columns: what Pillow opens at all (179 million), and half as much more
SAMPLES = 10**6  # of one kind; a certificate of 0.9999 takes 30,000
ALTERNATIVES = 64  # further masks; disjoint ones of 2% each are no more than 50
PATCHES = 2**14  # of a mask: each of 128 x 128
SHIFTS = 10**4  # eight directions times the distances
TRIED = 10**4  # masks put to a certificate; a run tries a dozen


def refuse_more(path: Path, what: str, number: int, most: int) -> None:
    """Check a number against its limit.

    Raises:
        OutputError: it is larger.
    """
    if number > most:
        raise OutputError(
            f"{path} has {number:,} {what}, more than the {most:,} that are read; it is no result "
            "of med-cam, leave it alone"
        )
