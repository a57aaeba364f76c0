"""The copy of an image is its file, or exactly its pixels."""

import hashlib
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Picture

from med_cam.errors import OutputError
from med_cam.images.image import Image
from med_cam.images.read import read_image
from med_cam.report.source import source_of


def loaded(source):
    return torch.from_numpy(np.load(BytesIO(source.content), allow_pickle=False))


@pytest.fixture
def photograph(tmp_path):
    """A colour JPEG of 9 x 7 pixels, and its bytes."""
    path = tmp_path / "a.b.JPG"
    levels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    Picture.fromarray(levels).save(path, format="JPEG")
    return path, path.read_bytes()


@pytest.mark.parametrize("channels", [1, 3])
def test_a_file_is_copied_byte_for_byte(photograph, channels):
    path, content = photograph
    source = source_of(read_image(path, channels=channels))
    assert (source.name, source.content) == ("source.jpg", content)
    assert source.sha256 == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("name", "copy"), [("scan", "source"), ("scan.dat", "source"), ("x.TIF", "source.tif")]
)
def test_the_suffix_is_that_of_an_image_or_none(photograph, tmp_path, name, copy):
    path = photograph[0].rename(tmp_path / name)
    assert source_of(read_image(path)).name == copy


@pytest.mark.parametrize("channels", [1, 3])
def test_an_image_made_in_memory_is_kept_exactly(channels):
    pixels = torch.rand(channels, 5, 4, generator=torch.Generator().manual_seed(1))
    source = source_of(Image(pixels))
    assert source.name == "source.npy"
    assert loaded(source).dtype == torch.float32
    assert torch.equal(loaded(source), pixels)


def test_of_a_tile_the_pixels_are_kept_and_not_the_whole_file(photograph):
    image = read_image(photograph[0])
    tile = replace(image, pixels=image.pixels[:, 2:6, 1:5])
    source = source_of(tile)
    assert source.name == "source.npy"
    assert torch.equal(loaded(source), tile.pixels)


def test_of_pixels_changed_after_reading_the_pixels_are_kept(photograph):
    image = read_image(photograph[0])
    changed = replace(image, pixels=1 - image.pixels)
    assert torch.equal(loaded(source_of(changed)), changed.pixels)


def test_a_file_that_was_changed_is_refused(photograph):
    path, content = photograph
    image = read_image(path)
    path.write_bytes(content + b"\0")  # still the same picture
    with pytest.raises(OutputError, match="was changed while it was explained; explain it again"):
        source_of(image)


def test_a_file_that_is_gone_is_refused(photograph):
    image = read_image(photograph[0])
    Path(image.path).unlink()
    with pytest.raises(OutputError, match=r"cannot be copied to its result \(No such file"):
        source_of(image)
