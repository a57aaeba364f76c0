"""JSON as text that a person can read."""

import json
from collections.abc import Mapping
from typing import Any

_LINE = 96  # characters


def to_text(document: Mapping[str, Any]) -> str:
    """JSON text that a person can read: indented, a line for what fits in one, or is a step."""
    rows = (f"  {_dumps(name)}: {_laid_out(value, 2, name)}" for name, value in document.items())
    return "{\n" + ",\n".join(rows) + "\n}\n"


def _laid_out(value: Any, indent: int, name: str = "") -> str:  # noqa: ANN401  any JSON value
    """A value as text, in one line where that is short, behind so many spaces if in several."""
    flat = _dumps(value)
    if _in_one_line(value) or (name != "trace" and indent + len(flat) <= _LINE):
        return flat
    if isinstance(value, dict):
        rows = [f"{_dumps(k)}: {_laid_out(v, indent + 2, k)}" for k, v in value.items()]
    else:
        rows = [_dumps(v) if name == "trace" else _laid_out(v, indent + 2) for v in value]
    between = "\n" + " " * (indent + 2)
    return f"{flat[0]}{between}{f',{between}'.join(rows)}\n{' ' * indent}{flat[-1]}"


def _in_one_line(value: Any) -> bool:  # noqa: ANN401  any JSON value
    """Whether there is nothing in it to have a line of its own: a plain value, or only numbers."""
    if not isinstance(value, dict | list) or not value:
        return True
    return isinstance(value, list) and not any(isinstance(v, dict | list | str) for v in value)


def _dumps(value: Any) -> str:  # noqa: ANN401  any JSON value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
