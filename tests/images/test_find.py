"""Folders give the images in them, each once; results have names of their own."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from med_cam.errors import ImageError
from med_cam.images.find import find_images, unique_stems


def touched(folder, *names):
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return paths


def test_a_folder_stands_for_its_own_images_sorted(tmp_path):
    a, b, _, _, _ = touched(tmp_path, "a.png", "b.JPEG", "notes.txt", "._a.png", "deep/c.png")
    assert find_images([tmp_path]) == [a, b]


def test_a_folder_of_folders_stands_for_all_of_theirs(tmp_path):
    a, b, _, _ = touched(tmp_path, "one/z.png", "two/more/a.tif", ".hidden/c.png", "notes.txt")
    assert find_images([tmp_path]) == [a, b]


def test_files_are_taken_as_given_and_once(tmp_path):
    a, b, odd = touched(tmp_path, "a.png", "b.png", "odd.name")
    again = tmp_path / "sub" / ".." / "b.png"
    (tmp_path / "sub").mkdir()
    assert find_images([b, odd, tmp_path, again]) == [b, odd, a]
    assert find_images([]) == []


def test_a_missing_path_or_barren_folder_is_refused(tmp_path):
    with pytest.raises(ImageError, match=r"none\.png does not exist"):
        find_images([tmp_path / "none.png"])
    touched(tmp_path, "notes.txt")
    with pytest.raises(ImageError, match="has no images"):
        find_images([tmp_path])
    with pytest.raises(ImageError, match="cannot be opened"):
        find_images([tmp_path / ("x" * 5000)])


def test_stems_that_collide_are_numbered():
    paths = [Path(p) for p in ("a/x.png", "b/x.png", "x.jpg", "y.png", "X.bmp")]
    assert unique_stems(paths) == ["x", "x-2", "x-3", "y", "X-4"]


def test_a_number_never_takes_another_files_stem():
    paths = [Path(p) for p in ("a/x.png", "b/x.png", "x-2.png", "c/x-2.png")]
    assert unique_stems(paths) == ["x", "x-3", "x-2", "x-2-2"]


def test_stems_never_leave_their_folder():
    assert unique_stems([Path("...png"), Path("a/. .png"), Path("b/.png")]) == [
        "image",
        "image-2",
        "png",
    ]


def test_unicode_compositions_of_one_name_collide():
    assert unique_stems([Path("\u00e9.png"), Path("a/e\u0301.png")]) == ["\u00e9", "e\u0301-2"]


@given(st.lists(st.sampled_from(["x", "x-2", "x-3", "X", "y", "x-2-2"]), max_size=9))
def test_stems_are_unique_and_kept_where_they_can_be(stems):
    names = unique_stems([Path(f"{i}/{stem}.png") for i, stem in enumerate(stems)])
    assert len({name.casefold() for name in names}) == len(stems)
    for i, stem in enumerate(stems):
        if stem.casefold() not in [s.casefold() for s in stems[:i]]:
            assert names[i] == stem
