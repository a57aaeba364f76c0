"""A slice of a NIfTI volume from its file to a verified mask in the volume's own space."""

import json

import nibabel
import numpy as np
import PIL.Image

AFFINE = np.array([[-2.0, 0, 0, 30], [0, 2.5, 0, -40], [0, 0, 3, 7], [0, 0, 0, 1]])


def volume(path):
    """Light in the corner that is at the upper left of an axial slice; pixels are not square."""
    values = np.random.default_rng(0).integers(0, 200, (40, 30, 3)).astype(np.int16)
    values[:20, 15:, 1] = 1100
    nibabel.Nifti1Image(values, AFFINE).to_filename(path)
    return path


def test_a_slice_is_explained_verified_and_written_into_its_volume(
    run, verify, here, model, quick
):
    path = volume(here / "head.nii.gz")
    given = ("--slice", "axial=1", "--window", "600,1200", "--nifti")
    done = run(path, "--model", model, "--config", quick, "--out", "r", *given)
    assert done.status == 0, done.err
    folder = here / "r" / "head.nii-axial-1"
    said = json.loads((folder / "explanation.json").read_text())
    image = said["image"]
    assert (image["slice"], image["window"], image["file"]) == (
        "axial=1",
        "600,1200",
        "source.npy",
    )
    assert [w for w in said["claim"]["warnings"] if "not square" in w]
    assert verify("r", "--model", model).status == 0
    written = nibabel.load(folder / "export.nii.gz")
    np.testing.assert_array_equal(written.affine, AFFINE)
    values = np.asarray(written.dataobj)
    with PIL.Image.open(folder / "mask.png") as mask:
        assert values.sum() == np.array(mask).sum() > 0
    assert values.shape == (40, 30, 3)
    assert values[:, :, [0, 2]].sum() == 0
    assert values[:20, 15:, 1].mean() >= 0.9  # where the light is, but for the pixels at its edge


def test_a_volume_without_a_slice_is_one_sentence(run, here, model, instant):
    done = run(volume(here / "head.nii"), "--model", model, "--out", "r")
    assert (done.status, instant.calls) == (2, [])
    assert "40 x 30 x 3 voxels; say which slice with --slice" in done.err[0]
