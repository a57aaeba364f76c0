"""What an explanation shows, saves and tells of itself."""

import base64
import copy
import io
import json
import pickle
import re
import sys
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from pydicom import dcmread

import med_cam
from images.dicom_files import dicom, saved
from med_cam.cli.main import main
from med_cam.notebook.table import COLUMNS
from med_cam.report.write import map_png
from med_cam.results.explanation import Explanation as Plain
from notebook.nine import CONFIG, SAID, folder_of, levels, net


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("nine"))


@pytest.fixture(scope="module")
def found(folder):
    return med_cam.explain(folder, levels(), config=CONFIG)


def test_it_is_one_line_of_less_than_200_characters(found):
    assert repr(found).startswith("<Explanation of bright: ")
    assert "of 24 x 24, p >0.99 -> " in repr(found)
    for label in ("x" * 500, "two\nlines", ""):
        odd = replace(found, label=label)
        assert len(repr(odd)) < 200
        assert "\n" not in repr(odd)


def test_it_is_an_explanation_as_the_pipeline_has_it(found):
    assert isinstance(found, Plain)
    assert type(found.found) is Plain
    assert found.found.mask is found.mask
    assert replace(found, area=0.5).made_from is found.made_from
    again = pickle.loads(pickle.dumps(found))  # sent back by a process
    assert torch.equal(again.mask, found.mask)
    assert copy.copy(found).label == "bright"


def test_in_a_notebook_it_is_its_figure(found):
    html = found._repr_html_()
    (content,) = re.findall(r'src="data:image/png;base64,([\w+/=]+)"', html)
    with PIL.Image.open(io.BytesIO(base64.b64decode(content))) as picture:
        assert picture.width == 1600
    assert 'alt="Explanation of bright' in html
    odd = replace(found, label='a"><script>')
    assert "<script>" not in odd._repr_html_()


def test_the_mask_is_an_array_of_its_own(found):
    array = found.mask_array
    assert (array.dtype, array.shape) == (np.bool_, (24, 24))
    array[:] = False
    assert found.mask.any()


def rendered(axes):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def levels_drawn(axes, places):
    """The mean colour around pixels x y of the image."""
    page, colours = rendered(axes), []
    for place in places:
        x, y = axes.transData.transform(place)
        row = page.shape[0] - 1 - int(y)
        colours.append(page[row - 1 : row + 2, int(x) - 1 : int(x) + 2].mean(axis=(0, 1)))
    return colours


@pytest.mark.parametrize("style", ["outline", "dimmed", "evidence"])
def test_each_style_shows_what_it_says(found, style):
    from matplotlib.figure import Figure

    mask = torch.zeros(24, 24, dtype=torch.bool)
    mask[6:18, 6:18] = True
    image = med_cam.Image(torch.full((1, 24, 24), 0.8))
    made = replace(found.made_from, image=image)
    planted = replace(found, mask=mask, made_from=made)
    axes = Figure(figsize=(4, 4)).add_subplot()
    assert planted.plot(axes, style) is axes
    inside, outside = levels_drawn(axes, [(12, 12), (2, 2)])
    assert inside == pytest.approx([204] * 3, abs=2)
    wanted = {"outline": 204, "dimmed": 204 * 0.35}
    if style in wanted:
        assert outside == pytest.approx([wanted[style]] * 3, abs=2)
    else:
        assert outside.mean() < 160
    assert "bright" in axes.get_title()


def test_without_axes_it_makes_some(found, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot as plt

    axes = found.plot()
    assert axes.figure is plt.gcf()
    plt.close("all")


@pytest.mark.parametrize(
    ("label", "shown"),
    [("bright", "bright"), ("a finding $x_1$ of very many words", "a finding $x_1$ of very man…")],
)
def test_the_title_is_whole_on_the_figure_and_no_formula(found, label, shown):
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4, 4))
    FigureCanvasAgg(figure)
    axes = replace(found, label=label, verified=True, area=0.915).plot(figure.add_subplot())
    assert axes.get_title() == f"{shown}: 91.5%\nsufficient only as a large region"
    figure.canvas.draw()
    box = axes.title.get_window_extent()
    assert box.x0 >= 0
    assert box.x1 <= 400
    assert box.y1 <= 400
    assert not axes.title.get_parse_math()


def test_another_style_is_refused(found):
    from matplotlib.figure import Figure

    with pytest.raises(
        med_cam.ConfigError, match="'outline' or 'dimmed' or 'evidence', got 'glow'"
    ):
        found.plot(Figure().add_subplot(), style="glow")


def test_the_claims_are_a_table(found):
    claims = found.claims
    lines = repr(claims).splitlines()
    assert lines[0].split() == ["holds", "claim"]
    assert max(map(len, lines)) <= 88
    assert len(claims) == len(list(claims)) >= 4
    firsts = [line.split()[0] for line in lines[1:] if line[0] != " "]
    assert firsts == [{True: "yes", False: "no", None: "-"}[row.holds] for row in claims]
    sufficient = next(row for row in claims if row.text.startswith("sufficient"))
    assert sufficient.holds is found.claim.certificate.holds
    assert "<tr><td>yes</td>" in claims._repr_html_()


