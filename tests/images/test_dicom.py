"""DICOM files as pydicom and the standard show them, and one sentence where that cannot be."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels.common import CoderBase
from pydicom.pixels.processing import (
    apply_color_lut,
    apply_modality_lut,
    apply_presentation_lut,
    apply_voi_lut,
)

from images.dicom_files import (
    ID,
    NAME,
    STUDY,
    dicom,
    encoded,
    forget_pydicom,
    item,
    linear,
    multiframe,
    saved,
    soft,
)
from med_cam.errors import ConfigError, ImageError
from med_cam.images.part import Part, window_of, window_text
from med_cam.images.read import read_image

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
LEVEL = 1 / 65535
WINDOW = {"WindowCenter": 600, "WindowWidth": 700}


def grey(path, **options):
    return read_image(path, channels=1, **options).pixels[0].numpy()


def refusal(path, **options):
    with pytest.raises(ImageError) as caught:
        read_image(path, **options)
    sentence = str(caught.value)
    assert sentence.startswith(str(path))
    assert sentence.endswith(".")
    return sentence


def by_pydicom(found):
    """What pydicom makes of a data set, scaled to [0, 1] from what it says its output reaches."""
    values = apply_voi_lut(apply_modality_lut(found.pixel_array, found), found)
    values = apply_presentation_lut(values, found)
    return (values - values.min()) / np.ptp(values)  # the tests' windows reach both ends


MODALITIES = {
    "MR": dicom(soft(), "MR", bits=12, **WINDOW),
    "CT, signed": dicom(
        soft(low=-900, high=900, dtype=np.int16), "CT", WindowCenter=-900, WindowWidth=400
    ),
    "CR, MONOCHROME1": dicom(
        soft(), "CR", bits=12, PhotometricInterpretation="MONOCHROME1", **WINDOW
    ),
    "DX, MONOCHROME1": dicom(
        soft(), "DX", bits=14, PhotometricInterpretation="MONOCHROME1",
        PresentationLUTShape="INVERSE", **WINDOW
    ),
    "sigmoid": dicom(soft(), "DX", VOILUTFunction="SIGMOID", WindowCenter=900, WindowWidth=300),
    "exact": dicom(soft(), "DX", VOILUTFunction="LINEAR_EXACT", **WINDOW),
}  # fmt: skip


@pytest.mark.parametrize("kind", MODALITIES)
def test_pixels_are_those_of_pydicom(tmp_path, kind):
    found = MODALITIES[kind]
    values = grey(saved(tmp_path / "IM1", found))
    wanted = apply_voi_lut(apply_modality_lut(found.pixel_array, found), found)
    bits, signed = found.BitsStored, found.PixelRepresentation
    low = float(found.get("RescaleIntercept", 0)) - (2 ** (bits - 1) if signed else 0)
    wanted = (wanted - low) / (2**bits - 1)
    if found.PhotometricInterpretation == "MONOCHROME1":
        wanted = 1 - wanted
    assert np.abs(values - wanted).max() <= LEVEL
    assert np.ptp(values) > 0.9
    if kind.startswith("DX"):  # pydicom inverts by the highest value that it meets
        assert np.abs(values - by_pydicom(found)).max() <= LEVEL


def test_a_window_is_that_of_the_standard(tmp_path):
    stored = soft(low=0, high=2048)
    values = grey(saved(tmp_path / "x", dicom(stored, "CT", WindowCenter=40, WindowWidth=400)))
    assert np.abs(values - linear(stored.astype(float) - 1024, 40, 400)).max() <= LEVEL


@pytest.mark.parametrize(
    "syntax",
    ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.80"],
    ids=["RLE", "JPEG 2000", "JPEG-LS"],
)
def test_lossless_compression_changes_nothing(tmp_path, syntax):
    plain = grey(saved(tmp_path / "a", dicom(soft((64, 48)), "MR", bits=12, **WINDOW)))
    packed = saved(tmp_path / "b", dicom(soft((64, 48)), "MR", bits=12, **WINDOW), syntax)
    assert np.array_equal(grey(packed), plain)


@pytest.mark.parametrize(
    "name", ["MR_small.dcm", "MR_small_bigendian.dcm", "MR_small_jpeg_ls_lossless.dcm",
             "J2K_pixelrep_mismatch.dcm", "693_J2KI.dcm", "examples_overlay.dcm"]
)  # fmt: skip
def test_pydicoms_own_files_are_read_as_pydicom_shows_them(name):
    found = pydicom.dcmread(BUNDLED / name)
    values = apply_modality_lut(found.pixel_array, found).astype(float)
    if name == "MR_small.dcm":
        assert np.abs(grey(BUNDLED / name) - linear(values, 600, 1600)).max() <= LEVEL
    windowed = apply_voi_lut(values, found)
    shown = grey(BUNDLED / name)
    slope = np.ptp(shown) / np.ptp(windowed)  # a window may not reach both of its ends
    assert np.abs(shown - (shown.min() + slope * (windowed - windowed.min()))).max() <= 2 * LEVEL


def test_colour_is_rgb_however_it_is_kept(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)
    plain = read_image(saved(tmp_path / "rgb", dicom(rgb, "OT")))
    assert np.array_equal(plain.pixels.permute(1, 2, 0).numpy(), np.float32(rgb / 255))
    for name in ("SC_rgb_dcmtk_+eb+cy+np.dcm", "SC_ybr_full_422_uncompressed.dcm"):
        wanted = pydicom.pixels.pixel_array(BUNDLED / name) / 255
        assert np.array_equal(
            read_image(BUNDLED / name).pixels.permute(1, 2, 0).numpy(), np.float32(wanted)
        )
    found = pydicom.dcmread(BUNDLED / "examples_palette.dcm")
    wanted = apply_color_lut(found.pixel_array, found) / 65535
    shown = read_image(BUNDLED / "examples_palette.dcm").pixels.permute(1, 2, 0).numpy()
    assert np.abs(shown - wanted).max() <= LEVEL


def test_low_values_shown_bright_are_the_same_picture_bit_for_bit(tmp_path):
    for centre, width in ((300, 700), (511.5, 1023), (77.3, 12.1)):
        stored = soft(high=1024)
        one = dicom(stored, "CR", bits=10, WindowCenter=centre, WindowWidth=width)
        twin = dicom(1023 - stored, "CR", bits=10, PhotometricInterpretation="MONOCHROME1",
                     WindowCenter=1024 - centre, WindowWidth=width)  # fmt: skip
        shown = [grey(saved(tmp_path / name, x)) for name, x in (("a", one), ("b", twin))]
        assert np.array_equal(*shown)
        assert len(np.unique(shown[0])) > 3


def test_a_table_of_the_file_is_looked_up(tmp_path):
    entries = (np.arange(256) ** 2 // 16).astype(np.uint16)  # 12 bits: up to 4064
    table = item(LUTDescriptor=[256, 100, 12], LUTData=entries.tobytes())
    table[0]["LUTData"].VR = "OW"
    stored = soft(high=1000)
    path = saved(tmp_path / "x", dicom(stored, "DX", VOILUTSequence=table, **WINDOW))
    wanted = entries[np.clip(stored.astype(int) - 100, 0, 255)] / 4095
    assert np.abs(grey(path) - wanted).max() <= LEVEL
    assert read_image(path).dicom.window.source == "table"
    second = grey(path, part=Part(window=2))  # its window comes after its tables
    assert np.abs(second - linear(stored, 600, 700)).max() <= LEVEL


def test_the_first_window_is_taken_and_another_may_be_named(tmp_path):
    found = dicom(soft(), "MR", WindowCenter=[300, 1000], WindowWidth=[700, 500])
    path = saved(tmp_path / "x", found)
    for part, centre, width in (
        (Part(), 300, 700),
        (Part(window=2), 1000, 500),
        (Part(window=(20, 90)), 20, 90),
    ):
        image = read_image(path, channels=1, part=part)
        assert (image.dicom.window.centre, image.dicom.window.width) == (centre, width)
        wanted = linear(found.pixel_array, centre, width)
        assert np.abs(image.pixels[0].numpy() - wanted).max() <= LEVEL
    assert "names 2 windows, and --window is 3" in refusal(path, part=Part(window=3))


def test_a_window_is_written_as_centre_and_width():
    assert window_of("300,2000") == (300.0, 2000.0)
    assert window_of("2") == 2
    assert window_text((300.0, 2000.5)) == "300,2000.5"
    assert window_text(None) is None
    for wrong in ("", "wide", "300", "-2", "300,0", "1,2,3", "nan,5", "2.5", "inf,2"):
        if wrong == "300":
            assert window_of(wrong) == 300
            continue
        with pytest.raises(ConfigError, match="a centre and a width"):
            window_of(wrong)


def test_without_a_window_ct_is_refused_and_others_that_would_be_flat(tmp_path):
    said = refusal(saved(tmp_path / "ct", dicom(soft(), "CT")))
    assert "is CT and names no window (its values reach from -1024 to 1023)" in said
    assert "--window CENTRE,WIDTH" in said
    said = refusal(saved(tmp_path / "mr", dicom(soft(high=900), "MR")))
    assert "from 0 to 899, where 16 bits reach from 0 to 65535" in said
    path = saved(tmp_path / "us", dicom(soft(high=90, dtype=np.uint8), "US"))
    assert np.abs(grey(path) - soft(high=90) / 255).max() <= LEVEL
    path = saved(tmp_path / "cr", dicom(soft(), "CR", bits=12))
    assert np.abs(grey(path) - soft() / 4095).max() <= LEVEL


def test_several_frames_need_the_number_of_one(tmp_path):
    frames = [soft(seed=seed) for seed in range(3)]
    path = saved(tmp_path / "x", multiframe(frames, **WINDOW))
    assert "has 3 frames; say which to explain with --frame" in refusal(path)
    assert "has 3 frames, and --frame is 4" in refusal(path, part=Part(frame=4))
    image = read_image(path, channels=1, part=Part(frame=2))
    assert np.abs(image.pixels[0].numpy() - linear(frames[1], 600, 700)).max() <= LEVEL
    assert image.dicom.frame == 2
    with pytest.raises(ConfigError, match="frame must be a whole number from 1"):
        Part(frame=0)


def test_what_an_enhanced_file_says_of_a_frame_goes_before_what_all_share(tmp_path):
    found = multiframe([soft(seed=seed) for seed in range(2)], PixelSpacing=None,
                       ImagePositionPatient=None)  # fmt: skip
    shared = pydicom.Dataset()
    shared.PixelMeasuresSequence = item(PixelSpacing=[0.7, 0.7])
    shared.FrameVOILUTSequence = item(WindowCenter=5, WindowWidth=9)
    own = []
    for z in (1.0, 2.0):
        groups = pydicom.Dataset()
        groups.PlanePositionSequence = item(ImagePositionPatient=[0.0, 0.0, z])
        groups.FrameVOILUTSequence = item(WindowCenter=100 * z, WindowWidth=300)
        groups.PixelValueTransformationSequence = item(RescaleSlope=2, RescaleIntercept=-7)
        own.append(groups)
    found.SharedFunctionalGroupsSequence = [shared]
    found.PerFrameFunctionalGroupsSequence = own
    image = read_image(saved(tmp_path / "x", found), channels=1, part=Part(frame=2))
    assert (image.dicom.position, image.dicom.spacing) == ((0.0, 0.0, 2.0), (0.7, 0.7))
    wanted = linear(soft(seed=1) * 2.0 - 7, 200, 300)
    assert np.abs(image.pixels[0].numpy() - wanted).max() <= LEVEL


def test_what_is_kept_has_nothing_of_the_patient(tmp_path):
    found = dicom(soft(), "CT", ImageLaterality="L", **WINDOW)
    image = read_image(saved(tmp_path / "x", found)).dicom
    assert (image.study, image.modality, image.laterality) == (STUDY, "CT", "L")
    assert (image.series_number, image.instance_number) == (4, 1)
    assert image.orientation == (1, 0, 0, 0, 1, 0)
    assert not any(word in repr(image) for word in (NAME, ID, "1931", "Nemo"))


def test_what_a_reader_must_know_becomes_a_note(tmp_path):
    found = dicom(soft(), "MR", bits=12, BurnedInAnnotation="YES", PixelSpacing=[0.5, 0.8],
                  **WINDOW)  # fmt: skip
    found.add_new(0x60000010, "US", 4)
    found.SynchronizationFrameOfReferenceUID = "1.2.3.4.77"
    content = encoded(found).replace(b"1.2.3.4.77", b"Doe.Jane.7")  # pydicom warns and shows it
    (tmp_path / "x").write_bytes(content)
    notes = " ".join(read_image(tmp_path / "x").notes)
    assert "warnings of pydicom: 1" in notes
    assert "burnt into its pixels" in notes
    assert "overlay" in notes
    assert "not square (height to width as 0.625 to 1)" in notes
    assert "Doe" not in notes
    contrary = dicom(soft(), "MR", PresentationLUTShape="INVERSE", **WINDOW)
    assert "contradict each other" in read_image(saved(tmp_path / "y", contrary)).notes[0]
    outside = read_image(saved(tmp_path / "z", dicom(soft(), "MR", **WINDOW)),
                         part=Part(window=(9000, 10)))  # fmt: skip
    assert outside.notes == ("in its window the whole image is 0% of white",)


def test_bits_above_those_that_are_used_change_nothing(tmp_path):
    found = dicom(soft(low=0, high=4096), "MR", bits=12, **WINDOW)
    plain = grey(saved(tmp_path / "a", found))
    found.PixelData = (soft(low=0, high=4096) | 0x9000).tobytes()
    assert np.array_equal(grey(saved(tmp_path / "b", found)), plain)


@pytest.mark.parametrize("share", [0.2, 0.4, 0.97])
def test_a_file_cut_short_is_refused(tmp_path, share):
    content = encoded(dicom(soft(), "MR", **WINDOW))
    path = tmp_path / "x"
    path.write_bytes(content[: int(len(content) * share)])
    said = refusal(path)
    assert "damaged or incomplete" in said or "without an image" in said


def test_what_stands_beside_images_is_called_what_it_is():
    for name, words in {
        "liver_1frame.dcm": "a segmentation (SEG)",
        "rtdose_1frame.dcm": "a radiotherapy dose (RTDOSE)",
        "test-SR.dcm": "a structured report (SR)",
    }.items():
        assert f"is {words}, no image to explain" in refusal(BUNDLED / name)


@pytest.mark.parametrize(
    ("syntax", "package"),
    [("4.90", "pylibjpeg pylibjpeg-openjpeg"), ("4.80", "pyjpegls"), ("4.70", "python-gdcm")],
)
def test_a_missing_decoder_is_named(tmp_path, monkeypatch, syntax, package):
    monkeypatch.setattr(CoderBase, "is_available", property(lambda _: False))
    found = dicom(soft(), "MR", **WINDOW)
    found.file_meta.TransferSyntaxUID = f"1.2.840.10008.1.2.{syntax}"
    path = tmp_path / "x"
    found.PixelData = pydicom.encaps.encapsulate([b"\xff\x4f\xff\x51"])
    found["PixelData"].is_undefined_length = True
    path.write_bytes(encoded(found))
    assert f"no decoder for that is installed; pip install {package}." in refusal(path)


def test_without_pydicom_the_extra_is_named(tmp_path, monkeypatch):
    path = saved(tmp_path / "x", dicom(soft(), "MR", **WINDOW))
    forget_pydicom(monkeypatch)
    assert 'pip install "med-cam-evidence[dicom]"' in refusal(path)


def test_a_file_without_preamble_is_read_too(tmp_path):
    found = dicom(soft(), "MR", **WINDOW)
    plain = grey(saved(tmp_path / "a", found))
    (tmp_path / "b").write_bytes(encoded(found)[132:])
    assert np.array_equal(grey(tmp_path / "b"), plain)
