"""One page of any results: what deserves a look first comes first, and nothing is left out."""

import re
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
import torch

from cli.corner import made_up, photograph
from med_cam.cli.main import main
from med_cam.config.notices import notice
from med_cam.images.content import Content, content_notices
from med_cam.images.from_array import image_from_array
from med_cam.results.claim import RestrictedClaim
from med_cam.results.notice import Notice
from med_cam_studies.report.look_first import border_share, reasons

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def once(tmp_path_factory):
    """A folder for results that all tests begin with."""
    return tmp_path_factory.mktemp("once") / "r"


@pytest.fixture
def results(run, model, instant, here, monkeypatch, once):
    """Four results in `r`: all well, failed, more confident on the evidence, a warning."""
    if once.exists():
        return shutil.copytree(once, here / "r")

    def explain(_, image, **__):
        found = made_up(image, verified="failed" not in image.path)
        if not found.verified:
            smaller = torch.zeros_like(found.mask)
            smaller[3:7, 2:12] = True
            area = smaller.float().mean().item()
            restricted = RestrictedClaim(smaller, area, made_up(image).claim, ("gaussian",), 5)
            return replace(found, restricted=restricted)
        if "rises" in image.path:
            rise = "more confident on the evidence than on the whole image (0.99 over grey)"
            rises = replace(found.claim, notices=(notice("confidence_rises", rise, 0.04),))
            return replace(found, claim=rises)
        if "warned" in image.path:
            leaks = "over unrelated content the mask's outline is predicted bright in 9 of 20"
            claim = replace(found.claim, notices=(Notice("outline", leaks, 0.45, warns=True),))
            return replace(found, claim=claim)
        return found

    monkeypatch.setattr("med_cam.cli.explain_image.explain", explain)
    for number, name in enumerate(("bright/well", "bright/warned", "dark/rises", "x/failed")):
        photograph(here / "scans" / f"{name}.png", seed=number)
    assert run("scans", "--model", model, "--out", "r").status == 0
    shutil.copytree(here / "r", once)
    return here / "r"


def report(capsys, *arguments):
    status = main(["report", *map(str, arguments)])
    return status, capsys.readouterr()


def made_up_with(*notices):
    found = made_up(image_from_array(np.zeros((8, 8), np.uint8)))
    return replace(found, claim=replace(found.claim, notices=notices))


def order(text):
    return re.findall(r"<h3>(.*?)</h3>", text)


def test_what_deserves_a_look_comes_first(results, capsys):
    status, said = report(capsys, results)
    text = (results / "report.html").read_text()
    assert (status, said.err) == (0, "")
    assert "4 results in" in said.out
    names = ["dark/rises.png", "x/failed.png", "bright/warned.png", "bright/well.png"]
    assert order(text) == names  # of which the first is misread: its folder is "dark"
    assert "predicted bright, but is dark and evidence for it is sufficient" in text
    assert text.count("more confident on the evidence than on the whole image") == 1
    assert "no small region passed the sufficiency test" in text
    assert text.count("outline is predicted bright in 9 of 20") == 1  # said once
    assert not re.search(r"(src|href)=\"(?!data:|#|\./)", text)  # nothing from elsewhere


def test_the_region_of_a_weaker_claim_is_outlined_too_and_named(results, capsys):
    report(capsys, results)
    text = (results / "report.html").read_text()
    assert text.count('d="M2 3h10v4h-10z"') == 1
    assert "restricted claim: 3.3% is sufficient over grey</p>" in text


def test_labels_of_a_table_stand_over_the_names_of_folders(results, capsys, here):
    (here / "l.csv").write_text("image,label\nwell.png,dark\ndark/rises.png,bright\n")
    assert report(capsys, results, "--labels", here / "l.csv", "--out", here / "p.html")[0] == 0
    text = (here / "p.html").read_text()
    assert order(text)[0] == "bright/well.png"
    assert text.count("but is dark") == 1


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "", None])
def test_a_table_without_labels_is_refused(results, capsys, here, content):
    if content is not None:
        (here / "l.csv").write_text(content)
    status, said = report(capsys, results, "--labels", here / "l.csv")
    assert (status, len(said.err.splitlines())) == (2, 1)
    assert "l.csv" in said.err


def test_the_sentences_of_an_audit_are_on_the_page(results, capsys, here):
    (here / "a.json").write_text('{"verdict": {"sentences": ["Blank is <dark>."]}}')
    assert report(capsys, results, "--audit", here / "a.json")[0] == 0
    assert "Blank is &lt;dark&gt;." in (results / "report.html").read_text()
    (here / "a.json").write_text("[]")
    assert report(capsys, results, "--audit", here / "a.json")[0] == 2


def test_a_changed_result_is_said_and_the_others_are_shown(results, capsys):
    with (results / "x" / "failed" / "mask.png").open("ab") as file:
        file.write(b" ")
    status, said = report(capsys, results)
    assert (status, len(said.err.splitlines())) == (2, 1)
    assert "mask.png was changed" in said.err
    assert len(order((results / "report.html").read_text())) == 3


def test_results_without_images_have_a_page_too(run, model, instant, scans, capsys, here):
    run("scans", "--model", model, "--out", "r", "--no-source")
    assert report(capsys, here / "r")[0] == 0
    assert "scan-" not in (here / "r" / "report.html").read_text()


def test_evidence_on_printed_text_weighs_as_much_as_on_the_border():
    (found,) = content_notices(Content(0.4, 0.0, 0.0, 0.9))
    (reason,) = (r for r in reasons(made_up_with(found), "") if r.text == found.text)
    assert reason.weight == 20


def test_plain_facts_are_no_reason_and_the_border_is_said_once():
    fact = Notice("outline", "a fact", 0.05, warns=False)
    assert reasons(made_up_with(fact), "") == reasons(made_up_with(), "")
    rim = Notice("border", "12% at the border", 0.12, warns=True)
    texts = [reason.text for reason in reasons(made_up_with(rim), "")]
    assert sum("border" in text for text in texts) == 1


def test_a_mask_on_the_border_is_told_from_one_within():
    mask = torch.zeros(40, 60, dtype=torch.bool)
    mask[:2] = True  # a twentieth of 40 rows
    assert border_share(mask) == 1.0
    mask[2:6] = True
    inner = 4 * (60 - 2 * 3)
    assert border_share(mask) == pytest.approx(1 - inner / 360)
    assert border_share(torch.zeros(4, 4, dtype=torch.bool)) == 0.0


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_sorts_and_shows_every_image(results, capsys, here):
    report(capsys, results)
    page = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={here}/b",
         "--dump-dom", (results / "report.html").as_uri()],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip
    assert 'class="js"' in page
    assert page.count('<button type="button">') >= 12  # heads of columns that sort
    assert "4 of 4 images, 3 of 4 passed the sufficiency test" in page
