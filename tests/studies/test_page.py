"""report.html: all that was explained, in one file that asks nothing of the network."""

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
import torch
from made_up import row, shown
from PIL import Image

from med_cam.errors import OutputError
from med_cam.report.figure_words import Outlined
from med_cam.report.wording import NOT_A_DIAGNOSIS
from med_cam_studies.evaluation.rows import Shown
from med_cam_studies.report import cards
from med_cam_studies.report.cards import longest_side, weight
from med_cam_studies.report.page import page
from med_cam_studies.report.shrunk import within
from med_cam_studies.report.tables import Table, summary

VOID = {"meta", "link", "img", "input", "br", "path", "use"}
HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' & </td></tr> {{ 7*7 }}",
    "javascript:alert(1)//../..",
)


class Document(HTMLParser):
    """Elements as (tag, attributes), texts, and the order in which they were closed."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.texts, self.open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag, **having):
        found = [attrs for name, attrs in self.elements if name == tag]
        return [a for a in found if all(a.get(k) == v for k, v in having.items())]

    def text(self, tag):
        return "".join(data for name, data in self.texts if name == tag)


def document(items, **changed):
    fields = {"facts": {"Classifier": "tiny"}, "tables": {}, "notes": ()} | changed
    text = page(fields.pop("title", "A study"), items, **fields)
    found = Document(text)
    assert found.open == []
    return text, found


def picture(uri):
    head, data = uri.split(",", 1)
    assert head == "data:image/jpeg;base64"
    return Image.open(BytesIO(base64.b64decode(data, validate=True)))


@pytest.fixture(scope="module")
def items():
    return [shown(n, finding=n < 2, label="mole" if n == 3 else "naevus") for n in range(5)]


def test_the_page_says_what_it_is_and_every_fact(items):
    rows = [item.row for item in items]
    text, _ = document(
        items,
        title="Skin & co",
        facts={"SHA-256": "ab" * 32, "Accuracy": "0.84 (paper: 0.85)"},
        tables={
            "By class": summary(rows, ()),
            "Overlap": Table(("method", "IoU"), (("Grad-CAM", "0.5"),)),
        },
        notes=["All images of the test set."],
    )
    for words in ("Skin &amp; co", "ab" * 32, "0.84 (paper: 0.85)", "All images of the test set."):
        assert words in text
    assert NOT_A_DIAGNOSIS.replace("'", "&#39;") in text
    assert "Grad-CAM</th>" in text
    assert "5 of 5 images, 4 of 5 passed the sufficiency test, median area 9.5%" in text


def test_nothing_is_loaded_from_anywhere(items):
    text, found = document(items)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text)
    for tag, attrs in found.elements:
        assert tag not in ("link", "iframe", "object", "embed", "base")
        assert attrs.get("src", "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
        assert re.match(r"#|\./scan-\d/$", attrs.get("href", "#"))
        assert not [name for name in attrs if name.startswith("on") or name == "style"]


def test_the_policy_allows_this_style_and_this_script_and_nothing_else(items):
    _, found = document(items)
    (policy,) = found.all("meta", **{"http-equiv": "Content-Security-Policy"})
    assert policy["content"].startswith("default-src 'none'; img-src data:; ")
    for tag in ("style", "script"):
        assert len(found.all(tag)) == 1
        digest = base64.b64encode(hashlib.sha256(found.text(tag).encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy["content"]


def test_each_image_is_a_line_of_the_table_and_a_card_with_all_its_pictures(items):
    text, found = document(items)
    lines = [attrs["data-card"] for attrs in found.all("tr") if "data-card" in attrs]
    names = [attrs["id"] for attrs in found.all("article")]
    assert lines == names
    assert len(set(names)) == 5
    assert len(found.all("img")) == 5 * 3
    for item in items:
        assert text.count(f">{item.row.image}</a>") == 1
        assert text.count(f">{item.row.image}</h3>") == 1
    assert not [a for a in found.all("article") + found.all("tr") if "hidden" in a]


def test_every_number_of_the_table_can_be_sorted_by(items):
    _, found = document(items)
    keys = [attrs["data-key"] for attrs in found.all("td") if "data-key" in attrs]
    for item in items:
        for value in (item.row.before, item.row.area, item.row.seconds, item.row.forward):
            assert str(value) in keys


def test_verdicts_are_signs_and_words(items):
    text, _ = document(items)
    assert text.count(">\u2713 test passed</p>") == 4
    assert text.count(">\u2717 test failed</p>") == 1


def test_the_providers_class_is_shown_where_it_differs(items):
    text, _ = document(items)
    assert text.count("provider's class:") == 1
    without, found = document([shown(truth="")])
    assert "rovider's class" not in without
    assert not found.all("select", name="right")


def test_hostile_names_are_text():
    names = [
        shown(n, image=bad, label=bad, truth=f"{bad} too", status=bad, folder=bad, warnings=(bad,))
        for n, bad in enumerate(HOSTILE)
    ]
    rows = [item.row for item in names]
    text, found = document(
        names, title=HOSTILE[0], facts=dict.fromkeys(HOSTILE, HOSTILE[1]), notes=HOSTILE,
        tables={bad: summary(rows, HOSTILE) for bad in HOSTILE},
    )  # fmt: skip
    assert len(found.all("script")) == 1
    assert len(found.all("img")) == 3 * len(HOSTILE)
    assert "49" not in re.sub(
        r"[^ >]*base64[^\"]*|d=\"[^\"]*|[\d.]{4,}", "", text.split("<h1>")[1]
    )
    assert not [a for _, a in found.elements if any(name.startswith("on") for name in a)]
    links = [a["href"] for a in found.all("a")]
    assert all(re.match(r"#image-\d+$|\./[\w%./-]*/$", link) for link in links)
    assert [data for name, data in found.texts if name == "h3"] == list(HOSTILE)
    assert [a["data-label"] for a in found.all("tr") if "data-card" in a] == list(HOSTILE)


def test_pictures_are_of_the_size_they_say_and_bounded():
    _, found = document([shown(size=(700, 500))])
    for attrs in found.all("img"):
        drawn = picture(attrs["src"])
        assert drawn.size == (int(attrs["width"]), int(attrs["height"]))
        assert max(drawn.size) <= 512
        assert attrs["alt"].startswith("scan-0.png: ")


def test_pictures_show_the_image_and_its_evidence():
    item = shown(size=(60, 80), maps=())
    red = torch.zeros(3, 60, 80)
    red[0] = 1
    _, found = document([Shown(item.row, red, item.mask, {})])
    whole, alone = (np.asarray(picture(attrs["src"])).astype(int) for attrs in found.all("img"))
    assert abs(whole - (254, 0, 0)).max() < 8
    assert abs(alone[20, 30] - (254, 0, 0)).max() < 8
    assert abs(alone[50, 70] - 128).max() < 8


def test_outlines_enclose_the_mask_in_the_units_of_their_box():
    _, found = document([shown(size=(30, 40), maps=())])
    (evidence,) = (a["d"] for a in found.all("path") if a.get("id", "").endswith("e"))
    assert len(found.all("svg", viewbox="0 0 40 30")) == 2
    assert evidence == "M8 5h16v10h-16z"  # rows 5 to 14, columns 8 to 23


def test_a_large_mask_keeps_its_specks_and_its_box_has_few_units():
    item = shown(size=(1600, 800), maps=())
    speck = torch.zeros_like(item.mask)
    speck[1599, 401] = True
    _, found = document([replace(item, mask=speck)])
    (path,) = (a["d"] for a in found.all("path") if a.get("id", "").endswith("e"))
    assert len(found.all("svg", viewbox="0 0 267 534")) == 2  # three pixels are one
    assert path == "M133 533h1v1h-1z"


def test_the_parts_of_a_mask_are_divided_by_lines_and_said_to_be_needed_or_not():
    item = shown(maps=())
    regions = item.mask.long()
    regions[5:15, 20:24] = 2
    said = "Minimal at regions: removing any of the 2 parts loses the prediction."
    text, found = document([replace(item, regions=regions, needed=said), shown(1, maps=())])
    (line,) = (a["d"] for a in found.all("path") if a.get("id", "").endswith("r"))
    assert line == "M20 5v10"
    assert len(found.all("use", href="#image-1r")) == 4  # in two pictures, with a dark line under
    assert text.count(said) == 1
    assert "divided by thin lines" in text
    assert "divided by thin lines" not in document([item])[0]


def test_what_speaks_for_the_second_label_is_outlined_on_the_image_alone_and_named():
    item = shown(maps=())
    second = torch.zeros_like(item.mask)
    second[25, 30:33] = True
    other = Outlined(second, "#ff5cc8", "speaks most for <mole> (5.0%)")
    text, found = document([replace(item, outlined=(other,)), shown(1, maps=())])
    (path,) = (a for a in found.all("path") if a.get("id", "").endswith("w0"))
    assert path["d"] == "M30 25h3v1h-3z"
    uses = found.all("use", href=f"#{path['id']}")
    assert [use["class"] for use in uses] == ["case other", "line other"]  # in one picture
    assert uses[1]["stroke"] == "#ff5cc8"
    assert text.count("speaks most for &lt;mole&gt; (5.0%)") == 2  # below, and read aloud
    assert ".line.other { stroke-dasharray" in text


def test_other_regions_are_reduced_with_the_image():
    half = torch.zeros(5, 7, dtype=torch.bool)
    half[:, 4:] = True
    item = replace(shown(size=(5, 7)), outlined=(Outlined(half, "#fff", "half"),))
    (small,) = within(item, 4).outlined
    assert small.mask.tolist() == [[False, False, True, True]] * 3
    assert (small.color, small.text) == ("#fff", "half")


def test_regions_are_reduced_with_the_image():
    regions = torch.arange(35).reshape(5, 7)
    small = within(replace(shown(size=(5, 7)), regions=regions), 4).regions
    assert small.tolist() == [[8, 10, 12, 13], [22, 24, 26, 27], [29, 31, 33, 34]]


def test_every_name_is_there_once_and_every_reference_has_its_name(items):
    _, found = document(items)
    names = [attrs["id"] for _, attrs in found.elements if "id" in attrs]
    assert len(names) == len(set(names))
    used = [a["href"][1:] for _, a in found.elements if a.get("href", "").startswith("#")]
    assert set(used) <= set(names)
    assert len(found.all("use")) > 5 * 4


def test_of_many_images_a_sample_is_weighed(monkeypatch):
    fine, plain = (shown(n, size=(300, 300), maps=()) for n in range(2))
    plain = replace(plain, pixels=torch.zeros_like(plain.pixels))
    many = [fine, plain] * 30
    monkeypatch.setattr(cards, "BUDGET", weight(many, 272))
    monkeypatch.setattr(cards, "WEIGHED", 7)
    assert longest_side(many) in (216, 272, 336)
    drawn = []
    monkeypatch.setattr(cards, "jpeg", lambda rgb: drawn.append(rgb) or b"")
    longest_side(many)
    assert len(drawn) == 7


def test_many_or_fine_pictures_are_made_smaller_rather_than_the_file_large(monkeypatch):
    noise = [shown(n, size=(300, 300)) for n in range(4)]
    assert longest_side(noise) == 512
    monkeypatch.setattr(cards, "BUDGET", 150_000)
    side = longest_side(noise)
    assert side < 300
    text, found = document(noise)
    assert sum(len(a["src"]) * 3 / 4 for a in found.all("img")) <= 150_000
    assert len(text) < 300_000


def test_the_same_input_gives_the_same_page(items):
    assert document(items)[0] == document(items)[0]


def test_a_page_without_images_is_a_page():
    text, found = document([])
    assert "0 of 0 images" in text
    assert not found.all("img")


def test_an_image_without_evidence_or_map_is_shown_all_the_same():
    item = shown(maps=())
    empty = Shown(row(1), item.pixels[:1], torch.zeros_like(item.mask), {})
    _, found = document([empty, shown(0)])
    assert len(found.all("img")) == 2 + 3


def test_a_missing_jinja_is_reported_with_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "jinja2", None)
    with pytest.raises(OutputError, match=r"jinja2.*med-cam-evidence\[studies\]"):
        page("A study", [], facts={}, tables={})
