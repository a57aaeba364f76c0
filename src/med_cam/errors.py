"""What med-cam raises, and when.

* MedCamError
  x ImageError          the image cannot be read, or cannot be fitted to the classifier
  x ClassifierError     the classifier cannot be loaded, or does not work as a classifier
  x ConfigError         a setting is unknown or out of range
  x OutputError         a result cannot be written
  x DataError           a data set is not as its provider ships it

Each message is one sentence that names the value seen and what to do about it.
"""


class MedCamError(Exception):
    """Base of every error that a caller may want to catch."""


class ImageError(MedCamError):
    """The image cannot be read, or cannot be fitted to the classifier."""


class ClassifierError(MedCamError):
    """The classifier cannot be loaded, or does not work as a classifier."""


class ConfigError(MedCamError):
    """A setting is unknown or out of range."""


class OutputError(MedCamError):
    """A result cannot be written."""


class DataError(MedCamError):
    """A data set is not as its provider ships it."""


def first_line(error: object) -> str:
    """What another library's error says, short enough for a sentence of ours."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
