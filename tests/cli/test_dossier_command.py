"""`med-cam dossier`: one page about a classifier, from results as they lie on the disk."""

import json
import re
import shutil
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch

from med_cam.cli.main import main
from med_cam.recheck.difference import Difference
from med_cam.recheck.outcome import Recheck
from med_cam.recheck.words import Rechecked, result_lines
from med_cam.report.saved import read_saved
from med_cam.results.passes import Passes
from med_cam_studies.dossier.rechecked import outcomes
from saved_results import IDENTITY, LABELS, SIDE, columns, explanation, mask_tests, saved

SECTIONS = 13


def spread(label, p):
    """Probabilities with this one of a label."""
    return [p if other == label else (1 - p) / 2 for other in LABELS]


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """Six results: 1 and 4 misread, 3 not sufficient, 2 on most of the image."""
    out = tmp_path_factory.mktemp("once") / "r"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
        for n in range(6):
            truth = LABELS[n % 3]
            said = LABELS[(n + 1) % 3] if n in (1, 4) else truth
            found = explanation(
                spread(said, 0.9 - n / 50), columns(12 if n == 2 else 4 + n), verified=n != 3,
                tests=mask_tests(seeds=(0.5, 0.1, 3) if n < 2 else None),
                warnings=("grey alone is predicted a with 0.7",) if n % 2 else (),
            )  # fmt: skip
            saved(out, f"{truth}/{n}.png", found, number=n)
    return out


