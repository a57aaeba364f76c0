"""LC25000 on a tiny made-up copy of its layout: turned copies of few tiles, kept together."""

import shutil

import pytest

from med_cam.errors import DataError
from med_cam_studies.data.collection import counts
from med_cam_studies.data.lc25000 import CLASSES, lc25000
from med_cam_studies.data.splits import split
from tiny_sets import (
    LC_FOLDERS,
    LC_GROUPS,
    LC_TILES,
    LC_VIEWS,
    save_picture,
    save_text,
    tiny_lc25000,
)


@pytest.fixture
def root(tmp_path):
    return tiny_lc25000(tmp_path / "lc")


def test_every_file_is_an_item_of_its_folders_class_and_its_own_tile(root):
    found = lc25000(root)
    assert {item.path for item in found.items} == set(root.rglob("*.jpeg"))
    assert counts(found.items, 5) == (LC_TILES * LC_VIEWS,) * 5
    assert found.missing == ()
    for item in found.items:
        name = item.path.parent.name
        assert CLASSES[item.label] == name
        number = int(item.path.stem.removeprefix(LC_FOLDERS[name][1]))
        assert item.group == f"{name}-{(number - 1) % LC_TILES}"


def test_files_of_colon_aca_are_called_colonca(root):
    colon = [item for item in lc25000(root).items if item.label == CLASSES.index("colon_aca")]
    assert all(item.path.name.startswith("colonca") for item in colon)
    assert len(colon) == LC_TILES * LC_VIEWS


def test_all_copies_of_a_tile_are_on_one_side(root):
    splits = split(lc25000(root).items, validated=0.2, tested=0.3)
    parts = (splits.fit, splits.validation, splits.testing)
    tiles = [{item.group for item in part} for part in parts]
    assert all(tiles)
    assert sum(map(len, tiles)) == 5 * LC_TILES
    assert sum(map(len, parts)) + splits.dropped.total == 5 * LC_TILES * LC_VIEWS


@pytest.mark.parametrize("above", ["archive", "a/b"])
def test_the_folder_may_be_doubled_and_the_table_lie_anywhere(root, tmp_path, above):
    names = [item.name for item in lc25000(root).items]
    shutil.move(root / "lung_colon_image_set", tmp_path / "new" / above / "lung_colon_image_set")
    shutil.move(root / LC_GROUPS, tmp_path / "new" / LC_GROUPS)
    assert [item.name for item in lc25000(tmp_path / "new").items] == names


def test_what_the_table_names_and_is_not_there_is_named(root):
    next(root.rglob("lungaca2.jpeg")).unlink()
    assert lc25000(root).missing == ("lung_aca/lungaca2.jpeg",)


def test_a_file_that_the_table_does_not_know_is_refused_by_its_name(root):
    folder = next(root.rglob("colonca1.jpeg")).parent
    save_picture(folder / "colonca999.jpeg", 999)
    with pytest.raises(DataError, match=r"source tile colon_aca/colonca999\.jpeg is of"):
        lc25000(root)


def test_a_blank_source_tile_is_none(root):
    text = (root / LC_GROUPS).read_text()
    save_text(root / LC_GROUPS, text.replace("lung_n-3\n", "\n", 1))
    with pytest.raises(DataError, match=r"source tile lung_n/lungn4\.jpeg is of"):
        lc25000(root)


def test_without_a_table_it_is_not_split(root):
    (root / LC_GROUPS).unlink()
    with pytest.raises(DataError, match=r"no SOURCE-TILE-GROUPS\.csv below .* leaks"):
        lc25000(root)


@pytest.mark.parametrize("name", LC_FOLDERS)
def test_a_missing_class_folder_is_reported_by_its_name(root, name):
    shutil.rmtree(next(root.rglob(name)))
    with pytest.raises(DataError, match=rf"files in .*{name};"):
        lc25000(root)


def test_the_large_pictures_beside_the_set_are_not_of_it(root):
    before = lc25000(root)
    save_picture(root / "original-size" / "colon_n_test_n0.jpeg", 0)
    assert lc25000(root) == before
