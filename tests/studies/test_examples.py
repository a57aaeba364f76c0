"""Files as they are trained on; broken ones are named and do not stop the others."""

import pytest
import torch
from PIL import Image as Pillow

from med_cam.errors import DataError
from med_cam_studies.data.collection import Item
from med_cam_studies.data.examples import examples
from tiny_sets import noise


def grey_item(folder, value, label):
    path = folder / f"{value}.png"
    Pillow.new("L", (12, 10), value).save(path)
    return Item(path, label, path.stem)


def cut_jpeg(path):
    Pillow.fromarray(noise(1, (40, 48))).save(path)
    path.write_bytes(path.read_bytes()[:400])


MADE = {
    "cut.jpg": cut_jpeg,
    "empty.jpg": lambda path: path.write_bytes(b""),
    "text.jpg": lambda path: path.write_text("no picture"),
    "gone.jpg": lambda path: None,
}


def broken_item(folder, name):
    MADE[name](folder / name)
    return Item(folder / name, 0, name)


@pytest.mark.parametrize("channels", [1, 3])
def test_images_and_targets_are_in_the_order_of_the_items(tmp_path, channels):
    items = [grey_item(tmp_path, value, label) for value, label in ((30, 2), (10, 0), (20, 2))]
    found = examples(items, size=8, channels=channels, classes=4)
    assert found.images.shape == (3, channels, 8, 8)
    assert found.images.amin(dim=(1, 2, 3)).tolist() == [30, 10, 20]
    assert found.images.amax(dim=(1, 2, 3)).tolist() == [30, 10, 20]
    assert found.targets.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 0, 1, 0]]
    assert found.labels.tolist() == [2, 0, 2]
    assert found.broken == ()


def test_broken_files_are_named_and_the_others_go_on(tmp_path):
    whole = [grey_item(tmp_path, value, value % 2) for value in (10, 21)]
    broken = [broken_item(tmp_path, name) for name in MADE]
    mixed = [broken[0], whole[0], *broken[1:3], whole[1], broken[3]]
    found = examples(mixed, size=8, channels=3, classes=2)
    expected = examples(whole, size=8, channels=3, classes=2)
    assert torch.equal(found.images, expected.images)
    assert torch.equal(found.targets, expected.targets)
    assert len(found.broken) == len(MADE)
    for name, text in zip(MADE, found.broken, strict=True):
        assert str(tmp_path / name) in text


def test_when_none_can_be_read_the_first_is_named(tmp_path):
    broken = [broken_item(tmp_path, name) for name in ("empty.jpg", "text.jpg")]
    with pytest.raises(DataError, match=r"none of 2 images can be read: .*empty\.jpg"):
        examples(broken, size=8, channels=3, classes=2)


def test_no_images_at_all_is_an_error_of_its_own():
    with pytest.raises(DataError, match="none of 0 images"):
        examples([], size=8, channels=3, classes=2)
