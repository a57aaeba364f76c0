"""HAM10000 on a tiny made-up copy of its layout: a table as the only label, lesions together."""

import shutil

import pytest
import torch
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.collection import counts
from med_cam_studies.data.findings import finding
from med_cam_studies.data.ham10000 import CLASSES, ham10000
from med_cam_studies.data.splits import split
from tiny_sets import (
    HAM_LESIONS,
    HAM_MASKS,
    HAM_PARTS,
    HAM_ROWS,
    ham_outline,
    ham_table,
    save_picture,
    save_text,
    tiny_ham10000,
)

ROWS = sorted((image, dx, lesion) for lesion, image, dx in HAM_ROWS)
TABLE = "HAM10000_metadata"


@pytest.fixture
def root(tmp_path):
    return tiny_ham10000(tmp_path / "ham")


def rows_of(collection):
    return [(item.name, CLASSES[item.label], item.group) for item in collection.items]


def test_every_row_of_the_table_is_an_image_with_its_lesion(root):
    found = ham10000(root)
    assert rows_of(found) == ROWS
    assert all(item.path.stem == item.name for item in found.items)
    assert {item.path.parent.name for item in found.items} == set(HAM_PARTS)
    assert found.missing == ()
    assert counts(found.items, 7) == tuple(
        sum(dx == name for _, dx, _ in ROWS) for name in CLASSES
    )


@pytest.mark.parametrize(
    "parts",
    [
        ("HAM10000_images",),
        ("ham10000_images_part_1", "ham10000_images_part_2"),
        ("HAM10000 images part 1", "HAM10000 images part 2"),
        ("a/HAM10000_images_part_1/HAM10000_images_part_1", "a/HAM10000_images_part_2"),
    ],
)
def test_images_lie_in_one_folder_or_two_as_mirrors_have_them(tmp_path, parts):
    assert rows_of(ham10000(tiny_ham10000(tmp_path, parts=parts))) == ROWS


def test_folders_that_are_there_twice_in_two_spellings_count_once(root):
    for name in HAM_PARTS:
        shutil.copytree(root / name, root / name.lower())
    found = ham10000(root)
    assert rows_of(found) == ROWS
    assert {item.path.parent.name for item in found.items} == set(HAM_PARTS)


def test_the_image_folder_itself_may_be_the_root(tmp_path):
    root = tiny_ham10000(tmp_path, parts=("HAM10000_images",))
    shutil.move(root / TABLE, root / "HAM10000_images")
    assert rows_of(ham10000(root / "HAM10000_images")) == ROWS


@pytest.mark.parametrize(
    ("name", "separator", "more"),
    [
        (TABLE, ",", ()),
        (f"{TABLE}.csv", ",", ()),
        (f"{TABLE}.tab", "\t", ("dataset",)),
        (f"deep/below/{TABLE}.csv", ",", ("dataset",)),
    ],
)
def test_the_table_may_have_any_suffix_and_further_columns(root, name, separator, more):
    (root / TABLE).unlink()
    save_text(root / name, ham_table(HAM_ROWS, separator, more))
    assert rows_of(ham10000(root)) == ROWS


def test_every_outline_is_of_its_image_and_read_as_it_was_drawn_in_every_mode(root):
    modes = set()
    for item in ham10000(root).items:
        (path,) = item.masks.values()
        assert path.stem == f"{item.name}_segmentation"
        with Pillow.open(path) as picture:
            modes.add(picture.mode)
        assert torch.equal(finding(path), torch.from_numpy(ham_outline()))
    assert modes == {"1", "L", "P"}


def test_an_image_without_an_outline_has_none(root):
    image = ROWS[3][0]
    (root / HAM_MASKS / f"{image}_segmentation.png").unlink()
    without = [item.name for item in ham10000(root).items if not item.masks]
    assert without == [image]


def test_without_masks_the_set_is_whole(root):
    shutil.rmtree(root / HAM_MASKS)
    found = ham10000(root)
    assert rows_of(found) == ROWS
    assert not any(item.masks for item in found.items)


