"""Every single lie that can be put into a document: one leaf changed, or one entry left out."""

import copy
from typing import NamedTuple


class Lie(NamedTuple):
    """One change: the field's path, as differences name it, and the document with it."""

    path: str
    what: str
    document: dict


def lies(document):
    """The document with each of its leaves changed in turn, and each list cut by one entry."""
    for keys, value in leaves(document):
        cut = [("dropped", None)] if isinstance(keys[-1], int) else []
        for what, other in (*changes(value), *cut):
            changed = copy.deepcopy(document)
            holder = changed
            for key in keys[:-1]:
                holder = holder[key]
            if what == "dropped":
                del holder[keys[-1]]
            else:
                holder[keys[-1]] = other
            yield Lie(path_of(keys), what, changed)


def leaves(value, keys=()):
    """Every place of a document with its value, those that hold others after what they hold."""
    if isinstance(value, dict | list) and len(value):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(inner, (*keys, key))
    if keys:
        yield keys, value


def changes(value):
    """What a forger would put in the place of a value."""
    if isinstance(value, bool):
        yield "flipped", not value
    elif isinstance(value, int):
        yield "one more", value + 1
    elif isinstance(value, float):
        yield "a little", value + 0.01 if value + 0.01 <= 1 else value - 0.01
    elif isinstance(value, str):
        yield "other", f"{value}x"
    elif value is None:
        yield "not null", 0.5
        yield "not null", "other"
        yield "not null", True
        return
    yield "null", None


def path_of(keys):
    """As a difference names it."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".")
