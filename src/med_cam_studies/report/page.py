"""report.html: every image of a study in one file that needs no network, with table and filter.

Pictures are inside as JPEG, outlines as paths over them. A policy in the file forbids a browser to
load anything else; without scripts all pictures and numbers are there.
"""

import base64
import hashlib
import importlib.resources
import statistics
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import MappingProxyType, ModuleType

from med_cam.errors import OutputError
from med_cam.report import wording
from med_cam_studies.evaluation.rows import Row, Shown
from med_cam_studies.report.cards import card, columns_of, longest_side
from med_cam_studies.report.layout import methods_of
from med_cam_studies.report.pictures import legend
from med_cam_studies.report.tables import Table

FILE = "report.html"
TEMPLATE, STYLE, SCRIPT = "report.html.j2", "report.css", "report.js"


def page(
    title: str,
    shown: Sequence[Shown],
    *,
    facts: Mapping[str, str],
    tables: Mapping[str, Table],
    notes: Sequence[str] = (),
    folded: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> str:
    """The text of report.html; the same input gives the same text.

    Args:
        title: of the study.
        shown: what was explained, in the order of the page.
        facts: about study and classifier, by name: SHA-256, accuracy, the paper's.
        tables: by heading, above the images.
        notes: a paragraph each, below the facts.
        folded: lists by heading, to be unfolded by the reader.

    Raises:
        OutputError: if Jinja2 is not installed.
    """
    rows = [item.row for item in shown]
    methods, columns = methods_of(shown), columns_of(rows)
    longest = longest_side(shown)
    return filled(
        title=title,
        facts=facts,
        notes=notes,
        folded=folded,
        tables=tables,
        not_a_diagnosis=wording.NOT_A_DIAGNOSIS,
        labels=list(dict.fromkeys(row.label for row in rows)),
        with_truth=any(row.truth for row in rows),
        summary=summary(rows),
        legend=legend(shown),
        columns=columns,
        panes=2 + len(methods) + max((len(item.others) for item in shown), default=0),
        cards=[
            card(item, columns, id=f"image-{n}", longest=longest)
            for n, item in enumerate(shown, start=1)
        ],
    )


def summary(rows: Sequence[Row]) -> str:
    """The line that the filter keeps up to date, for all images."""
    parts = [f"{len(rows)} of {len(rows)} images"]
    if rows:
        passed = sum(row.verified for row in rows)
        parts.append(f"{passed} of {len(rows)} passed the sufficiency test")
        area = statistics.median(row.area for row in rows)
        parts.append(f"median area {wording.percent(area)}")
    return ", ".join(parts)


def filled(**values: object) -> str:
    """The template with these values, all of them escaped, and with its style and script.

    Raises:
        OutputError: if Jinja2 is not installed.
    """
    jinja2 = import_jinja2()
    style, script = resource(STYLE), resource(SCRIPT)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text: str = environment.from_string(resource(TEMPLATE)).render(
        **values,
        style=jinja2.utils.markupsafe.Markup(style),
        script=jinja2.utils.markupsafe.Markup(script),
        style_hash=policy_hash(style),
        script_hash=policy_hash(script),
    )
    return text


def import_jinja2() -> ModuleType:
    """Jinja2; imported before a run begins, so that a missing package is not reported at its end.

    Raises:
        OutputError: if it is not installed.
    """
    try:
        return import_module("jinja2")
    except ImportError as error:
        raise OutputError(
            f"{FILE} needs jinja2, which is not installed here; "
            "pip install 'med-cam-evidence[studies]'."
        ) from error


def resource(name: str) -> str:
    """A text that ships beside this file."""
    return (importlib.resources.files("med_cam_studies.report") / name).read_text(encoding="utf-8")


def policy_hash(text: str) -> str:
    """The name of the one text that a content security policy allows."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