@pytest.mark.parametrize("form", ["file", "deep"])
def test_what_is_saved_is_verified_by_the_command(folder, form, tmp_path, capsys, caplog):
    image = {
        "file": folder / "scan.png", "deep": levels().astype(np.uint16),
    }[form]  # fmt: skip
    white = 255 if form == "deep" else None
    found = med_cam.explain(folder, image, config=CONFIG, white=white)
    result = found.save(tmp_path / "r")
    assert ("255 as white" in caplog.text) == (form == "deep")
    document = json.loads((tmp_path / "r" / "explanation.json").read_text())
    again = found.to_dict()
    for each in (again, document):
        each.pop("created")
    assert again == document
    assert main(["verify", str(tmp_path / "r"), "--model", str(folder)]) == 0
    assert result[:12] in capsys.readouterr().out


def test_it_is_saved_in_a_style_and_with_the_files_for_other_programs(folder, found, tmp_path):
    from med_cam.cli.main import main as command

    found.save(tmp_path / "r", style="dimmed", exports=["geojson", "phone", "pdf", "coco"])
    names = {path.name for path in (tmp_path / "r").iterdir()}
    exports = {"export.geojson", "export.phone.png", "explanation.pdf", "export.coco.json"}
    assert exports <= names
    found.save(tmp_path / "plain")
    assert {path.name for path in (tmp_path / "plain").iterdir()} == names - exports
    figures = [(tmp_path / name / "figure.png").read_bytes() for name in ("r", "plain")]
    assert figures[0] != figures[1]
    assert command(["export", str(tmp_path / "plain"), "--geojson", "--coco"]) == 0
    for name in ("export.geojson", "export.coco.json"):
        assert (
            json.loads((tmp_path / "plain" / name).read_text()).keys()
            == json.loads((tmp_path / "r" / name).read_text()).keys()
        )
    assert command(["verify", str(tmp_path / "r"), "--model", str(folder)]) == 0


def test_scores_of_a_dicom_image_are_saved_if_they_are_asked_for(folder, tmp_path, monkeypatch):
    content = map_png(torch.rand(40, 48))
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: content)
    path = saved(tmp_path / "scan", dicom(levels(), "MR", WindowCenter=128, WindowWidth=256))
    found = med_cam.explain(folder, path, config=CONFIG)
    found.save(tmp_path / "r", exports=["dicom"])
    assert not (tmp_path / "r" / "export.pm.dcm").exists()
    found.save(tmp_path / "r", exports=["dicom_scores"])
    written = dcmread(tmp_path / "r" / "export.pm.dcm").pixel_array
    np.testing.assert_array_equal(written, found.soft)  # the input is as large as the image
    assert main(["verify", str(tmp_path / "r"), "--model", str(folder)]) == 0


@pytest.mark.parametrize(
    ("asked", "kind", "words"),
    [
        ({"style": "glow"}, med_cam.ConfigError, "got 'glow'"),
        ({"exports": ["pdf", "svg"]}, med_cam.ConfigError, "got 'svg'"),
        ({"exports": "dicom"}, med_cam.OutputError, "the study of a DICOM image"),
        ({"exports": "dicom_scores"}, med_cam.OutputError, 'leave "dicom_scores" out'),
    ],
)
def test_nothing_is_saved_of_what_is_not_there(found, tmp_path, asked, kind, words):
    with pytest.raises(kind, match=words):
        found.save(tmp_path / "r", **asked)
    assert not (tmp_path / "r").exists()


def test_a_module_in_memory_is_saved_with_its_state(tmp_path):
    classifier = med_cam.from_module(net(), ["dark", "bright"], **SAID)
    document = med_cam.explain(classifier, levels(), config=CONFIG).to_dict()
    assert len(document["classifier"]["state"]) == 64
    assert document["classifier"]["weights"] == {}
    assert document["preset"] is None


def test_a_choice_between_two_labels_is_not_saved_from_here(found, tmp_path):
    pair = med_cam.pairwise(found.made_from.classifier, "bright", "dark")
    odd = replace(found, made_from=replace(found.made_from, classifier=pair))
    with pytest.raises(med_cam.OutputError, match="--contrast"):
        odd.save(tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_many_are_a_table_of_pandas(found):
    pytest.importorskip("pandas")
    failed = med_cam.NotExplained(1, "b.png", "ImageError", "b.png is empty.")
    frame = med_cam.to_frame(iter([found, failed]))
    assert tuple(frame.columns) == COLUMNS
    assert frame["label"].iloc[0] == "bright"
    assert frame["area"].iloc[0] == float(found.mask.float().mean())
    assert frame["probability"].iloc[0] == found.before[1]
    assert frame["error"].iloc[1] == "b.png is empty."
    assert med_cam.to_frame([]).shape == (0, len(COLUMNS))


def test_without_pandas_it_is_one_sentence(found, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(med_cam.ConfigError, match="pip install pandas"):
        med_cam.to_frame([found])


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    assert med_cam.__version__ == version("med-cam-evidence")
