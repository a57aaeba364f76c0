"""Splits of made-up items, against what must hold whatever the items are."""

import hashlib
import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings, strategies as st

from med_cam.errors import DataError
from med_cam_studies.data.collection import Item
from med_cam_studies.data.splits import TESTED, VALIDATED, part_of, split

CONTENTS = 12
GROUPS = ("", "a", "b", "c", "d")
PARTS = ("training", "validation", "testing")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("contents")
    for number in range(CONTENTS):
        (folder / str(number)).write_text(f"content {number}")
    return folder


def drawn_items(data, folder, parts):
    """Files of few contents, so that many are copies, with labels that mostly agree."""
    number, odd = st.integers(0, CONTENTS - 1), st.sampled_from([0, 0, 0, 1])
    row = st.tuples(number, odd, st.sampled_from(parts), st.sampled_from(GROUPS))
    rows = data.draw(st.lists(row, max_size=16))
    return [
        Item(folder / str(n), (n + other) % 3, f"item {i}", part, group if part == "" else "")
        for i, (n, other, part, group) in enumerate(rows)
    ]


def parts_of(splits):
    return {"training": splits.fit, "validation": splits.validation, "testing": splits.testing}


def uses(splits):
    """Where each item has gone, by its name, as often as it is there."""
    dropped = splits.dropped
    gone = (*dropped.within, *dropped.across, *dropped.contradictory)
    return Counter(item.name for items in (*parts_of(splits).values(), gone) for item in items)


def contents(splits):
    """The part of each content that is kept."""
    return {item.path.name: part for part, items in parts_of(splits).items() for item in items}


kinds = pytest.mark.parametrize("parts", [("",), PARTS, ("training", "testing"), ("", *PARTS)])
few = settings(max_examples=25, deadline=None)


@kinds
@few
@given(data=st.data())
def test_every_item_is_kept_or_dropped_exactly_once(folder, parts, data):
    items = drawn_items(data, folder, parts)
    assert uses(split(items, validated=0.3, tested=0.3)) == Counter(item.name for item in items)


@kinds
@few
@given(data=st.data())
def test_every_content_is_kept_once_unless_its_labels_differ_and_then_never(folder, parts, data):
    items = drawn_items(data, folder, parts)
    splits = split(items, validated=0.3, tested=0.3)
    labels = {item.path.name: set() for item in items}
    for item in items:
        labels[item.path.name].add(item.label)
    kept = Counter(item.path.name for part in parts_of(splits).values() for item in part)
    assert kept == {name: 1 for name, given in labels.items() if len(given) == 1}
    torn = sorted(item.name for item in items if len(labels[item.path.name]) > 1)
    assert sorted(item.name for item in splits.dropped.contradictory) == torn


@few
@given(data=st.data())
def test_no_group_is_in_two_parts(folder, data):
    splits = split(drawn_items(data, folder, ("",)), validated=0.3, tested=0.3)
    sides = Counter(
        group for items in parts_of(splits).values() for group in {item.group for item in items}
    )
    assert all(count == 1 for group, count in sides.items() if group)


@kinds
@few
@given(data=st.data(), seed=st.integers(0, 99))
def test_neither_names_nor_order_matter(folder, parts, data, seed):
    items = drawn_items(data, folder, parts)
    others = random.Random(seed).sample(items, len(items))
    others = [replace(item, name=f"other {i}") for i, item in enumerate(others)]
    one, other = (split(some, validated=0.3, tested=0.3) for some in (items, others))
    assert contents(one) == contents(other)
    for kind in ("within", "across", "contradictory"):
        files = (
            Counter(item.path for item in getattr(splits.dropped, kind)) for splits in (one, other)
        )
        assert next(files) == next(files)


