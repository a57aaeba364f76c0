"""Warnings with any text, for what is made of them."""

import math

from med_cam.results.notice import Notice


def warnings_of(*texts):
    """A notice that warns for each text."""
    return tuple(Notice("file", text, math.nan, True) for text in texts)
