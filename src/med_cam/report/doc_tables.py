"""Tables of the documents that the code knows: fields of explanation.json, settings, baselines.

`python -m med_cam.report.doc_tables docs/*.md` writes them anew, each behind its comment:

* `<!-- fields: target claim.checks -->` names the fields that begin it: with all that is below
  them, except what a longer name in another comment covers;
* `<!-- renamed -->`: the names of schema 1.1;
* `<!-- run -->`: what the file of a run says of an image;
* `<!-- settings -->`: every setting with its value in each preset;
* `<!-- baselines -->`: what each baseline is;
* `<!-- notices -->`: what each kind of notice is, and when it warns.
"""

import inspect
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from med_cam.config.baselines import FEATHERED, HARD
from med_cam.config.notices import COMMON, KINDS, Kind
from med_cam.config.presets import PRESETS
from med_cam.config.rules import Allowed, ranges
from med_cam.config.settings import CLAIMED, Config
from med_cam.config.toml import as_table
from med_cam.masking.samplers import SAMPLERS
from med_cam.removal.masked_pass import MODES
from med_cam.report.layout import entries
from med_cam.report.older import CHANGED, RENAMED
from med_cam.report.run_record import RunImage
from med_cam.report.schema import json_schema, schema_of

_TABLE = re.compile(r"(<!-- fields: ([^\n]+) -->\n)(?:\n?\|[^\n]*\n)*")
_NAMED = re.compile(r"(<!-- (renamed|run|settings|baselines|notices) -->\n)(?:\n?\|[^\n]*\n)*")
_IMAGE = entries(RunImage)
_HEAD = "\n| field | type | meaning |\n|---|---|---|\n"


@dataclass(frozen=True, slots=True)
class Row:
    """A field of explanation.json.

    Attributes:
        path: a dot is a field of an object, `[]` an entry of a list.
        kind: its type in words.
        meaning: what it is.
    """

    path: str
    kind: str
    meaning: str

    @property
    def text(self) -> str:
        """A line of the table."""
        return f"| `{self.path}` | {self.kind} | {self.meaning} |\n"


def rows() -> tuple[Row, ...]:
    """All fields of explanation.json, in order; those of a type that occurs again only once."""
    schema = json_schema()
    return tuple(_below(schema, schema["$defs"], "", {}))


def filled(text: str) -> str:
    """A document with its tables as they are now."""
    listed = [name for match in _TABLE.finditer(text) for name in match[2].split()]
    known = rows()

    def table(match: re.Match[str]) -> str:
        names = match[2].split()
        lines = (row.text for row in known if _owner(row.path, listed) in names)
        return f"{match[1]}{_HEAD}{''.join(lines)}"

    others = {
        "renamed": renamed,
        "run": run_images,
        "settings": settings,
        "baselines": baselines,
        "notices": notices,
    }
    return _NAMED.sub(lambda match: match[1] + others[match[2]](), _TABLE.sub(table, text))


def run_images() -> str:
    """The table of what a run's file says of each image."""
    found = (Row(f"images[].{e.name}", _words(schema_of(e.kind), {}), e.meaning) for e in _IMAGE)
    return f"{_HEAD}{''.join(row.text for row in found)}"


def settings() -> str:
    """The table of settings: the default, what is allowed, other presets' values."""
    allowed = dict(_ranges(Config)) | {"verification.leakage_trials": CLAIMED}
    default, *others = (dict(_flat(as_table(config))) for config in PRESETS.values())
    head = " | ".join(f"`{name}`" for name in PRESETS if name != "default")
    lines = []
    for key, value in default.items():
        changed = ("" if table[key] == value else _toml(table[key]) for table in others)
        lines.append(
            f"| `{key}` | {_toml(value)} | {_allowed(allowed[key])} | {' | '.join(changed)} |\n"
        )
    head = f"\n| key | default | allowed | {head} |\n|---|---|---|{'---|' * len(others)}\n"
    return f"{head}{''.join(lines)}"


