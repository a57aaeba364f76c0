"""Folders give the images in them, each once; results have names of their own."""

import os
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from med_cam.errors import ImageError
from med_cam.images.find import Folder, find_images, images_in, result_names, unique_stems


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


def test_what_a_folder_has_besides_is_counted_by_kind(tmp_path):
    touched(tmp_path, "a.png", "deep/b.png", "deep/c.tif", "d.dcm", "e.dcm", "f.jp2", "IM0001")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "none")
    found = images_in(tmp_path)
    assert found.images == (tmp_path / "a.png",)
    parts = set(found.words.split(", "))
    assert parts == {
        "2 images in folders below", "2 .dcm", "1 .jp2", "1 without suffix", "1 pipe",
        "1 broken link",
    }  # fmt: skip


def test_links_to_folders_are_followed_once(tmp_path):
    a, _ = touched(tmp_path, "real/a.png", "linked/x.txt")
    (tmp_path / "linked" / "p1").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "round").symlink_to(tmp_path / "linked")
    found = images_in(tmp_path / "linked").images
    assert [path.resolve() for path in found] == [a]


HDF5 = b"\x89HDF\r\n\x1a\n" + bytes(99)


def test_a_folder_of_foreign_files_says_what_they_are(tmp_path):
    for name in ("x", "a.mat"):
        (tmp_path / name).write_bytes(HDF5)
    with pytest.raises(
        ImageError, match=r"no images.*; 2 of its files are each an HDF5 file, which"
    ):
        images_in(tmp_path)


def test_one_foreign_file_is_one(tmp_path):
    (tmp_path / "x").write_bytes(HDF5)
    with pytest.raises(ImageError, match="; one of its files is an HDF5 file, which"):
        images_in(tmp_path)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("image in folders below", "2 images in folders below"),
        ("picture of results", "2 pictures of results"),
        ("broken link", "2 broken links"),
        ("special file", "2 special files"),
        (".file", "2 .file"),
        ("without suffix", "2 without suffix"),
    ],
)
def test_two_of_a_kind_are_said_in_the_plural(kind, words):
    left_out = tuple((Path(name), kind) for name in "ab")
    assert Folder((), left_out).words == words
    assert Folder((), left_out[:1]).words == f"1 {kind}"


def test_results_keep_the_folders_below_the_one_that_was_named():
    root = Path("patients")
    paths = [root / "p1" / "0001.png", root / "p2" / "0001.png", Path("x.png")]
    assert result_names(paths, [root, Path("x.png")]) == ["p1/0001", "p2/0001", "x"]


def test_one_name_in_two_named_folders_gets_theirs():
    given = [Path("a/p1"), Path("a/p2")]
    paths = [folder / "0001.png" for folder in given]
    assert result_names(paths, given) == ["p1/0001", "p2/0001"]
    assert result_names(paths, paths) == ["0001", "0001-2"]


def test_no_result_lies_in_another():
    root = Path("r")
    paths = [root / "a" / "p1.png", root / "a" / "p1" / "x.png"]
    assert result_names(paths, [root]) == ["a/p1-2", "a/p1/x"]


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "A", "..x", "b-2"]), min_size=1, max_size=3),
        max_size=8,
        unique_by=tuple,
    )
)
def test_names_of_results_are_unique_and_never_inside_each_other(parts):
    paths = [Path("r", *part[:-1], f"{part[-1]}.png") for part in parts]
    names = [name.casefold() for name in result_names(paths, [Path("r")])]
    assert len(set(names)) == len(names)
    for name in names:
        assert not any(str(parent) in names for parent in Path(name).parents)
        assert ".." not in Path(name).parts