@pytest.fixture
def results(once, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(once, tmp_path / "r")


@pytest.fixture
def dossier(capsys):
    """`med-cam dossier` with these arguments: status, stdout, stderr."""

    def command(*arguments):
        status = main(["dossier", *map(str, arguments)])
        return (status, *capsys.readouterr())

    return command


def plain(html):
    """The text of a page, without tags."""
    text = re.sub(r"<(style|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())


def test_the_page_says_what_was_planted_and_asks_nothing_of_the_network(results, dossier):
    status, out, err = dossier(results)
    assert (status, err) == (0, "")
    assert "6 images in" in out
    html = (results / "dossier.html").read_text()
    text = plain(html)
    assert len(re.findall(r"<h2>\d+\. ", html)) == SECTIONS
    assert "Predicted rightly, where the right label is known: 4 of 6" in text
    assert "A region of at most half of the image is sufficient: 4 of 6" in text
    assert "Predicted wrongly though a small region is sufficient: 2 of 6" in text
    assert "Wrong, and a small region is sufficient: 2 of 6" in text
    assert "Wrong, and no small region is sufficient: 0 of 6" in text
    assert "Right, and no small region is sufficient: 2 of 6" in text
    assert "Too few errors: 2 of 6" in text
    assert html.count('class="absent"') == 15
    assert f"model.safetensors {'b' * 64}" in text
    assert "Results with several seeds 2 of 6" in text
    assert not re.search(r"(src|href)=\"(?!data:|#)", html)
    assert "<script" not in html
    assert html.count("data:image/jpeg") == 2 * 4  # two pictures of each case
    assert dossier(results, "--out", results.parent / "again.html")[0] == 0
    assert (results.parent / "again.html").read_text() == html


def test_labels_of_a_table_count(results, dossier, tmp_path):
    (tmp_path / "l.csv").write_text("image,label\n0.png,b\n1.png,c\n")
    assert dossier(results, "--labels", tmp_path / "l.csv")[0] == 0
    text = plain((results / "dossier.html").read_text())
    assert "Predicted rightly, where the right label is known: 1 of 2" in text
    (tmp_path / "l.csv").write_text("image,label\n0.png,beta\n")
    status, _, err = dossier(results, "--labels", tmp_path / "l.csv")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "'beta', which is none of the classifier's (a, b, c)" in err


def test_results_of_two_classifiers_are_refused_with_both_names(results, dossier, monkeypatch):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    other = replace(IDENTITY, weights={"model.safetensors": "c" * 64})
    found = explanation(spread("a", 0.8), columns(3))
    saved(results, "a/9.png", found, number=9, identity=other, called="second")
    status, _, err = dossier(results)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "net (weights bbbbbbbbbbbb) and second (weights cccccccccccc)" in err
    assert not (results / "dossier.html").exists()


def test_what_cannot_be_read_and_who_was_not_explained_is_on_the_page(results, dossier):
    with (results / "a" / "0" / "mask.png").open("ab") as file:
        file.write(b" ")
    known = json.loads((results / "b" / "1" / "explanation.json").read_text())["sha256"]["image"]
    images = [
        {"outcome": "failed", "sha256": "d" * 64},
        {"outcome": "left out", "sha256": None, "file": "x"},
        {"outcome": "failed", "sha256": known}, {"outcome": "explained", "sha256": "e" * 64},
    ]  # fmt: skip
    (results / "run-1-a.json").write_text(json.dumps({"images": images}))
    (results / "run-2-b.json").write_text("[")
    status, _, err = dossier(results)
    text = plain((results / "dossier.html").read_text())
    assert (status, len(err.splitlines())) == (2, 1)
    assert "5 images, each counted once" in text
    assert "1 results are not as they were written, and are left out." in text
    assert "2 images were named in a run and not explained" in text


def test_another_result_of_the_same_image_is_left_out(results, dossier, monkeypatch):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    saved(results, "a/0.png", explanation(spread("c", 0.8), columns(3)), number=0, place="z/0")
    assert dossier(results)[0] == 0
    text = plain((results / "dossier.html").read_text())
    assert "1 further results are of images that are counted already." in text
    assert "Predicted rightly, where the right label is known: 4 of 6" in text


def test_a_classifier_of_one_output_has_no_prediction_that_could_be_right(
    dossier, tmp_path, monkeypatch
):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    one = explanation([0.1, 0.1, 0.8], columns(3))
    one = replace(one, target=0, label="a", labels=("a",), before=(0.3,), after=(0.3,))
    identity = replace(IDENTITY, labels=("a",), head="sigmoid", thresholds=(0.5,))
    saved(tmp_path / "r", "a/0.png", one, number=0, identity=identity)
    assert dossier(tmp_path / "r")[0] == 0
    text = plain((tmp_path / "r" / "dossier.html").read_text())
    assert "Not measured: the right label is known of 0 of 1 images" in text


def outline(folder, name, mask):
    folder.mkdir(exist_ok=True)
    PIL.Image.fromarray((mask.numpy() * 255).astype(np.uint8)).save(folder / name)


def test_outlines_are_compared_with_the_masks_of_their_images(results, dossier, tmp_path):
    outline(tmp_path / "o", "0.png", columns(8))  # the mask is columns 0 to 3
    outline(tmp_path / "o", "1.png", columns(5, start=10))  # and 0 to 4
    outline(tmp_path / "o", "3.png", columns(SIDE))  # the whole image locates nothing
    outline(tmp_path / "o", "77.png", columns(5))
    assert dossier(results, "--outlines", tmp_path / "o")[0] == 0
    text = plain((results / "dossier.html").read_text())
    assert "3 of 6 images have an outline in o; 2 of these locate something" in text
    assert "at most half of the image: 2 of them 0.50 (" in text  # inside: 1 and 0
    random = f"random masks of these areas {(8 + 5) / 40:.2f} {(4 + 5) / 40:.2f}"
    assert random in text


def test_outlines_that_do_not_fit_are_refused(results, dossier, tmp_path):
    outline(tmp_path / "o", "0.png", torch.ones(5, 7, dtype=torch.bool))
    status, _, err = dossier(results, "--outlines", tmp_path / "o")
    assert (status, len(err.splitlines())) == (2, 1)
    assert "has 5 x 7 pixels, the image a/0.png 20 x 20" in err
    outline(tmp_path / "o", "0.bmp", columns(3))
    status, _, err = dossier(results, "--outlines", tmp_path / "o")
    assert (status, "2 files called 0" in err) == (2, True)


def test_names_from_anyone_stay_text(once, dossier, tmp_path, monkeypatch):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    name = "b/<script>alert(1)<!--.png"
    found = explanation(
        spread("a", 0.8), columns(3), status='"><img src=x onerror=1>', warnings=("<b>1</b>",)
    )
    saved(tmp_path / "r", name, found, number=1, called="<i>net</i>", place="x")
    (tmp_path / "use.toml").write_text("purpose = '</dd><script>'")
    assert dossier(tmp_path / "r", "--meta", tmp_path / "use.toml")[0] == 0
    html = (tmp_path / "r" / "dossier.html").read_text()
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;alert(1)" in html


def test_what_verify_prints_is_understood(results):
    """By its own function, so that other words there are noticed here."""
    end = Rechecked(read_saved(results / "a" / "0", 1), _held(True), "", "1" * 64)
    lines = [result_lines(end)]
    end = replace(end, found=_held(False), result_id="2" * 64)
    lines.append(result_lines(end))
    found = outcomes("\n".join(lines))
    assert found == (frozenset({"1" * 12}), frozenset({"2" * 12}))


def _held(holds):
    return Recheck((), () if holds else (Difference("area", 1, 2),), None, Passes(0, 0))
