"""How much memory one image may take: what needs more is refused before it is decoded.

A file of 536 bytes can say that it has 134 million pixels, and be right.
"""

from med_cam.errors import ImageError

BUDGET = 4 * 2**30  # bytes, of one image from its file to its result: 107 million pixels
PER_PIXEL = 40  # bytes at the highest: 12 as 32-bit floats, the rest while it is read or written
FILE_COPIES = 2  # of the file's bytes: as it was read, and as its decoder holds it


def refuse_beyond(name: str, size: tuple[int, int], bytes_read: int, *, budget: int) -> None:
    """Check the memory that an image would take, from what its header says.

    Args:
        name: of the image, for the sentence.
        size: rows and columns.
        bytes_read: size of the file.
        budget: bytes that it may take.

    Raises:
        ImageError: it would take more.
    """
    height, width = size
    needed = height * width * PER_PIXEL + bytes_read * FILE_COPIES
    if needed > budget:
        raise ImageError(
            f"{name} has too many pixels to be read whole: {width:,} x {height:,} take about "
            f"{needed / 2**30:.2g} GiB, and one image may take {budget / 2**30:.2g} GiB; cut out "
            "the part to explain."
        )
