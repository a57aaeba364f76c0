"""index.html beside the results of a folder: the table to look at, with a link to each result.

It is small and shows no picture: `med-cam report` makes the page with everything in it. On a
phone the columns of a line stand below each other.
"""

from collections.abc import Iterable
from html import escape
from urllib.parse import quote

from med_cam.report.file_names import FIGURE_FILE, MASK_FILE, TABLE_FILE
from med_cam.report.table import TableRow
from med_cam.report.wording import NOT_A_DIAGNOSIS, percent, probability

HEAD = (
    "<!doctype html>\n"
    '<html lang="en"><head><meta charset="utf-8"><title>Med-CAM results</title>\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    "<style>body{font:15px/1.45 system-ui,sans-serif;margin:1.5rem auto;max-width:72rem;"
    "padding:0 1rem;color:#1b1f24;background:#fff}table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid #d9dde2;"
    "vertical-align:top;overflow-wrap:break-word}td.n{text-align:right;white-space:nowrap}"
    ".f{min-width:9rem;overflow-wrap:anywhere}.s{overflow-x:auto}"
    "@media(max-width:40rem){thead{display:none}table,tbody,tr,td,td.n{display:block;border:0}"
    "td,td.n{text-align:left;white-space:normal;padding:.1rem 0;overflow-wrap:anywhere}"
    ".f{font-weight:bold}tr{border-bottom:1px solid #d9dde2;padding:.6rem 0}"
    "td:empty{display:none}"
    ".a::before{content:'area '}.p::before{content:'probability '}.w::before{content:'\\26a0  '}}"
    "</style></head><body>\n"
)
COLUMNS = ("image", "label", "probability", "area", "outcome", "warnings")


def index_page(rows: Iterable[TableRow], *, of: int, table: str = TABLE_FILE) -> str:
    """The page, the images sorted by folder.

    Args:
        rows: of the results that there are.
        of: images of the run, those among them that are still to be explained.
        table: name of the CSV file beside it.
    """
    found = sorted(rows, key=lambda row: row.folder)
    left = f" of {of:,}" if of > len(found) else ""
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    return (
        f"{HEAD}<h1>Med-CAM results</h1>\n"
        f"<p>{len(found):,}{left} images explained. {NOT_A_DIAGNOSIS} All figures: "
        f'<a href="{table}">{table}</a>. A page with the pictures: '
        "<code>med-cam report</code>.</p>\n"
        f'<div class="s"><table><thead><tr>{head}</tr></thead><tbody>\n'
        + "".join(map(_line, found))
        + "</tbody></table></div></body></html>\n"
    )


def _line(row: TableRow) -> str:
    shown = FIGURE_FILE if row.image else MASK_FILE  # with --no-source there is no figure
    change = f"{_probability(row.p_image)} &rarr; {_probability(row.p_evidence)}"
    area = row.area if row.rung_area is None or row.verified else row.rung_area
    return (
        f'<tr><td class="f"><a href="{quote(row.folder)}/{shown}">{escape(row.folder)}</a></td>'
        f'<td>{escape(row.label)}</td><td class="n p">{change}</td>'
        f'<td class="n a">{percent(area)}</td><td>{escape(row.verdict)}</td>'
        f'<td class="w">{escape("; ".join(row.warnings))}</td></tr>\n'
    )


def _probability(value: float | None) -> str:
    return "?" if value is None else escape(probability(value))
