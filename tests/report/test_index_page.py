"""The page beside the results: a line an image, read on a wide screen and on a phone."""

import re
import shutil
import subprocess
from html import escape

import pytest

from med_cam.report.index_page import index_page
from med_cam.report.table import TableRow

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
WARNINGS = (
    "filled with a constant colour, the mask alone is predicted meningioma in 3 of 12 (at most "
    "52.8% at 95% confidence): its outline may drive the prediction",
    "53% of the evidence lies on the empty background of the image",
)
MEASURED = """<iframe width="{width}" height="900" style="border:0" srcdoc="{page}"></iframe>
<script>
document.querySelector("iframe").onload = event => {{
  const page = event.target.contentDocument;
  const all = selector => [...page.querySelectorAll(selector)];
  const lines = all("tbody td:nth-child(2)").map(cell => {{
    const label = page.createRange();
    label.selectNodeContents(cell);
    return label.getClientRects().length;
  }});
  document.title = [page.documentElement.scrollWidth, all(".s")[0].scrollWidth,
    Math.max(...all("tbody tr").map(line => line.offsetHeight)), Math.max(...lines)].join(" ");
}};
</script>"""


def row(folder, *warnings):
    return TableRow(
        folder, f"{folder}.png", "meningioma", 0.96, 0.78, "sufficiency test passed",
        verified=True, area=0.479, rung="", rung_area=None, bound=0.95, components=1, status="",
        warnings=warnings, forward=1, backward=1, seconds=1.0,
        created="2026-01-01", sha256="", result="",
    )  # fmt: skip


def measured(tmp_path, width):
    """Widths of the page and of its table, the tallest line, the most lines of a label."""
    page = index_page([row("Te-gl_0044", *WARNINGS), row("p/long-name" * 9)], of=2)
    outer = tmp_path / "outer.html"
    outer.write_text(MEASURED.format(width=width, page=escape(page)))
    shown = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
         f"--user-data-dir={tmp_path}/b", "--dump-dom", outer.as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    return [int(n) for n in re.search("<title>([0-9 ]+)</title>", shown)[1].split()]


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
@pytest.mark.parametrize(("width", "tallest"), [(390, 300), (1280, 120)])
def test_nothing_is_cut_off_and_no_label_is_broken(tmp_path, width, tallest):
    page, table, line, lines_of_label = measured(tmp_path, width)
    assert max(page, table) <= width
    assert line <= tallest
    assert lines_of_label == 1


def test_of_each_image_all_is_there_once():
    page = index_page([row("b", *WARNINGS), row("a")], of=2)
    assert re.findall(r'href="(.)/figure\.png"', page) == ["a", "b"]
    assert all(page.count(text) == 1 for text in WARNINGS)
