"""`med-cam compare`: what changed between two versions of a classifier, on the same images."""

import csv
import re
import shutil
from dataclasses import replace

import pytest

from med_cam.cli.main import main
from saved_results import IDENTITY, LABELS, columns, explanation, saved

OTHER = replace(IDENTITY, weights={"model.safetensors": "c" * 64}, mean=(0.4,))
# image: right label; before: label, probability, columns of the mask from, to, whether it passed
BEFORE = {
    1: ("a", "a", 0.9, (0, 4), True),
    2: ("a", "a", 0.8, (0, 4), True),
    3: ("b", "c", 0.7, (0, 6), True),
    4: ("b", "b", 0.9, (0, 8), True),
    5: ("c", "c", 0.9, (0, 4), True),
    6: ("c", "c", 0.9, (0, 4), True),
}
AFTER = {
    1: ("a", "a", 0.9, (0, 4), True),  # the same
    2: ("a", "a", 0.6, (3, 7), True),  # elsewhere: one column of seven is shared
    3: ("b", "b", 0.7, (0, 6), True),  # another label, right now
    4: ("b", "b", 0.9, (0, 14), True),  # sufficient as more than half only
    5: ("c", "b", 0.5, (0, 4), False),  # another label and not sufficient
    9: ("c", "c", 0.9, (0, 4), True),  # of no image of before
}
ORDER = [5, 3, 4, 2, 1]


def spread(label, p):
    """Probabilities with this one of a label."""
    return [p if other == label else (1 - p) / 2 for other in LABELS]


def made(out, planted, **more):
    """The results of a version."""
    for n, (truth, label, p, (start, end), passed) in planted.items():
        found = explanation(spread(label, p), columns(end - start, start), verified=passed)
        saved(out, f"{truth}/scan-{n}.png", found, number=n, **more)


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Both versions, in `A` and `B`."""
    top = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
        made(top / "A", BEFORE)
        made(
            top / "B",
            AFTER,
            identity=OTHER,
            called="newer",
            config={"seed": 0, "search": {"steps": 90}},
        )
    return top


@pytest.fixture
def versions(once, tmp_path):
    """A copy of both that a test may change."""
    return [shutil.copytree(once / name, tmp_path / name) for name in ("A", "B")]


@pytest.fixture
def compare(capsys):
    """`med-cam compare` with these arguments: status, stdout, stderr."""

    def command(*arguments):
        status = main(["compare", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return command


def plain(html):
    """The text of a page, without tags."""
    text = re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_every_change_is_counted_and_what_changed_most_comes_first(versions, compare):
    status, out, err = compare(*versions)
    assert (status, err) == (0, "")
    for line in (
        "5 images are in both, by the SHA-256 of their files; 1 before only, 1 after only.",
        "Another label is explained: 2 of 5",
        "A small region was sufficient, and none is now: 2 of 5",
        "A small region is sufficient, and none was before: 0 of 5",
        "Area, where both are sufficient: median 25.0% before, 25.0% after, of 4 images",
        f"mean {(1 + 1 / 7 + 1 + 8 / 14) / 4:.2f}, of 4 images",
        "Right before: 4 of 5",
        "Right after: 4 of 5",
        "McNemar, exact, two-sided: p = 1.000, 2 images",
    ):
        assert line in out
    shown = [line for line in out.splitlines() if re.match(r"\S*scan-\d", line)]
    assert [int(re.search(r"scan-(\d)", line)[1]) for line in shown] == ORDER
    assert max(map(len, shown)) <= 80
    text = plain((versions[1] / "compare.html").read_text())
    assert "weights.model.safetensors bbbbbbbbbbbb cccccccccccc 5 of 5" in text
    assert "mean [0.5] [0.4] 5 of 5" in text
    assert "net and newer: two versions compared" in text
    assert "search.steps 60 90 5 of 5" in text
    assert "sufficiency test passed sufficient only as a large region 1 of 5" in text


def test_the_table_has_every_number(versions, compare, tmp_path):
    page = tmp_path / "far" / "page.html"
    page.parent.mkdir()
    assert compare(*versions, "--out", page)[0] == 0
    html = page.read_text()
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert html.count("data:image/jpeg") == 2 * 2 * 5
    with page.with_suffix(".csv").open(newline="") as lines:
        rows = {int(row["image"][-5]): row for row in csv.DictReader(lines)}
    assert list(rows) == ORDER
    for n, row in rows.items():
        truth, before, p, _, passed = BEFORE[n]
        assert (row["truth"], row["label_before"], row["verified_before"]) == (
            truth, before, str(passed).lower(),
        )  # fmt: skip
        assert float(row["p_before"]) == pytest.approx(p)
        after = dict(zip(LABELS, spread(AFTER[n][1], AFTER[n][2]), strict=True))
        assert float(row["rise"]) == pytest.approx(after[before] - p)
    assert float(rows[2]["iou"]) == pytest.approx(1 / 7)
    assert rows[5]["iou"] == ""


def test_long_names_stay_within_the_terminal(versions, compare, monkeypatch, tmp_path):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    long = ("adenocarcinoma", "melanocytic naevus", "c")
    for name, p in (("C", [1e-4, 0.9998, 1e-4]), ("D", [0.9998, 1e-4, 1e-4])):
        found = replace(explanation(p, columns(20)), labels=long, area=0.9997)
        found = replace(found, label=long[p.index(max(p))])
        saved(
            tmp_path / name, f"{'a-long-name' * 5}.png", found, number=1,
            identity=replace(IDENTITY, labels=long), place="x",
        )  # fmt: skip
    status, out, _ = compare(tmp_path / "C", tmp_path / "D")
    assert status == 0
    (line,) = [line for line in out.splitlines() if "melanocy" in line]
    assert len(line) <= 80


def test_without_a_common_image_nothing_is_compared(versions, compare):
    for n in range(1, 6):
        shutil.rmtree(versions[0] / BEFORE[n][0] / f"scan-{n}")
    status, _, err = compare(*versions)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "have no image in common (1 and 6 images" in err
    assert not (versions[1] / "compare.html").exists()


def test_a_folder_is_not_compared_with_itself_nor_two_classifiers_in_one(versions, compare):
    status, _, err = compare(versions[0], versions[0])
    assert (status, "was given twice" in err) == (2, True)
    shutil.copytree(versions[0] / "a" / "scan-1", versions[1] / "z")
    status, _, err = compare(*versions)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "holds results of two classifiers" in err


def test_a_changed_result_is_said_and_the_others_are_compared(versions, compare):
    with (versions[1] / "a" / "scan-1" / "mask.png").open("ab") as file:
        file.write(b" ")
    status, out, err = compare(*versions)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "4 images are in both" in out


def test_right_labels_that_contradict_each_other_count_as_unknown(versions, compare, tmp_path):
    (versions[1] / "a").rename(versions[1] / "z")  # of an image called b/scan-1.png there
    (tmp_path / "l.csv").write_text("folder,label\na/scan-1,a\nz/scan-1,b\na/scan-2,a\n")
    _, out, _ = compare(*versions, "--labels", tmp_path / "l.csv")
    assert "Right before: 1 of 1" in out
    assert "5 images are in both" in out
