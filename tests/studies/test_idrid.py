"""IDRiD on a tiny made-up copy of its layout: two sets with equal names, grades in dispute."""

import shutil

import pytest
import torch
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.findings import finding
from med_cam_studies.data.idrid import idrid
from med_cam_studies.data.splits import split
from tiny_sets import (
    IDRID_GRADES,
    IDRID_HEADER,
    IDRID_MISSING,
    idrid_image,
    idrid_table,
    lesion_mask,
    save_text,
    tiny_idrid,
)

WORDS = {"Training": "training", "Testing": "testing"}
THERE = [  # part, number, grade
    (WORDS[word], number, grade)
    for word, grades in IDRID_GRADES.items()
    for number, grade in grades.items()
    if number != IDRID_MISSING[word]
]
FINDINGS = {
    "MA": "microaneurysms",
    "HE": "haemorrhages",
    "EX": "hard exudates",
    "SE": "soft exudates",
}


@pytest.fixture
def root(tmp_path):
    return tiny_idrid(tmp_path / "idrid")


def rows_of(collection):
    return [(item.part, int(item.path.stem[-3:]), item.label) for item in collection.items]


def names(items):
    return {item.name for item in items}


def test_every_graded_image_is_there_once_in_its_own_set(root):
    found = idrid(root)
    assert rows_of(found) == THERE
    for item in found.items:
        word = "Training" if item.part == "training" else "Testing"
        assert item.path == idrid_image(root, word, int(item.path.stem[-3:]))


def test_equal_file_names_in_the_two_sets_are_two_eyes(root):
    items = idrid(root).items
    first = [item for item in items if item.path.name == "IDRiD_001.jpg"]
    assert [(item.part, item.label) for item in first] == [("training", 0), ("testing", 1)]
    assert len(names(items)) == len(items)


def test_an_image_that_a_table_names_and_that_is_not_there_is_named_with_its_set(root):
    assert idrid(root).missing == ("a. Training Set/IDRiD_021.jpg", "b. Testing Set/IDRiD_005.jpg")


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text,
        lambda text: text.replace("\r\n", "\n"),
        lambda text: text.replace("edema ,", "edema,"),
        lambda text: text.replace(",,,,,,,,,\r\n", "\r\n"),
        lambda text: text + ",,,,,,,,,,,\r\n",
    ],
)
def test_the_training_table_is_read_as_shipped_and_as_editors_leave_it(root, change):
    table = idrid_table(root, "Training")
    text = table.read_bytes().decode()
    assert text.startswith(f"{IDRID_HEADER},,,,,,,,,\r\n")
    save_text(table, change(text))
    assert rows_of(idrid(root)) == THERE


def test_copies_with_two_grades_all_go_within_training_and_across_the_sets(root):
    dropped = split(idrid(root).items).dropped
    assert names(dropped.contradictory) == {
        *("Training/IDRiD_003", "Training/IDRiD_007"),
        *("Training/IDRiD_004", "Testing/IDRiD_002"),
    }


def test_copies_with_one_grade_leave_one_and_that_to_fit_on(root):
    splits = split(idrid(root).items)
    assert names(splits.dropped.within) == {"Training/IDRiD_006"}
    assert names(splits.dropped.across) == {"Testing/IDRiD_003"}
    known = names([*splits.fit, *splits.validation])
    assert {"Training/IDRiD_002", "Training/IDRiD_005"} <= known
    assert names(splits.testing) == {"Testing/IDRiD_001", "Testing/IDRiD_004"}


@pytest.mark.parametrize(
    "above",
    [
        "",
        "archive/archive",
        "B.%20Disease%20Grading",
    ],
)
def test_folders_may_be_doubled(root, tmp_path, above):
    found = idrid(root)
    shutil.copytree(root, tmp_path / "moved" / above)
    moved = idrid(tmp_path / "moved")
    assert rows_of(moved) == THERE
    assert [item.name for item in moved.outlined] == [item.name for item in found.outlined]


def test_a_set_that_is_there_twice_counts_once(root, tmp_path):
    shutil.copytree(root, root / "copy")
    found = idrid(root)
    assert rows_of(found) == THERE
    assert [item.name for item in found.outlined] == [
        "Segmentation/IDRiD_01",
        "Segmentation/IDRiD_02",
        "Segmentation/IDRiD_55",
    ]


def test_an_outlined_eye_has_a_mask_for_each_lesion_found_in_it_and_no_grade(root):
    eyes = {item.path.stem: item for item in idrid(root).outlined}
    found = {stem: set(eye.masks) for stem, eye in eyes.items()}
    every = set(FINDINGS.values())
    assert found == {
        "IDRiD_01": every - {"soft exudates"},
        "IDRiD_02": every,
        "IDRiD_55": every,
    }
    assert {eye.label for eye in eyes.values()} == {-1}


def test_palette_masks_of_0_and_1_are_read_as_they_were_drawn(root):
    for eye in idrid(root).outlined:
        for letters, words in FINDINGS.items():
            if words in eye.masks:
                with Pillow.open(eye.masks[words]) as picture:
                    assert picture.mode == "P"
                    assert picture.getextrema() == (0, 1)
                drawn = torch.from_numpy(lesion_mask(letters))
                assert torch.equal(finding(eye.masks[words]), drawn)


def test_part_b_does_without_part_a(root):
    shutil.rmtree(root / "A. Segmentation")
    found = idrid(root)
    assert rows_of(found) == THERE
    assert found.outlined == ()


@pytest.mark.parametrize("grade", ["5", "", "-1", "mild"])
def test_a_grade_that_is_none_is_refused(root, grade):
    table = idrid_table(root, "Testing")
    save_text(table, f"{IDRID_HEADER}\r\nIDRiD_001,{grade},0\r\n")
    with pytest.raises(DataError, match=rf"gives IDRiD_001 the grade '{grade}'"):
        idrid(root)


def test_a_name_with_two_grades_is_refused(root):
    table = idrid_table(root, "Testing")
    save_text(table, f"{IDRID_HEADER}\r\nIDRiD_001,1,0\r\nIDRiD_001,1,1\r\nIDRiD_001,2,0\r\n")
    with pytest.raises(DataError, match="gives IDRiD_001 the grades 1 and 2"):
        idrid(root)


@pytest.mark.parametrize("word", ["Training", "Testing"])
def test_a_missing_table_is_reported_by_its_name(root, word):
    idrid_table(root, word).unlink()
    with pytest.raises(DataError, match=f"{word} Labels.csv"):
        idrid(root)


def test_tables_without_a_single_image_are_refused(root):
    shutil.rmtree(root / "B. Disease Grading" / "1. Original Images")
    with pytest.raises(DataError, match=r"none of the 16 graded images"):
        idrid(root)
