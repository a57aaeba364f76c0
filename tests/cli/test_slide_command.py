"""Regions and tiles of slides from their file to verified masks that lie in the slide."""

import hashlib
import json

import numpy as np
import PIL.Image
import pytest
from shapely.geometry import shape

from cli.corner import results
from forging import rewrite_manifests
from images.slides import slide
from images.test_slide_vendors import leica

CHEAP = ("--removal", "grey", "--patch", "0")  # what is claimed does not matter here


def lit(path, **options):
    """Dark tissue with light in the corner that the classifier looks at, of two places."""
    values = np.full((96, 144, 3), 240, dtype=np.uint8)
    values[:, :96] = np.random.default_rng(0).integers(0, 40, (96, 96, 3), dtype=np.uint8)
    for x, y in ((0, 0), (48, 48)):
        values[y : y + 24, x : x + 24] = (235, 225, 215)
    return slide(path, values, **options), values


def said(folder):
    return json.loads((folder / "explanation.json").read_text())


def test_a_region_is_explained_verified_and_laid_into_the_slide(
    run, verify, here, model, quick, monkeypatch
):
    monkeypatch.setattr("med_cam.report.write.figure_png", lambda *_: b"a figure")
    path, values = lit(here / "s.svs")
    given = ("--model", model, "--config", quick, *CHEAP, "--out", "r", "--geojson")
    done = run(path, *given, "--region", "48,48,48,48", "--mpp", "0.5")
    assert done.status == 0, done.err
    (name,) = results(here / "r")
    assert name == "s [d=2,x=48,y=48,w=48,h=48]"
    folder, image = here / "r" / name, said(here / "r" / name)["image"]
    assert (image["name"], image["file"]) == (f"{name}.svs", "source.png")
    assert (image["region"], image["mpp"]) == ([48, 48, 48, 48], 0.5)
    assert (image["height"], image["width"], image["slide"]["level"]) == (24, 24, 1)
    with PIL.Image.open(folder / "source.png") as copy:
        wanted = values[48:96, 48:96].reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
        assert np.abs(np.asarray(copy) - wanted).max() <= 0.5
    (feature, *_) = json.loads((folder / "export.geojson").read_text())["features"]
    outline = shape(feature["geometry"])
    with PIL.Image.open(folder / "mask.png") as mask:
        rows, columns = np.nonzero(np.asarray(mask))
    assert outline.is_valid
    assert outline.area == 4 * len(rows) > 0
    assert outline.bounds == (
        48 + 2 * columns.min(), 48 + 2 * rows.min(),
        50 + 2 * columns.max(), 50 + 2 * rows.max(),
    )  # fmt: skip
    assert verify("r", "--model", model, "--image", path).status == 0
    copied = np.asarray(PIL.Image.open(folder / "source.png")).copy()
    copied[20, 20] ^= 1  # off the evidence, and nothing that moves a probability
    PIL.Image.fromarray(copied).save(folder / "source.png")
    digest = hashlib.sha256((folder / "source.png").read_bytes()).hexdigest()
    forge(folder, said(folder)["sha256"]["source"], digest)
    done = verify("r", "--model", model, "--image", path)
    assert done.status == 2
    assert "has other pixels in the region than the copy" in done.err[0]


def test_of_a_slide_with_bounds_polygons_are_counted_from_their_corner(run, here, model, instant):
    made = leica(here / "s.scn")  # scanned from pixel 40, 80 on
    words = ("--model", model, "--out", "r", "--geojson", "--region", "56,96,48,32")
    done = run(made.path, *words, "--mpp", "0.5")
    assert (done.status, done.err) == (0, [])
    (name,) = results(here / "r")
    assert said(here / "r" / name)["image"]["slide"]["bounds"] == [40, 80, 128, 96]
    features = json.loads((here / "r" / name / "export.geojson").read_text())["features"]
    outline = shape(features[0]["geometry"])  # the upper left quarter of 24 x 16 pixels
    assert outline.bounds == (56 - 40, 96 - 80, 56 - 40 + 2 * 12, 96 - 80 + 2 * 8)
    assert outline.area == 4 * 12 * 8


TILES = [f"s [d=2,x={x},y={y},w=48,h=48]" for x in (0, 48) for y in (0, 48)]


