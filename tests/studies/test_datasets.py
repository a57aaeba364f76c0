"""The Brain MRI splits on a tiny made-up copy of the data set's layout."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image as Pillow

from med_cam.errors import ImageError
from med_cam.studies.datasets import (
    BRAIN_MRI_CLASSES,
    Labelled,
    brain_mri,
    near_copies,
    pixels,
    square,
)
from tiny_brain_mri import SIDE, picture, tiny_brain_mri


@pytest.fixture
def root(tmp_path):
    return tiny_brain_mri(tmp_path / "data")


def contents(items):
    return [item.path.read_bytes() for item in items]


def test_no_content_is_in_two_splits_or_twice_in_one(root):
    splits = brain_mri(root, validation_share=0.3)
    everything = contents([*splits.fit, *splits.validation, *splits.testing])
    assert len(set(everything)) == len(everything)


def test_a_twin_across_the_splits_is_taken_from_testing_and_never_from_training(root):
    splits = brain_mri(root)
    twin = (root / "Training" / "glioma" / "Tr_000.jpg").read_bytes()
    (root / "Testing" / "glioma" / "Te_twin.jpg").write_bytes(twin)
    again = brain_mri(root)
    assert again.fit == splits.fit
    assert again.testing == splits.testing
    assert again.dropped == splits.dropped + 1


def test_every_content_is_kept_once_and_every_copy_counted(root):
    splits = brain_mri(root)
    files = [path.read_bytes() for path in root.rglob("*.jpg")]
    kept = len(splits.fit) + len(splits.validation) + len(splits.testing)
    assert kept == len(set(files))
    assert splits.dropped == len(files) - kept > 0


def test_labels_are_those_of_the_folders(root):
    splits = brain_mri(root)
    for item in [*splits.fit, *splits.validation, *splits.testing]:
        assert item.path.parent.name == BRAIN_MRI_CLASSES[item.label]


def test_the_validation_part_does_not_depend_on_file_names(root):
    before = set(contents(brain_mri(root, validation_share=0.5).validation))
    paths = sorted((root / "Training").rglob("*.jpg"))
    for number, path in enumerate(random.Random(0).sample(paths, len(paths))):
        path.rename(path.with_name(f"renamed_{number:03}.jpg"))
    assert set(contents(brain_mri(root, validation_share=0.5).validation)) == before
    assert before


@pytest.mark.parametrize("split", ["Training", "Testing"])
def test_a_missing_class_folder_is_told_by_its_name(root, split):
    folder = root / split / "notumor"
    folder.rename(root / "elsewhere")
    with pytest.raises(ImageError, match=f"{split}.notumor"):
        brain_mri(root)


def test_pixels_are_grey_squashed_and_in_the_order_of_the_items(tmp_path):
    Pillow.fromarray(np.full((10, 40, 3), (255, 0, 0), np.uint8)).save(tmp_path / "red.png")
    Pillow.fromarray(np.full((40, 10), 9, np.uint8)).save(tmp_path / "dark.png")
    items = [Labelled(tmp_path / "red.png", 0), Labelled(tmp_path / "dark.png", 1)]
    grey = pixels(items, 8)
    assert grey.shape == (2, 1, 8, 8)
    assert set(grey[0].flatten().tolist()) == {76}  # 0.299 * 255
    assert set(grey[1].flatten().tolist()) == {9}


def test_a_file_that_is_no_image_is_told_by_its_name(tmp_path):
    (tmp_path / "notes.jpg").write_text("no image")
    with pytest.raises(ImageError, match=r"notes\.jpg"):
        square(tmp_path / "notes.jpg", 8)


def test_no_images_at_all_is_an_error_of_its_own():
    with pytest.raises(ImageError, match="no images"):
        pixels([], 8)


def saved(array, path):
    Pillow.fromarray(array.clip(0, 255).astype(np.uint8)).save(path)
    return Labelled(path, 0)


def test_a_brighter_or_recompressed_picture_is_a_near_copy_and_another_one_is_not(tmp_path):
    first, other = (picture(seed).astype(float) for seed in (1, 2))
    known = [saved(first, tmp_path / "known.png")]
    items = [
        saved(first * 0.8 + 20, tmp_path / "contrast.png"),
        saved(first, tmp_path / "compressed.jpg"),
        saved(other, tmp_path / "other.png"),
        saved(255 - first, tmp_path / "negative.png"),
        saved(np.full((SIDE, SIDE), 80), tmp_path / "blank.png"),
    ]
    assert near_copies(items, known, correlation=0.99).tolist() == [True, True, *[False] * 3]


@settings(max_examples=10, deadline=None)
@given(seeds=st.lists(st.integers(0, 99), min_size=2, max_size=4, unique=True))
def test_likeness_is_pearsons_correlation(tmp_path_factory, seeds):
    folder = tmp_path_factory.mktemp("likeness")
    items = [saved(picture(seed), folder / f"{seed}.png") for seed in seeds]
    vectors = [pixels([item], 32).flatten().numpy().astype(float) for item in items]
    highest = max(np.corrcoef(vectors[0], other)[0, 1] for other in vectors[1:])
    below, above = highest - 1e-4, highest + 1e-4
    assert near_copies(items[:1], items[1:], correlation=below).tolist() == [True]
    assert near_copies(items[:1], items[1:], correlation=above).tolist() == [False]
    assert near_copies(items, items).dtype == torch.bool