def test_pictures_of_another_size_beside_the_set_are_not_of_it(root):
    image = ROWS[0][0]
    before = ham10000(root)
    save_picture(root / "original-size" / f"{image}.jpg", 7)
    save_picture(root / "original-size" / f"{image}_segmentation.png", 7)
    assert ham10000(root) == before
    shutil.copytree(root / HAM_PARTS[0], root / "original-size" / HAM_PARTS[0])
    shutil.copytree(root / HAM_MASKS, root / "original-size" / HAM_MASKS)
    assert ham10000(root) == before


def test_an_image_that_the_table_names_and_that_is_not_there_is_named(root):
    image = ROWS[4][0]
    next(root.rglob(f"{image}.jpg")).unlink()
    found = ham10000(root)
    assert found.missing == (f"{image}.jpg",)
    assert rows_of(found) == [row for row in ROWS if row[0] != image]


def test_an_image_that_the_table_does_not_know_has_no_label_and_is_left_out(root):
    save_picture(root / HAM_PARTS[0] / "ISIC_9999999.jpg", 7)
    assert rows_of(ham10000(root)) == ROWS


def test_all_images_of_a_lesion_are_on_one_side(root):
    splits = split(ham10000(root).items, validated=0.3, tested=0.3)
    parts = (splits.fit, splits.validation, splits.testing)
    lesions = [{item.group for item in part} for part in parts]
    assert all(lesions)
    assert sum(map(len, lesions)) == HAM_LESIONS
    assert sum(map(len, parts)) == len(HAM_ROWS)


def test_what_is_drawn_depends_on_the_lesions_alone(root):
    """Not on the images' numbers or bytes, so that a re-encoded copy has the same split."""
    before = split(ham10000(root).items)
    renumbered = [(lesion, f"ISIC_9{i:06}", dx) for i, (lesion, _, dx) in enumerate(HAM_ROWS)]
    for seed, ((_, old, _), (_, new, _)) in enumerate(zip(HAM_ROWS, renumbered, strict=True)):
        next(root.rglob(f"{old}.jpg")).unlink()
        save_picture(root / HAM_PARTS[0] / f"{new}.jpg", 1000 + seed)
    save_text(root / TABLE, ham_table(renumbered))
    after = split(ham10000(root).items)
    for part in ("fit", "validation", "testing"):
        assert {i.group for i in getattr(after, part)} == {i.group for i in getattr(before, part)}


def changed(root, row, **kwargs):
    save_text(root / TABLE, ham_table([*HAM_ROWS[:-1], row], **kwargs))


def test_a_lesion_with_two_diagnoses_is_refused(root):
    lesion, image, dx = HAM_ROWS[-1]
    changed(root, (lesion, image, "nv" if dx != "nv" else "mel"))
    with pytest.raises(DataError, match=rf"the lesion {lesion} is called .* and"):
        ham10000(root)


@pytest.mark.parametrize("dx", ["scc", "", "NV"])
def test_a_diagnosis_that_the_set_does_not_have_is_refused(root, dx):
    lesion, image, _ = HAM_ROWS[-1]
    changed(root, (lesion, image, dx))
    with pytest.raises(DataError, match=rf"{image} has the diagnosis '{dx}'"):
        ham10000(root)


def test_an_image_without_a_lesion_is_refused(root):
    _, image, dx = HAM_ROWS[-1]
    changed(root, ("", image, dx))
    with pytest.raises(DataError, match=rf"{image} has no lesion_id"):
        ham10000(root)


def test_an_image_that_the_table_names_twice_is_refused(root):
    changed(root, HAM_ROWS[0])
    with pytest.raises(DataError, match=rf"more than one row for {HAM_ROWS[0][1]};"):
        ham10000(root)


def test_without_a_table_there_are_no_labels(root):
    (root / TABLE).unlink()
    with pytest.raises(DataError, match="no HAM10000_metadata"):
        ham10000(root)


def test_a_table_with_other_columns_is_reported(root):
    text = ham_table(HAM_ROWS).replace("dx,", "diagnosis_1,", 1)
    save_text(root / TABLE, text)
    with pytest.raises(DataError, match=r"lacks the column 'dx'"):
        ham10000(root)


def test_without_an_image_folder_its_names_are_reported(root):
    for name in HAM_PARTS:
        shutil.move(root / name, root / name.replace("HAM10000_", ""))
    with pytest.raises(DataError, match="no folder HAM10000_images_part_1"):
        ham10000(root)