def test_tiles_are_results_of_their_own_without_those_of_glass(run, here, model, instant):
    path, values = lit(here / "s.tif")
    done = run(path, "--model", model, "--out", "r", "--tiles", "--mpp", "0.5")
    assert (done.status, done.err) == (0, [])
    assert results(here / "r") == sorted(TILES)
    told = (
        f"{path}: 6 tiles of 48 x 48 pixels of the full resolution, 0.5 microns per pixel; "
        "2 left out that show only glass."
    )
    assert told in done.out
    for _, image, _ in instant.calls:
        x, y, width, height = image.part.region
        wanted = values[y : y + height, x : x + width].reshape(24, 2, 24, 2, 3).mean(axis=(1, 3))
        assert np.abs(image.pixels.permute(1, 2, 0).numpy() * 255 - wanted).max() <= 0.5
        assert image.notes == ()


def test_a_process_of_its_own_explains_tiles_and_the_next_run_keeps_them(
    run, verify, here, model, quick
):
    path, _ = lit(here / "s.tif")
    words = (path, "--model", model, "--config", quick, *CHEAP, "--no-source", "--out", "r")
    words += ("--tiles", "--mpp", "0.5", "--region", "0,0,96,48", "--workers", 1)
    done = run(*words)
    assert (done.status, done.err) == (0, [])
    names = results_without_pictures(here / "r")
    assert [name[17:] for name in names] == [f"[d=2,x={x},y=0,w=48,h=48]" for x in (0, 48)]
    assert "s.tif" not in (here / "r" / names[0] / "explanation.json").read_text()
    command = said(here / "r" / names[0])["command"]  # a path may name a patient
    assert command[command.index("--model") + 1] == "..."
    assert any(line.startswith("2 images kept, 0 to do") for line in run(*words).out)
    assert verify("r", "--model", model).status == 2


def forge(folder, was, now):
    text = (folder / "explanation.json").read_text()
    (folder / "explanation.json").write_text(text.replace(was, now))
    rewrite_manifests(folder)


def results_without_pictures(out):
    return sorted(path.name for path in out.iterdir() if path.is_dir())


def test_shards_share_the_tiles_and_a_run_goes_on(run, here, model, instant):
    path, _ = lit(here / "s.tif")
    words = (path, "--model", model, "--out", "r", "--tiles", "--mpp", "0.5")
    for shard in ("1/2", "2/2"):
        assert run(*words, "--shard", shard).status == 0
    assert len(instant.calls) == 4
    assert sorted(p.name for p in (here / "r").iterdir() if p.is_dir()) == sorted(TILES)
    assert run(*words).status == 0
    assert len(instant.calls) == 4
    other = run(*words[:-1], "1.0", "--slide-mpp", "0.5")  # the same tiles, otherwise
    assert (other.status, len(instant.calls)) == (2, 4)
    assert "mpp: 0.5 then, 1.0 now" in other.err[0]
    assert "slide_mpp: None then, 0.5 now" in other.err[0]


def test_one_bad_slide_does_not_stop_the_others(run, here, model, instant):
    (here / "slides").mkdir()
    lit(here / "slides" / "a.tif")
    (here / "slides" / "b.svs").write_bytes(b"no slide")
    done = run("slides", "--model", model, "--out", "r", "--region", "0,0,48,48")
    assert (done.status, len(instant.calls), len(done.err)) == (2, 1, 1)
    assert "b.svs is no slide that OpenSlide reads" in done.err[0]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "is called as a slide (.svs), which is not read whole"),
        (("--mpp", "0.5"), "--mpp and --slide-mpp are of slides; say what is to be read"),
        (("--region", "1,2,3"), "region must be left edge"),
        (("--region", "100,0,48,48"), "beyond its edge"),
        (("--region", "0,0,48,48", "--mpp", "0.1"), "detail of 0.1 is not in it"),
        (("--tiles", "--mpp", "5"), "give a smaller --mpp or a larger --region"),
        (("--tiles", "--region", "96,0,48,96", "--mpp", "0.5"), "each of its 2 tiles shows only"),
    ],
)
def test_what_cannot_be_read_is_one_sentence(run, here, model, instant, words, said):
    path, _ = lit(here / "s.svs")
    done = run(path, "--model", model, "--out", "r", *words)
    assert (done.status, len(done.err), instant.calls) == (2, 1, [])
    assert said in done.err[0]
    assert not (here / "r").exists() or not list((here / "r").iterdir())


def test_a_region_that_the_classifier_sees_smaller_says_so(run, here, model, instant):
    path, _ = lit(here / "s.tif")
    assert (
        run(path, "--model", model, "--out", "r", "--region", "0,0,96,96", "--mpp", "0.5").status
        == 0
    )
    ((_, image, _),) = instant.calls
    assert image.notes == (
        "the region was read as 48 x 48 pixels and fitted to the classifier's input, which shows "
        "it at 1 microns per pixel; --tiles shows it as it was read",
    )
