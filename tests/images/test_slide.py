"""A region of a slide has the pixels of the array that it was made of, wherever they are read."""

import hashlib
import io
import sys
from dataclasses import replace

import numpy as np
import PIL.Image
import pytest
import torch
from hypothesis import given, settings, strategies as st

from images.slides import halved, noise, slide, tissue
from med_cam.errors import ConfigError, ImageError, OutputError
from med_cam.images.area_mean import area_mean
from med_cam.images.from_python import image_of
from med_cam.images.image import Image
from med_cam.images.part import Part, region_of
from med_cam.images.read import read_image
from med_cam.images.slide import level_for, opened
from med_cam.images.slide_tiles import glass, tiles_of
from med_cam.recheck.document import other_dicom
from med_cam.report.document import fields_of
from med_cam.report.saved import Saved
from med_cam.report.source import source_of

VALUES = noise()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return slide(tmp_path_factory.mktemp("slide") / "s.tif", VALUES)


def levels(image):
    return (image.pixels * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def read(path, region, **said):
    return read_image(path, part=Part(region=region, **said))


@settings(max_examples=25)
@given(st.data())
def test_at_full_resolution_it_is_the_slice_of_the_array(path, data):
    x, y = data.draw(st.integers(0, 127)), data.draw(st.integers(0, 95))
    width, height = data.draw(st.integers(1, 128 - x)), data.draw(st.integers(1, 96 - y))
    found = read(path, (x, y, width, height), mpp=0.25)
    np.testing.assert_array_equal(levels(found), VALUES[y : y + height, x : x + width])
    assert (found.slide.x, found.slide.y, found.slide.level) == (x, y, 0)
    assert found.notes == ()


@pytest.mark.parametrize("below", [False, True], ids=["of level 2", "of level 0"])
@pytest.mark.parametrize("place", [(0, 0), (16, 8), (44, 4)])
def test_at_a_quarter_of_the_resolution_it_is_the_mean_of_sixteen_pixels(tmp_path, place, below):
    """To one of 255: the means of a level are rounded before."""
    x, y = place
    found = read(slide(tmp_path / "s.tif", VALUES, below=below), (x, y, 64, 80), mpp=1.0)
    wanted = VALUES[y : y + 80, x : x + 64].reshape(20, 4, 16, 4, 3).mean(axis=(1, 3))
    assert np.abs(levels(found) - wanted).max() <= 1
    said = found.slide
    assert (said.level, said.level_downsample) == ((0, 1.0) if below else (2, 4.0))
    assert (said.downsample, said.mpp, said.levels) == (4.0, 1.0, 1 if below else 3)


def test_between_two_levels_the_finer_one_is_read_and_each_pixel_is_a_mean(path):
    """At 0.8 microns of 0.25: 3.2 pixels a side, from the level of 2."""
    found = read(path, (0, 0, 128, 96), mpp=0.8)
    assert (found.slide.level, found.pixels.shape[1:]) == (1, (30, 40))
    fine = np.repeat(np.repeat(halved(VALUES).astype(float), 10, axis=0), 10, axis=1)
    wanted = fine.reshape(30, 16, 40, 16, 3).mean(axis=(1, 3))  # a tenth of a pixel is a cell
    assert np.abs(levels(found) - wanted).max() <= 0.51


@settings(max_examples=25)
@given(st.integers(1, 9), st.integers(10, 40), st.floats(0, 3))
def test_the_mean_of_an_area_is_that_of_its_parts(count, length, first):
    values = noise(1, 44)
    borders = np.linspace(first, first + length, count + 1)
    found = area_mean(values, np.array([0.0, 1.0]), borders)
    for i in range(count):
        cells = np.arange(44)
        share = np.clip(
            np.minimum(cells + 1, borders[i + 1]) - np.maximum(cells, borders[i]), 0, 1
        )
        wanted = (values[0] * share[:, None]).sum(axis=0) / share.sum()
        assert np.abs(found[0, i] - wanted).max() <= 0.501


@pytest.mark.parametrize("region", [(100, 0, 29, 10), (0, 90, 10, 7), (128, 0, 1, 1)])
def test_what_lies_beyond_the_edge_is_refused(path, region):
    with pytest.raises(ImageError, match=r"has 128 x 96 pixels.* beyond its edge"):
        read(path, region)
    assert read(path, (127, 95, 1, 1)).pixels.shape == (3, 1, 1)


def test_a_slide_that_does_not_say_its_resolution_is_refused_until_it_is_said(tmp_path):
    unknown = slide(tmp_path / "s.tif", VALUES, mpp=None)
    with pytest.raises(ImageError, match=r"does not say how large.* --slide-mpp 0\.25"):
        read(unknown, (0, 0, 64, 64), mpp=0.5)
    found = read(unknown, (0, 0, 64, 64), mpp=0.5, slide_mpp=0.25)
    np.testing.assert_array_equal(levels(found), halved(VALUES)[:32, :32])
    assert (found.slide.mpp, found.slide.mpp_file, found.notes) == (0.5, None, ())
    (note,) = read(unknown, (0, 0, 64, 64)).notes
    assert "full resolution (microns per pixel unknown)" in note


def test_what_is_declared_goes_before_what_the_file_says_and_is_a_note(path):
    found = read(path, (0, 0, 64, 64), mpp=1.0, slide_mpp=0.5)
    assert found.pixels.shape[1:] == (32, 32)
    assert found.slide.mpp_file == pytest.approx((0.25, 0.25))
    assert [n for n in found.notes if "says 0.25 microns per pixel, and 0.5 were declared" in n]


def test_detail_that_the_slide_has_not_is_refused_but_for_the_scanners_difference(path):
    with pytest.raises(ImageError, match=r"has 0\.25 microns per pixel, and detail of 0\.23"):
        read(path, (0, 0, 9, 9), mpp=0.23)
    found = read(path, (0, 0, 9, 9), mpp=0.24)
    np.testing.assert_array_equal(levels(found), VALUES[:9, :9])
    assert (found.slide.mpp, found.slide.downsample) == (pytest.approx(0.25), 1.0)
    assert [n for n in found.notes if "read at 0.25 microns per pixel, all that it has" in n]


@pytest.mark.parametrize("mpp", [0.2498, 0.2502])
def test_the_rounding_of_a_file_is_no_other_resolution(path, mpp):
    found = read(path, (3, 4, 90, 70), mpp=mpp)
    np.testing.assert_array_equal(levels(found), VALUES[4:74, 3:93])
    assert (found.notes, found.slide.downsample) == ((), 1.0)


def test_without_a_resolution_the_full_one_is_read_and_said(path):
    found = read(path, (5, 6, 30, 20))
    np.testing.assert_array_equal(levels(found), VALUES[6:26, 5:35])
    assert [n for n in found.notes if "full resolution (0.25 microns per pixel)" in n]


def test_a_region_takes_no_more_memory_than_an_image_may(path):
    part = Part(region=(0, 0, 128, 96))
    with pytest.raises(ImageError, match="too many pixels"):
        read_image(path, part=part, budget=128 * 96 * 40 - 1)
    read_image(path, part=part, budget=128 * 96 * 40)


def test_what_is_no_slide_is_one_sentence(tmp_path):
    for name, content in (("a.png", b"\x89PNG\r\n\x1a\n"), ("b.svs", b"II*\0 and no more")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ImageError, match="is no slide that OpenSlide reads"):
            read(tmp_path / name, (0, 0, 1, 1))
    (tmp_path / "c").write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(ImageError, match="is DICOM, of which no region is read"):
        read(tmp_path / "c", (0, 0, 1, 1))
    with pytest.raises(ImageError, match="does not exist"):
        read(tmp_path / "d.svs", (0, 0, 1, 1))


def test_without_openslide_the_sentence_says_what_to_install(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "openslide", None)
    with pytest.raises(ImageError, match=r"pip install \"med-cam-evidence\[slides\]\""):
        read(path, (0, 0, 1, 1))


@pytest.mark.parametrize("name", ["s.mrxs", "s.SVS", "s.ndpi"])
def test_what_is_called_a_slide_is_not_read_whole(tmp_path, name):
    """A .mrxs file is a JPEG of the whole glass: it would be read."""
    (tmp_path / name).write_bytes(b"\xff\xd8\xff\xe0 a picture of the glass")
    with pytest.raises(ImageError, match=r"not read whole: .*--region X,Y,W,H --mpp M.*--tiles"):
        read_image(tmp_path / name)


def test_what_was_not_scanned_has_the_colour_of_the_slide():
    from med_cam.images.slide import on_background

    class Slide:
        properties = {"openslide.background-color": "0a141e"}  # noqa: RUF012

    pixels = np.array([[[100, 110, 120, 255], [9, 9, 9, 0], [200, 200, 200, 51]]], dtype=np.uint8)
    found = on_background(pixels, Slide)
    assert found.tolist() == [[[100, 110, 120], [10, 20, 30], [48, 56, 64]]]
    Slide.properties = {}
    assert on_background(pixels, Slide)[0, 1].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("wanted", "level"), [(1.0, 0), (1.9, 0), (1.99, 1), (3.9, 1), (4.0, 2), (99.0, 2)]
)
def test_the_coarsest_level_that_is_fine_enough_is_read(wanted, level):
    assert level_for((1.0, 2.0, 4.0), wanted) == level
    assert level_for((1.0, 2.002, 4.004), wanted) == level