def _ranges(section: Any, prefix: str = "") -> Iterator[tuple[str, Allowed]]:  # noqa: ANN401
    """What each setting may be, by its dotted name."""
    kinds = get_type_hints(section)
    for key, allowed in ranges(section):
        if is_dataclass(kind := kinds[key]):
            yield from _ranges(kind, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", allowed


def _allowed(range_: Allowed) -> str:
    """A range and its reason, for a cell of a table."""
    return f"{range_.words}{f' ({range_.why})' if range_.why else ''}"


def _flat(table: Mapping[str, Any], section: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{section}{name}.")
        else:
            yield f"{section}{name}", value


def _toml(value: Any) -> str:  # noqa: ANN401  any setting
    if isinstance(value, tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value).lower()


def baselines() -> str:
    """The table of baselines, from the docstrings of the functions that draw them.

    Those with a feathered edge have one line together.
    """
    lines = []
    for name, known in HARD.items():
        meaning = (
            (inspect.getdoc(MODES[name] if known.inside else SAMPLERS[name]) or "")
            .partition("\n\n")[0]
            .replace("\n", " ")
            .rstrip(".")
        )
        lines.append(f"| `{name}` | {meaning} | {'yes' if known.fixed else 'no'} |\n")
    edge = f"| `{FEATHERED}...` | Any of these that are painted, with a soft edge inside the mask"
    lines.append(f"{edge} | as without |\n")
    return f"\n| name | what it is | every sample is the same |\n|---|---|---|\n{''.join(lines)}"


def notices() -> str:
    """The table of kinds of notices, the most telling first."""
    lines = [f"| `{name}` | {kind.meaning} | {_rate(kind)} |\n" for name, kind in KINDS.items()]
    head = "\n| kind | when it comes up: its figure | on ordinary images; warns |\n|---|---|---|\n"
    return f"{head}{''.join(lines)}"


def _rate(kind: Kind) -> str:
    """How often a kind comes up, and when it is a warning."""
    if kind.rate is None:
        return "the same for all images of a run; never"
    if kind.rate > COMMON:
        return f"{kind.rate:.0%}; above {kind.usual:.3g}"
    return f"{kind.rate:.0%}; always"


def renamed() -> str:
    """The table of names and values that 1.1 had otherwise."""
    names = [(place, old, new) for place, known in RENAMED.items() for old, new in known.items()]
    lines = [f"| {_place(place)} | `{old}` | `{new}` |\n" for place, old, new in names]
    for (place, field), values in CHANGED.items():
        reported = f"{_place(place)}, value of `{field}`"
        lines += [
            f"| {reported} | `{json.dumps(old)}` | `{json.dumps(new)}` |\n"
            for old, new in values.items()
        ]
    return f"\n| fields of | 1.1 | 2.0 |\n|---|---|---|\n{''.join(lines)}"


def _place(name: str) -> str:
    return f"`{name}`" if name else "the file"


def _below(node: Any, types: Any, path: str, done: dict[str, str]) -> Iterator[Row]:  # noqa: ANN401  JSON
    """The fields below a node of the schema; `done` has the types seen and where."""
    name = _type_of(node)
    if name in done:
        return
    if name:
        done[name] = path
    fields = (types[name] if name else node).get("properties", {})
    for field, child in fields.items():
        full = f"{path}.{field}" if path else field
        yield Row(full, _words(child, done), child["description"])
        yield from _below(child, types, full, done)
    if "items" in node:
        yield from _below(node["items"], types, f"{path}[]", done)


def _type_of(node: Any) -> str:  # noqa: ANN401  JSON
    """The name of the type that a node refers to, or ""."""
    reference = next((o["$ref"] for o in (node, *node.get("anyOf", ())) if "$ref" in o), "")
    return str(reference).rpartition("/")[2]


def _words(node: Any, done: dict[str, str], ending: str = "") -> str:  # noqa: ANN401  JSON
    """The type of a node: "number or null", "list of objects", "object, as `claim`"."""
    name = _type_of(node)
    if name:
        kinds = ["object", *(["null"] if "anyOf" in node else [])]
    else:
        kinds = node["type"] if isinstance(node["type"], list) else [node["type"]]
    if kinds[0] == "array":
        kinds = [f"list of {_words(node['items'], done, 's')}", *kinds[1:]]
    same = f", as `{done[name]}`" if name in done else ""
    return f"{kinds[0]}{ending}{''.join(f' or {kind}' for kind in kinds[1:])}{same}"


def _owner(path: str, listed: Sequence[str]) -> str:
    """The longest of the names that begin a path."""
    found = (name for name in listed if re.match(rf"{re.escape(name)}($|[.\[])", path))
    return max(found, key=len, default="")


if __name__ == "__main__":
    for document in map(Path, sys.argv[1:]):
        document.write_text(filled(document.read_text("utf-8")), "utf-8")
