"""Threads take turns at one module: hooks and modes of two runs would mix, and so would masks.

What is in use is noted part by part, since two classifiers may hold the same module, or one a part
of the other (`pairwise`). A thread waits until nobody else uses any part of its module; threads at
modules that share nothing do not wait. A use inside a use of the same thread goes on at once.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

from med_cam.errors import ClassifierError

Parts = frozenset[int]  # ids of submodules and parameters, alive while they are in use
User = tuple[int, int]  # process and thread: a fork has the notes of its parent, and no such users

_changed = threading.Condition()
_in_use: dict[int, User] = {}
_waiting: dict[User, Parts] = {}


@contextmanager
def turn(module: nn.Module) -> Iterator[None]:
    """The module for this thread alone, for the length of a `with`; others wait.

    Raises:
        ClassifierError: the thread that has the module waits for one that this thread has.
    """
    held = (*module.modules(), *module.parameters())  # what hooks and modes are set on
    parts, me = frozenset(map(id, held)), (os.getpid(), threading.get_ident())
    with _changed:
        _wait(parts, me)
        taken = {part for part in parts if _in_use.get(part) != me}
        _in_use.update(dict.fromkeys(taken, me))
    try:
        yield
    finally:
        with _changed:
            for part in taken:
                _in_use.pop(part, None)  # a fork within the `with` has taken and given it
            _changed.notify_all()


def _wait(parts: Parts, me: User) -> None:
    """Wait until nobody else uses one of the parts."""
    if _wait_for(me, _users(parts) - {me}):
        raise ClassifierError(
            "two threads wait for each other's classifier; use one classifier at a time in a "
            "thread, or give each thread one of its own"
        )
    _waiting[me] = parts
    try:
        _changed.wait_for(lambda: not _users(parts) - {me})
    finally:
        del _waiting[me]


def _wait_for(me: User, users: set[User]) -> bool:
    """Whether one of the users waits, directly or by way of others, for what this one has."""
    known: set[User] = set()
    while users - known:
        known |= users
        users = set().union(*(_users(_waiting[user]) - {user} for user in users & {*_waiting}))
    return me in known


def _users(parts: Parts) -> set[User]:
    """Who in this process uses one of the parts."""
    found = {_in_use[part] for part in parts if part in _in_use}
    return {user for user in found if user[0] == os.getpid()}
