"""A sheet: sections in one file that loads nothing from elsewhere and is made to be printed."""

from collections.abc import Sequence

from med_cam.report import wording
from med_cam_studies.report.blocks import Section
from med_cam_studies.report.page import STYLE, import_jinja2, policy_hash, resource

TEMPLATE, OWN_STYLE = "sheet.html.j2", "sheet.css"


def sheet(title: str, sections: Sequence[Section], *, highlights: Sequence[str]) -> str:
    """The text of the file; the same input gives the same text.

    Args:
        title: of the page.
        sections: in their order.
        highlights: the numbers that stand above all sections, a sentence each.

    Raises:
        OutputError: if Jinja2 is not installed.
    """
    jinja2 = import_jinja2()
    style = f"{resource(STYLE)}\n{resource(OWN_STYLE)}"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    text: str = environment.from_string(resource(TEMPLATE)).render(
        title=title,
        not_a_diagnosis=wording.NOT_A_DIAGNOSIS,
        highlights=highlights,
        missing=[sentence for section in sections for sentence in section.missing],
        sections=sections,
        style=jinja2.utils.markupsafe.Markup(style),
        style_hash=policy_hash(style),
    )
    return text
