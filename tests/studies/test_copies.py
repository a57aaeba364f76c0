"""Copies byte for byte and nearly, against plain correlations."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import near_copies, same_bytes, sha256_of
from tiny_brain_mri import SIDE, picture


def saved(array, path):
    Pillow.fromarray(array.clip(0, 255).astype(np.uint8)).save(path)
    return Item(path, 0, path.name)


def test_a_digest_is_of_the_bytes_alone(tmp_path):
    for name in ("a.jpg", "b.png"):
        (tmp_path / name).write_bytes(b"same")
        assert sha256_of(tmp_path / name) == hashlib.sha256(b"same").hexdigest()


@pytest.mark.parametrize("name", ["gone.jpg", ""])
def test_what_cannot_be_read_is_reported_by_its_name(tmp_path, name):
    with pytest.raises(DataError, match="cannot be read"):
        sha256_of(tmp_path / name)


@given(st.lists(st.integers(0, 4), max_size=12))
def test_same_bytes_are_the_groups_of_two_and_more_in_order(numbers):
    items = [Item(Path("x"), 0, str(i)) for i in range(len(numbers))]
    found = list(same_bytes(items, [str(n) for n in numbers]))
    firsts = [n for i, n in enumerate(numbers) if n not in numbers[:i] and numbers.count(n) > 1]
    assert found == [
        tuple(item for item, n in zip(items, numbers, strict=True) if n == first)
        for first in firsts
    ]


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
    vectors = [picture(seed).flatten().astype(float) for seed in seeds]  # thumbnails as they are
    highest = max(np.corrcoef(vectors[0], other)[0, 1] for other in vectors[1:])
    below, above = highest - 1e-4, highest + 1e-4
    assert near_copies(items[:1], items[1:], correlation=below).tolist() == [True]
    assert near_copies(items[:1], items[1:], correlation=above).tolist() == [False]
    assert near_copies(items, items).dtype == torch.bool


def test_a_file_that_cannot_be_read_is_no_copy_and_does_not_stop_the_others(tmp_path):
    items = [saved(picture(seed), tmp_path / f"{seed}.png") for seed in (1, 2)]
    (tmp_path / "broken.png").write_bytes(b"")
    broken = Item(tmp_path / "broken.png", 0, "broken")
    assert near_copies([broken, items[0]], [items[0], broken]).tolist() == [False, True]
    assert near_copies(items, [broken]).tolist() == [False, False]


def test_no_images_at_all_is_an_error_of_its_own(tmp_path):
    items = [saved(picture(1), tmp_path / "1.png")]
    for some, known in (([], items), (items, [])):
        with pytest.raises(DataError, match="no images"):
            near_copies(some, known)