@few
@given(data=st.data())
def test_what_the_provider_has_split_stays_and_copies_stay_where_they_are_fitted_on(folder, data):
    items = drawn_items(data, folder, PARTS)
    splits = split(items, validated=0.9, tested=0.9)
    given_validation = any(item.part == "validation" for item in items)
    for name, part in contents(splits).items():
        given = {item.part for item in items if item.path.name == name}
        first = next(part for part in PARTS if part in given)
        drawn = first == "training" and not given_validation
        assert part == first or (drawn and part == "validation")


def test_of_copies_the_one_with_a_known_group_stays_with_its_group(folder):
    for group in "abcdefgh":
        unknown, known = (Item(folder / "0", 0, f"{g}0", group=g) for g in ("", group))
        splits = split([unknown, known, Item(folder / "1", 0, "1", group=group)], tested=0.5)
        (together,) = (part for part in parts_of(splits).values() if part)
        assert {item.name for item in together} == {f"{group}0", "1"}


def test_dropped_copies_are_sorted_by_where_the_one_that_stays_is(folder):
    rows = [("training", 0), ("training", 0), ("testing", 0), ("testing", 1), ("testing", 1)]
    items = [Item(folder / str(n), n, f"{i}", part) for i, (part, n) in enumerate(rows)]
    splits = split(items, validated=0.0)
    assert [item.name for item in splits.fit] == ["0"]
    assert [item.name for item in splits.testing] == ["3"]
    assert [item.name for item in splits.dropped.within] == ["1", "4"]
    assert [item.name for item in splits.dropped.across] == ["2"]
    assert splits.dropped.total == 3


def test_the_order_of_what_is_kept_is_that_of_the_items(folder):
    items = [Item(folder / str(n), 0, f"{n}") for n in (5, 2, 9, 0, 7, 1)]
    splits = split(items, validated=0.3, tested=0.3)
    for part in parts_of(splits).values():
        assert list(part) == [item for item in items if item in part]


def plain_place(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]) / 2**32


@pytest.mark.parametrize("grouped", [True, False])
@pytest.mark.parametrize("part", ["", "training"])
def test_the_choice_is_by_the_hash_of_the_group_or_of_the_bytes(folder, grouped, part):
    for number in range(40):
        word = f"lesion {number}" if grouped else f"bytes {number}"
        item = Item(folder / "0", 0, "x", part, f"lesion {number}" if grouped else "")
        sha = hashlib.sha256(f"bytes {number}".encode()).hexdigest()
        place = plain_place(word)
        expected = "validation" if place < 0.3 else "training"
        if part == "" and place >= 0.6:
            expected = "testing"
        assert part_of(item, sha, (0.3, 0.4)) == expected


def test_shares_are_about_what_is_asked_for(folder):
    items = [Item(folder / "0", 0, "x", group=f"group {n}") for n in range(2000)]
    parts = Counter(part_of(item, "", (VALIDATED, TESTED)) for item in items)
    assert parts["validation"] / 2000 == pytest.approx(VALIDATED, abs=0.02)
    assert parts["testing"] / 2000 == pytest.approx(TESTED, abs=0.03)


def test_shares_of_nothing_keep_everything_to_fit_on(folder):
    items = [Item(folder / str(n), 0, f"{n}") for n in range(CONTENTS)]
    assert split(items, validated=0.0, tested=0.0).fit == tuple(items)


def test_an_item_more_moves_no_other(folder):
    items = [Item(folder / str(n), 0, f"{n}") for n in range(CONTENTS)]
    whole = contents(split(items, validated=0.3, tested=0.3))
    for left_out in items:
        less = split([i for i in items if i != left_out], validated=0.3, tested=0.3)
        assert contents(less) == {k: v for k, v in whole.items() if k != left_out.name}


def test_no_items_are_no_splits():
    splits = split([])
    assert splits.fit == splits.validation == splits.testing == ()
    assert splits.dropped.total == 0


def test_a_file_that_has_gone_is_reported_by_its_name(folder):
    with pytest.raises(DataError, match=r"gone\.jpg cannot be read \(No such file"):
        split([Item(folder / "gone.jpg", 0, "gone")])
