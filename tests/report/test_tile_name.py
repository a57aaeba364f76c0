"""Names of tiles as QuPath writes them, and regions where they lie in the slide."""

import json
from dataclasses import replace

import pytest
from shapely.geometry import shape

from med_cam.errors import OutputError
from med_cam.images.slide_region import SlideRegion
from med_cam.report.export_geojson import geojson
from med_cam.report.result import read_result
from med_cam.report.tile_name import TilePlace, tile_place
from med_cam.report.write import write


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("case 7 [x=1024,y=2048,w=30,h=20].png", TilePlace(1024, 2048, (1.0, 1.0))),
        ("case 7 [d=4,x=8,y=0,w=120,h=80].png", TilePlace(8, 0, (4.0, 4.0))),
        ("folder/s [d=2.5,x=8,y=3,w=75,h=50,z=1,t=2].tif", TilePlace(8, 3, (2.5, 2.5))),
        ("twice [x=1,y=1,w=9,h=9] [x=5,y=6,w=30,h=20].png", TilePlace(5, 6, (1.0, 1.0))),
        ("by hand (4.00, x=8, y=3, w=120, h=80).tif", TilePlace(8, 3, (4.0, 4.0))),
        ("by hand (2,50, x=-8, y=3, w=75, h=50)", TilePlace(-8, 3, (2.5, 2.5))),
        ("s [x=1,y=2,w=30,h=20]-labelled.png", TilePlace(1, 2, (1.0, 1.0))),
        ("rounded [d=4,x=0,y=0,w=121,h=80].png", TilePlace(0, 0, (121 / 30, 4.0))),
    ],
)
def test_the_place_is_read(name, place):
    assert tile_place(name, 20, 30) == place


@pytest.mark.parametrize("name", ["scan.png", "[x=1].png", "x=1,y=2,w=30,h=20.png", ""])
def test_other_names_have_none(name):
    assert tile_place(name, 20, 30) is None


@pytest.mark.parametrize("size", ["w=30,h=30", "w=20,h=30", "w=0,h=0", "w=60,h=20"])
def test_a_region_of_another_shape_is_refused(size):
    with pytest.raises(OutputError, match="another shape"):
        tile_place(f"a [x=0,y=0,{size}].png", 20, 30)


BOUNDED = {"bounds": (900, 1900, 5000, 4000)}  # as of scanners that leave out what is empty


@pytest.mark.parametrize(("said", "corner"), [({}, (1000, 2000)), (BOUNDED, (100, 100))])
def test_regions_of_a_slide_lie_where_qupath_counts_from(
    tmp_path, bare, image, provenance, instant_figure, said, corner
):
    """Its source takes the bounds' corner for the origin of all that it shows."""
    place = {"x": 1000, "y": 2000, "region_width": 75, "region_height": 50, "downsample": 2.5}
    read = {"level": 1, "level_downsample": 2.0, "levels": 3, "vendor": "mirax", "reader": "a"}
    region = SlideRegion(width=9000, height=8000, **place, **read, **said)
    named = replace(provenance, slide=region, image_name="s [x=0,y=0,w=30,h=30].mrxs")
    write(bare, image, tmp_path / "tile", named)
    (feature,) = json.loads(geojson(read_result(tmp_path / "tile")))["features"]
    outline, (x, y) = shape(feature["geometry"]), corner
    assert outline.bounds == (x + 8 * 2.5, y + 5 * 2.5, x + 18 * 2.5, y + 11 * 2.5)
    assert outline.area == 60 * 2.5**2


def test_regions_lie_in_the_slide(tmp_path, bare, image, provenance, instant_figure):
    """The mask's box is rows 5 to 10 and columns 8 to 17 of 20 x 30 pixels."""
    named = replace(provenance, image_name="s [d=4,x=1000,y=2000,w=120,h=80].png")
    write(bare, image, tmp_path / "tile", named)
    (feature,) = json.loads(geojson(read_result(tmp_path / "tile")))["features"]
    outline = shape(feature["geometry"])
    assert outline.bounds == (1000 + 8 * 4, 2000 + 5 * 4, 1000 + 18 * 4, 2000 + 11 * 4)
    assert outline.area == 60 * 16
    assert feature["properties"]["measurements"]["Med-CAM: pixels"] == 60
