"""Two folders change places at one stroke, where the system can do that.

Linux has a call for it (renameat2 with RENAME_EXCHANGE), which the C library has and Python has
not. A kill finds either the one or the other, never neither.
"""

import ctypes
import errno
import os
from pathlib import Path

_HERE = -100  # AT_FDCWD: names are relative to the working folder, as everywhere
_EXCHANGE = 2  # RENAME_EXCHANGE
_UNABLE = (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP, errno.EPERM)  # by the kernel, or the disk


def exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders; false, and nothing was done, where that is not to be had.

    Raises:
        OSError: if one of them may not be renamed.
    """
    try:
        call = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):  # another system, or an old C library
        return False
    if call(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    number = ctypes.get_errno()
    if number in _UNABLE:
        return False
    raise OSError(number, os.strerror(number), str(other))
