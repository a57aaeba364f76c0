"""Slices of NIfTI volumes: the voxels that are asked for, the right way up, and back again."""

import gzip

import nibabel
import numpy as np
import pytest

from med_cam.errors import ConfigError, ImageError
from med_cam.images.nifti import laid_back
from med_cam.images.part import Part
from med_cam.images.read import read_image

SHAPE = (4, 5, 6)
VALUES = np.random.default_rng(0).permutation(120).reshape(SHAPE).astype(np.int16)
RAS = np.diag([2.0, 3.0, 4.0, 1.0])
TURN = np.array([[0.8, -0.6, 0, 5], [0.6, 0.8, 0, -7], [0, 0, 1, 9], [0, 0, 0, 1]])
AFFINES = {
    "RAS": RAS,
    "LPS": np.diag([-2.0, -3.0, 4.0, 1.0]),
    "SAR": RAS[[2, 1, 0, 3]],  # axes in another order
    "oblique": TURN @ RAS,
}


def written(path, values=VALUES, affine=RAS, *, code=1, kind=nibabel.Nifti1Image):
    image = kind(values, affine)
    image.set_sform(affine, code)
    image.set_qform(affine, code)
    image.to_filename(path)
    return path


def read(path, part="axial=2", **options):
    window = options.pop("window", (60.0, 120.0))
    return read_image(path, channels=1, part=Part(window, None, part), **options)


def refusal(path, part="axial=2", **options):
    with pytest.raises(ImageError) as caught:
        read(path, part, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def canonical(values, affine):
    """By nibabel, axes in the order x y z, growing to the right, the front and the head."""
    return np.asarray(nibabel.as_closest_canonical(nibabel.Nifti1Image(values, affine)).dataobj)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("plane", ["axial", "coronal", "sagittal"])
def test_a_slice_is_seen_as_radiologists_see_it(tmp_path, affine, plane):
    """Against nibabel's own reorientation: rows and columns of the volume turned upright."""
    found = read(written(tmp_path / "v.nii.gz", affine=affine), f"{plane}=1")
    across = {"sagittal": 0, "coronal": 1, "axial": 2}[plane]
    upright = canonical(VALUES, affine)
    wanted = [
        np.take(upright, k, axis=across)[::-1, ::-1].T / 120 for k in range(upright.shape[across])
    ]
    shown = found.pixels[0].numpy()
    axis = found.nifti.axis
    assert np.isin(np.take(VALUES, 1, axis=axis), np.round(shown * 120)).all()
    assert any(w.shape == shown.shape and np.allclose(w, shown, atol=1e-6) for w in wanted)


@pytest.mark.parametrize("affine", AFFINES.values(), ids=AFFINES)
@pytest.mark.parametrize("part", ["axial=2", "coronal=3", "sagittal=0", "0=3", "1=4", "2=0"])
def test_a_mask_comes_back_to_its_voxels(tmp_path, affine, part):
    found = read(written(tmp_path / "v.nii", affine=affine), part)
    mask = found.pixels[0].numpy() > 0.5
    volume = laid_back(mask, found.nifti)
    assert volume.shape == SHAPE
    assert volume.sum() == mask.sum()
    place = [slice(None)] * 3
    place[found.nifti.axis] = found.nifti.index
    assert (volume[tuple(place)] == (VALUES[tuple(place)] > 60)).all()
    np.testing.assert_allclose(np.reshape(found.nifti.affine, (4, 4)), affine, rtol=1e-6)


def test_without_a_place_in_space_axes_have_numbers_only(tmp_path):
    path = written(tmp_path / "v.nii", code=0)
    assert "name the axis by its number" in refusal(path)
    shown = read(path, "2=3").pixels[0].numpy()
    np.testing.assert_allclose(shown, VALUES[:, :, 3].T / 120, atol=1e-6)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
def test_both_versions_are_read_packed_or_not(tmp_path, kind):
    plain = read(written(tmp_path / "v.nii", kind=kind))
    packed = read(written(tmp_path / "v.nii.gz", kind=kind))
    assert (plain.pixels == packed.pixels).all()


def test_a_broken_header_is_one_sentence_and_nothing_is_printed(tmp_path, capfd):
    path = written(tmp_path / "v.nii")
    content = bytearray(path.read_bytes())
    content[70:72] = b"\0\0"  # the type of its values
    path.write_bytes(content)
    assert "damaged" in refusal(path)
    assert capfd.readouterr() == ("", "")


def test_what_is_asked_of_it(tmp_path):
    path = written(tmp_path / "v.nii")
    assert "4 x 5 x 6 voxels; say which slice with --slice" in refusal(path, None)
    assert "5 slices, from 0 to 4" in refusal(path, "coronal=5")
    four = written(tmp_path / "f.nii", np.stack([VALUES, VALUES], 3))
    assert "4 axes" in refusal(four)
    assert read(written(tmp_path / "o.nii", VALUES[..., None])).pixels.shape == (1, 5, 4)
    path.write_bytes(path.read_bytes()[:-1])
    assert "ends within its values" in refusal(path)  # though the slice itself is there


@pytest.mark.parametrize("text", ["axial", "axial=-1", "4=1", "x=1", "axial=1.5", "axial=", "=3"])
def test_what_is_no_slice_is_refused(text):
    with pytest.raises(ConfigError, match="axial=80"):
        Part(slice=text)


def test_values_need_a_range(tmp_path):
    """The rule of other files of more than 8 bits, and no guess below zero."""
    assert "almost black" in refusal(written(tmp_path / "a.nii"), window=None)
    negative = written(tmp_path / "b.nii", VALUES - 50)
    assert "give --window CENTRE,WIDTH" in refusal(negative, window=None)
    white = read(tmp_path / "a.nii", window=None, white=120)
    assert (white.pixels == read(tmp_path / "a.nii").pixels).all()
    byte = read(written(tmp_path / "c.nii", VALUES.astype(np.uint8)), window=None)
    assert byte.pixels.max() <= 119 / 255
    hounsfield = read(negative, window=(10.0, 40.0)).pixels[0]
    assert (hounsfield.min(), hounsfield.max()) == (0, 1)


def test_scaled_values_are_read_scaled(tmp_path):
    image = nibabel.Nifti1Image(VALUES, RAS)
    image.header.set_slope_inter(2.0, -10.0)
    image.to_filename(tmp_path / "s.nii")
    rescaled = read(tmp_path / "s.nii", window=(110.0, 240.0)).pixels
    plain = read(written(tmp_path / "p.nii", VALUES * 2.0 - 10), window=(110.0, 240.0)).pixels
    np.testing.assert_allclose(rescaled, plain, atol=1e-6)


def test_a_file_that_unpacks_to_more_than_fits_is_refused(tmp_path):
    path = tmp_path / "v.nii.gz"
    written(tmp_path / "v.nii")
    path.write_bytes(gzip.compress((tmp_path / "v.nii").read_bytes() + bytes(10**6)))
    assert "may take" in refusal(path, budget=10**5)
