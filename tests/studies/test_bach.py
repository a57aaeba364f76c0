"""BACH on a tiny made-up copy of its layout: a provider's table without a header, eva's split."""

import shutil

import pytest
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.bach import CLASSES, RELEASED, bach, part_of, position
from med_cam_studies.data.collection import counts
from med_cam_studies.data.pixels import square
from med_cam_studies.data.splits import split
from tiny_sets import BACH_NUMBERS, BACH_PREFIXES, BACH_TABLE, noise, save_text, tiny_bach

# kaiko-ai/eva, half open, in the 400 files sorted by folder and name
EVA = ((0, 41), (59, 60), (90, 139), (169, 240), (258, 260), (273, 345), (368, 400))
VALIDATION = {*range(92, 100), *range(190, 200), *range(290, 300), *range(388, 400)}
SORTED = sorted((c, f"{BACH_PREFIXES[c]}{n:03}") for c in BACH_PREFIXES for n in range(1, 101))


def evas_part(name, stem):
    place = SORTED.index((name, stem))
    if place in VALIDATION:
        return "validation"
    return "training" if any(first <= place < end for first, end in EVA) else "testing"


@pytest.fixture
def photos(tmp_path):
    return tiny_bach(tmp_path)


def test_each_of_the_400_has_the_part_that_eva_gives_it():
    for name, stem in SORTED:
        label = CLASSES.index(name)
        assert part_of(position(stem, label), label) == evas_part(name, stem)


def test_training_and_validation_are_evas_training_part_and_the_test_set_is_the_rest():
    parts = [evas_part(*known) for known in SORTED]
    assert parts.count("testing") == 132
    assert parts.count("validation") == round(0.15 * 268)


def test_a_part_is_found_from_the_number_and_not_from_the_place_in_the_folder(photos, tmp_path):
    items = bach(tmp_path).items
    names = [f"{c}/{BACH_PREFIXES[c]}{n:03}.tif" for c in CLASSES for n in BACH_NUMBERS[c]]
    assert [item.name for item in items] == names
    for item in items:
        assert item.path == photos / item.name
        assert item.part == evas_part(item.path.parent.name, item.path.stem)
        assert CLASSES[item.label] == item.path.parent.name
    assert {item.part for item in items} == {"training", "validation", "testing"}


def test_the_split_is_the_items_own(photos):
    splits = split(bach(photos).items, validated=0.9, tested=0.9)
    for part in ("validation", "testing"):
        assert {item.part for item in getattr(splits, part)} == {part}
    assert {item.part for item in splits.fit} == {"training"}
    assert splits.dropped.total == 0


@pytest.mark.parametrize("above", ["", "doubled"])
def test_the_root_may_be_above_or_below_and_the_folder_doubled(photos, tmp_path, above):
    names = [item.name for item in bach(photos).items]
    if above:
        shutil.move(photos.parent, tmp_path / above / photos.parent.name)
    assert [item.name for item in bach(tmp_path).items] == names


def test_what_the_table_names_and_is_not_there_is_named(photos):
    assert bach(photos).missing == ()
    (photos / "InSitu" / "is069.tif").unlink()
    found = bach(photos)
    assert found.missing == ("is069.tif",)
    assert len(found.items) == sum(map(len, BACH_NUMBERS.values())) - 1


def test_a_table_that_contradicts_the_folder_is_reported_and_the_folder_counts(photos):
    table = photos / BACH_TABLE
    text = table.read_bytes().decode()
    assert "\r\n" in text
    save_text(table, text.replace("b042.tif,Benign", "b042.tif,InSitu"))
    found = bach(photos)
    (sentence,) = found.contradictions
    assert sentence == f"b042.tif lies in Benign, and {BACH_TABLE} calls it InSitu"
    assert [item.label for item in found.items if item.path.stem == "b042"] == [0]
    assert found.missing == ()


@pytest.mark.parametrize("other", ["Benign", "Normal"])
def test_a_picture_that_lies_in_two_folders_is_reported(photos, other):
    shutil.copy(photos / "InSitu" / "is069.tif", photos / other / "is069.tif")
    (sentence,) = bach(photos).contradictions
    assert sentence == f"is069.tif lies in {other}, and {BACH_TABLE} calls it InSitu"


@pytest.mark.parametrize("there", BACH_PREFIXES)
def test_a_picture_misfiled_into_another_class_is_never_to_test_on(photos, there):
    for name, prefix in BACH_PREFIXES.items():
        if name != there:
            Pillow.fromarray(noise(0)).save(photos / there / f"{prefix}050.tif")
    strange = [item for item in bach(photos).items if item.path.stem.endswith("050")]
    assert len(strange) == 3
    assert "testing" not in {item.part for item in strange}


def test_without_a_table_the_folders_are_the_labels(photos):
    items = bach(photos).items
    (photos / BACH_TABLE).unlink()
    found = bach(photos)
    assert found.items == items
    assert found.missing == found.contradictions == ()
    assert counts(found.items, 4) == tuple(len(BACH_NUMBERS[c]) for c in CLASSES)


def test_the_provider_has_a_hundred_of_each():
    assert RELEASED[""] == (100,) * 4


def test_a_missing_class_folder_is_reported(photos, tmp_path):
    shutil.rmtree(photos / "Invasive")
    with pytest.raises(DataError, match="Benign, InSitu, Invasive, Normal"):
        bach(tmp_path)


def test_an_empty_class_folder_is_reported_by_its_name(photos, tmp_path):
    for path in (photos / "Invasive").iterdir():
        path.rename(path.with_suffix(".png"))
    with pytest.raises(DataError, match=r"no \.tif or \.tiff files in .*Invasive"):
        bach(tmp_path)


def test_jpeg_in_tiff_in_ycbcr_is_read_in_colour(photos):
    path = photos / "Benign" / "b001.tif"
    with Pillow.open(path) as picture:
        assert (picture.tag_v2[259], picture.tag_v2[262]) == (7, 6)
    Pillow.new("RGB", (16, 16), (200, 30, 60)).convert("YCbCr").save(path, compression="jpeg")
    mean = square(path, size=16, channels=3).float().mean(dim=(1, 2)).tolist()
    assert mean == pytest.approx([200, 30, 60], abs=3)