@pytest.mark.parametrize("text", ["1,2,3", "1,2,3,0", "-1,2,3,4", "a,b,c,d", "1.5,2,3,4", ""])
def test_what_is_no_region_is_refused(text):
    with pytest.raises(ConfigError, match="region must be left edge"):
        region_of(text)
    assert region_of("1, 2,3,4") == (1, 2, 3, 4)


@pytest.mark.parametrize(
    "said",
    [{"region": (0, 0, 1, 0)}, {"region": (-1, 0, 1, 1)}, {"mpp": 0.5}, {"slide_mpp": 0.5},
     {"region": (0, 0, 1, 1), "mpp": 0.0}, {"region": (0, 0, 1, 1), "slide_mpp": 1001.0}],
)  # fmt: skip
def test_a_part_is_refused_that_no_slide_has(said):
    with pytest.raises(ConfigError):
        Part(**said)


def test_tiles_lie_side_by_side_and_glass_is_left_out(tmp_path):
    """128 x 96 pixels in tiles of 12 x 10 at half the resolution, 24 x 20 of the full one."""
    with opened(slide(tmp_path / "s.tif", tissue())) as found:
        tiles = tiles_of(found, Part(region=(0, 0, 128, 96), mpp=0.5), (10, 12), "s")
    assert (tiles.count, tiles.side, tiles.rest) == (5 * 4, (24, 20), (8, 16))
    assert (tiles.downsample, tiles.mpp) == (2.0, 0.5)
    wanted = [(x, y, 24, 20) for y in (0, 20, 40) for x in (0, 24, 48)]  # tissue to 64, 48
    assert list(tiles.regions) == wanted


