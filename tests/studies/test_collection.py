"""What is found below a root, whatever archivers and mirrors have made of it."""

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from med_cam.errors import DataError
from med_cam_studies.data.collection import Item, counts, found_below, images_in, located, some


def touched(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


@pytest.mark.parametrize("above", ["", "archive", "archive/archive", "a/b/c"])
def test_a_data_set_is_found_in_its_folder_and_up_to_three_below(tmp_path, above):
    touched(tmp_path / above / "one" / "x", tmp_path / above / "two" / "x")
    assert located(tmp_path, ("one", "two")) == tmp_path / above


def test_of_several_the_nearest_one_counts(tmp_path):
    touched(tmp_path / "z" / "one" / "x", tmp_path / "a" / "b" / "one" / "x")
    assert located(tmp_path, ("one",)) == tmp_path / "z"


@pytest.mark.parametrize("root", ["", "not there", "a file"])
def test_a_root_without_the_folders_is_reported_with_them(tmp_path, root):
    touched(tmp_path / "one" / "x", tmp_path / "a" / "b" / "c" / "d" / "two", tmp_path / "a file")
    with pytest.raises(DataError, match=r"has no folder with one, two in it; give --root"):
        located(tmp_path / root, ("one", "two"))


def test_what_archivers_leave_is_no_data_set(tmp_path):
    litter = ("__MACOSX/one/x", ".Trash/one/x", "b/__MACOSX/._x", "b/.x", "b/x")
    touched(*(tmp_path / path for path in litter))
    assert found_below(tmp_path, "*x") == (tmp_path / "b" / "x",)
    with pytest.raises(DataError, match="one"):
        located(tmp_path, ("one",))


def test_a_hidden_folder_above_the_root_hides_nothing(tmp_path):
    root = tmp_path / ".cache" / "__MACOSX"
    touched(root / "x.csv")
    assert found_below(root, "*.csv") == (root / "x.csv",)


def test_images_are_sorted_and_have_one_of_the_suffixes_in_either_case(tmp_path):
    names = ("b.JPG", "a.jpeg", "c.jpg", "._c.jpg", "Thumbs.db", "d.png", "jpg")
    touched(*(tmp_path / name for name in names))
    assert [path.name for path in images_in(tmp_path, (".jpg", ".jpeg"))] == [
        "a.jpeg",
        "b.JPG",
        "c.jpg",
    ]


@pytest.mark.parametrize("folder", ["empty", "not there"])
def test_a_folder_without_images_is_reported_by_its_name(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=rf"no \.tif or \.tiff files in .*{folder}"):
        images_in(tmp_path / folder, (".tif", ".tiff"))


@given(st.lists(st.integers(-1, 3)))
def test_images_are_counted_by_class_and_those_without_one_are_not(labels):
    items = [Item(Path("x"), label, str(n)) for n, label in enumerate(labels)]
    assert counts(items, 4) == tuple(sum(label == k for label in labels) for k in range(4))


def test_a_sentence_names_five_and_says_how_many_more():
    assert some("abc") == "a, b, c"
    assert some("abcde") == "a, b, c, d, e"
    assert some("abcdefg") == "a, b, c, d, e and 2 more"
