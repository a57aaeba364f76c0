"""The Brain MRI data set on a tiny made-up copy of its layout."""

import random
import shutil
from collections import Counter

import pytest
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.brain_mri import CLASSES, brain_mri
from med_cam_studies.data.splits import split
from tiny_brain_mri import picture, tiny_brain_mri


@pytest.fixture
def root(tmp_path):
    return tiny_brain_mri(tmp_path / "data")


def splits_of(root, **shares):
    return split(brain_mri(root).items, **shares)


def contents(items):
    return [item.path.read_bytes() for item in items]


def used(splits):
    return [*splits.fit, *splits.validation, *splits.testing]


def test_every_file_is_an_item_of_its_folders_part_and_class(root):
    items = brain_mri(root).items
    assert {item.path for item in items} == set(root.rglob("*.jpg"))
    for item in items:
        assert item.path.parent.name == CLASSES[item.label]
        assert item.path.parent.parent.name.lower() == item.part


def test_no_content_is_in_two_parts_or_twice_in_one(root):
    everything = contents(used(splits_of(root, validated=0.3)))
    assert len(set(everything)) == len(everything)


def test_a_twin_across_the_parts_is_left_out_of_the_test_set_and_never_of_the_training_set(root):
    splits = splits_of(root)
    twin = (root / "Training" / "glioma" / "Tr_000.jpg").read_bytes()
    (root / "Testing" / "glioma" / "Te_twin.jpg").write_bytes(twin)
    again = splits_of(root)
    assert again.fit == splits.fit
    assert again.testing == splits.testing
    new = set(contents(again.dropped.across)) - set(contents(splits.dropped.across))
    assert new == {twin}
    assert again.dropped.total == splits.dropped.total + 1


def test_copies_are_sorted_by_where_their_twins_are(root):
    dropped = splits_of(root).dropped
    assert {item.path.stem for item in dropped.within} == {"Tr_copy", "Te_copy"}
    assert {item.path.stem for item in dropped.across} == {"Te_across"}
    assert len(dropped.within) == 8
    assert len(dropped.across) == 4
    assert not dropped.contradictory


def test_every_content_is_kept_once_and_every_copy_counted(root):
    splits = splits_of(root)
    files = Counter(path.read_bytes() for path in root.rglob("*.jpg"))
    assert sorted(contents(used(splits))) == sorted(files)
    assert splits.dropped.total == files.total() - len(files) > 0


def test_the_validation_part_does_not_depend_on_file_names(root):
    before = set(contents(splits_of(root, validated=0.5).validation))
    paths = sorted((root / "Training").rglob("*.jpg"))
    for number, path in enumerate(random.Random(0).sample(paths, len(paths))):
        path.rename(path.with_name(f"renamed_{number:03}.jpg"))
    assert set(contents(splits_of(root, validated=0.5).validation)) == before
    assert before


@pytest.mark.parametrize("part", ["Training", "Testing"])
def test_a_missing_class_folder_is_reported_by_its_name(root, part):
    folder = root / part / "notumor"
    folder.rename(root / "elsewhere")
    with pytest.raises(DataError, match=f"{part}.notumor"):
        brain_mri(root)


def test_a_missing_part_is_reported_by_its_name(root):
    shutil.rmtree(root / "Testing")
    with pytest.raises(DataError, match="Training, Testing"):
        brain_mri(root)


def test_a_doubled_folder_and_pictures_beside_the_parts_change_nothing(root, tmp_path):
    names = [item.name for item in brain_mri(root).items]
    (root / "original-size" / "glioma").mkdir(parents=True)
    shutil.copy(root / "Testing" / "glioma" / "Te_000.jpg", root / "original-size" / "glioma")
    shutil.copytree(root, tmp_path / "archive" / "archive")
    shutil.rmtree(root)
    assert [item.name for item in brain_mri(tmp_path).items] == names


def test_files_that_differ_in_their_suffix_alone_are_two(root):
    before = len(brain_mri(root).items), len(used(splits_of(root)))
    Pillow.fromarray(picture(999)).save(root / "Training" / "glioma" / "Tr_000.png")
    items = brain_mri(root).items
    assert len({item.name for item in items}) == len(items) == before[0] + 1
    assert len(used(splits_of(root))) == before[1] + 1