def test_tiles_of_a_region_begin_in_its_corner(tmp_path):
    with opened(slide(tmp_path / "s.tif", tissue())) as found:
        tiles = tiles_of(found, Part(region=(7, 9, 50, 30), mpp=0.25), (20, 20), "s")
        assert tiles.regions == ((7, 9, 20, 20), (27, 9, 20, 20))
        with pytest.raises(ImageError, match="each of its 4 tiles shows only glass"):
            tiles_of(found, Part(region=(80, 50, 40, 40), mpp=0.25), (20, 20), "s")
        with pytest.raises(ImageError, match=r"a tile takes 80 x 80 pixels.*there are 50 x 30"):
            tiles_of(found, Part(region=(7, 9, 50, 30), mpp=1), (20, 20), "s")


@pytest.mark.parametrize(
    ("colour", "is_glass"),
    [((240, 240, 240), True), ((255, 250, 245), True), ((0, 0, 0), True), ((179, 179, 179), False),
     ((240, 240, 224), False), ((180, 60, 140), False), ((11, 11, 11), False)],
)  # fmt: skip
def test_glass_is_bright_and_grey_or_black(colour, is_glass):
    assert glass(np.full((2, 2, 3), colour, dtype=np.uint8)) == is_glass


def test_a_tile_is_kept_from_a_twentieth_of_tissue_on(tmp_path):
    for rows, kept in ((2, False), (3, True)):  # of 40
        values = np.full((48, 48, 3), 240, dtype=np.uint8)
        values[:rows, :] = (180, 60, 140)
        with opened(slide(tmp_path / f"{rows}.tif", values, levels=1)) as found:
            if kept:
                assert len(tiles_of(found, Part(), (40, 40), "s").regions) == 1
            else:
                with pytest.raises(ImageError, match="only glass"):
                    tiles_of(found, Part(), (40, 40), "s")


def test_an_image_knows_its_place(path):
    found = read(path, (4, 8, 16, 12), mpp=0.5)
    assert isinstance(found, Image)
    said = found.slide
    assert (said.width, said.height, said.vendor) == (128, 96, "generic-tiff")
    assert (said.x, said.y, said.region_width, said.region_height) == (4, 8, 16, 12)
    assert said.reader.startswith("OpenSlide ")
    assert said.bounds is None


def test_python_takes_the_part_and_the_copy_is_the_regions_pixels(path):
    part = Part(region=(4, 8, 16, 12), mpp=0.5)
    found = image_of(path, part=part)
    torch.testing.assert_close(found.pixels, read_image(path, part=part).pixels)
    copy = source_of(found)
    assert copy.name == "source.png"
    with PIL.Image.open(io.BytesIO(copy.content)) as picture:
        np.testing.assert_array_equal(np.asarray(picture), levels(found))
    assert source_of(found, kept=False).sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(ConfigError, match="part is of a file"):
        image_of(VALUES, part=part)


def test_a_slide_that_was_changed_meanwhile_is_not_copied(tmp_path):
    own = slide(tmp_path / "s.tif", VALUES)
    found = read(own, (0, 0, 8, 8))
    slide(own, 255 - VALUES)
    with pytest.raises(OutputError, match="was changed while it was explained"):
        source_of(found)


def test_what_a_result_says_of_its_slide_is_compared(path, tmp_path):
    found = read(path, (4, 8, 16, 12), mpp=0.5)
    said = fields_of(found.slide)
    mask = torch.zeros(6, 8, dtype=torch.bool)
    saved = Saved(tmp_path, {"image": {"slide": said}}, found, mask)
    assert list(other_dicom(saved)) == []
    forged = replace(saved, document={"image": {"slide": said | {"level": 0}}})
    assert [difference.path for difference in other_dicom(forged)] == ["image.slide.level"]
