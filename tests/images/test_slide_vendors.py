"""Files as scanners write them, made with tifffile and read by OpenSlide as of their vendor."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile

from images.slides import halved, noise
from med_cam.errors import ImageError
from med_cam.images.part import Part
from med_cam.images.read import read_image

openslide = pytest.importorskip("openslide")
PLAIN = {"tile": (16, 16), "photometric": "rgb", "metadata": None, "compression": "zlib"}
SCN = """<?xml version="1.0"?>
<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01">
<collection name="c" uuid="1" sizeX="100000" sizeY="80000"><barcode>x</barcode>
<image name="macro" uuid="2"><pixels sizeX="32" sizeY="24">
<dimension sizeX="32" sizeY="24" r="0" ifd="2"/></pixels>
<view sizeX="100000" sizeY="80000" offsetX="0" offsetY="0" spacingZ="0"/></image>
<image name="scan" uuid="3"><pixels sizeX="128" sizeY="96">
<dimension sizeX="128" sizeY="96" r="0" ifd="0"/><dimension sizeX="64" sizeY="48" r="1" ifd="1"/>
</pixels><view sizeX="32000" sizeY="24000" offsetX="10000" offsetY="20000" spacingZ="0"/>
<scanSettings><objectiveSettings><objective>20</objective></objectiveSettings>
<illuminationSettings><numericalAperture>0.4</numericalAperture>
<illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings>
<creationDate>2026</creationDate><device model="Leica SCN400" version="1"/></image>
</collection></scn>"""  # nanometres: 250 a pixel, the scanned part begins at pixel 40, 80

SPACING = """<Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030"
PMSVR="IDoubleArray">&quot;{0:.9f}&quot; &quot;{0:.9f}&quot;</Attribute>"""  # millimetres
LEVEL = f"""<DataObject ObjectType="PixelDataRepresentation">{SPACING}
<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_NUMBER" Group="0x1001" Element="0x8B02"
PMSVR="IUInt16">{{1}}</Attribute></DataObject>"""
PHILIPS = """<?xml version="1.0" encoding="UTF-8" ?>
<DataObject ObjectType="DPUfsImport"><Attribute Name="PIM_DP_SCANNED_IMAGES" Group="0x301D"
Element="0x1003" PMSVR="IDataObjectArray"><Array><DataObject ObjectType="DPScannedImage">
<Attribute Name="PIM_DP_IMAGE_TYPE" Group="0x301D" Element="0x1004" PMSVR="IString">WSI</Attribute>
{}<Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE" Group="0x1001" Element="0x8B01"
PMSVR="IDataObjectArray"><Array>{}</Array></Attribute></DataObject></Array></Attribute>
</DataObject>"""


@dataclass(frozen=True)
class Made:
    """A slide, its pixels in full and in half, by tifffile, and where they lie in it."""

    path: Path
    vendor: str
    pixels: np.ndarray
    half: np.ndarray
    corner: tuple[int, int] = (0, 0)
    bounds: tuple[int, int, int, int] | None = None
    off: float = 0.5  # grey levels, by rounding


def aperio(path):
    """An SVS: tiles of JPEG, a thumbnail between the levels, microns in the description."""
    pytest.importorskip("imagecodecs")
    words = "Aperio Image Library v12.0.15 \r\n128x96 (16x16) JPEG/RGB Q=95|AppMag = 40|MPP = 0.25"
    jpeg = PLAIN | {"compression": "jpeg", "compressionargs": {"level": 95}}
    smooth = np.kron(noise(12, 16), np.ones((8, 8, 1), np.uint8))
    with tifffile.TiffWriter(path) as file:
        file.write(smooth, description=words, **jpeg)
        file.write(halved(smooth, 2), photometric="rgb", metadata=None, rowsperstrip=8)
        file.write(halved(smooth), description="Aperio Image Library", **jpeg)
    return Made(path, "aperio", tifffile.imread(path, key=0), tifffile.imread(path, key=2))


def leica(path):
    """An SCN whose scanned part is smaller than the slide."""
    values, cm = noise(), {"resolution": (4e4, 4e4), "resolutionunit": "CENTIMETER"}
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(values, description=SCN, **PLAIN, **cm)
        file.write(halved(values), subfiletype=1, **PLAIN)
        file.write(halved(values, 2), **PLAIN)
    return Made(path, "leica", values, halved(values), (40, 80), (40, 80, 128, 96))


def trestle(path):
    """A pyramid of Trestle, which says microns per pixel where others say pixels per unit."""
    words = "Background Color=255;Objective Power=20;JPEG Quality=80;OverlapsXY=0 0 0 0"
    said = {"description": words, "software": "MedScan", **PLAIN}
    values = noise()
    with tifffile.TiffWriter(path) as file:
        file.write(values, resolution=(0.25, 0.25), resolutionunit="NONE", **said)
        file.write(halved(values), subfiletype=1, **said)
    return Made(path, "trestle", values, halved(values))


def philips(path):
    """A TIFF of Philips, which says millimetres per pixel of each level in its XML."""
    pytest.importorskip("imagecodecs")
    jpeg = PLAIN | {"compression": "jpeg", "compressionargs": {"level": 95}}
    smooth = np.kron(noise(12, 16), np.ones((8, 8, 1), np.uint8))
    levels = "".join(LEVEL.format(0.00025 * 2**n, n) for n in (0, 1))
    words = PHILIPS.format(SPACING.format(0.00025), levels)
    with tifffile.TiffWriter(path, bigtiff=True) as file:
        file.write(smooth, description=words, software="Philips DP v1.0", **jpeg)
        file.write(halved(smooth), subfiletype=1, **jpeg)
    return Made(path, "philips", tifffile.imread(path, key=0), tifffile.imread(path, key=1))


def ome(path):
    """An OME-TIFF; its levels are SubIFDs, of which OpenSlide reads the first image only."""
    values, cm = noise(), {"resolution": (4e4, 4e4), "resolutionunit": "CENTIMETER"}
    axes = {"axes": "YXS", "PhysicalSizeX": 0.25, "PhysicalSizeY": 0.25}
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(values, subifds=1, **(PLAIN | {"metadata": axes}), **cm)
        file.write(halved(values), subfiletype=1, **PLAIN)
    return Made(path, "generic-tiff", values, halved(values), off=1.0)  # of whole numbers


@pytest.fixture(
    params=[
        (aperio, "s.svs"),
        (leica, "s.scn"),
        (trestle, "s.tif"),
        (philips, "s.tiff"),
        (ome, "s.ome.tif"),
    ],
    ids=lambda made: made[0].__name__,
)
def made(request, tmp_path):
    write, name = request.param
    return write(tmp_path / name)


@pytest.mark.parametrize("side", [1, 2])
def test_a_region_is_the_crop_of_what_tifffile_reads(made, side):
    """At 0.25 microns the full resolution, at 0.5 the level of half of it."""
    assert openslide.OpenSlide.detect_format(str(made.path)) == made.vendor
    left, top = made.corner
    part = Part(region=(left + 32, top + 16, 48, 32), mpp=0.25 * side)
    image = read_image(made.path, part=part)
    pixels = made.pixels if side == 1 else made.half
    wanted = pixels[16 // side : 48 // side, 32 // side : 80 // side].astype(float)
    found = image.pixels.permute(1, 2, 0).numpy() * 255
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= made.off
    assert (image.slide.mpp, image.slide.bounds) == (0.25 * side, made.bounds)
    assert image.slide.mpp_file == pytest.approx((0.25, 0.25))


def test_what_was_not_scanned_is_white_and_said(tmp_path):
    made = leica(tmp_path / "s.scn")
    image = read_image(made.path, part=Part(region=(24, 80, 32, 16), mpp=0.25))
    assert (image.pixels[:, :, :16] == 1).all()
    found = image.pixels[:, :, 16:].permute(1, 2, 0).numpy() * 255
    assert np.abs(found - made.pixels[:16, :16]).max() <= 0.5
    assert any("50.0% of the region was not scanned" in note for note in image.notes)


@pytest.mark.parametrize("content", [b"", b"GENERAL", b"\0" * 600])
def test_a_mirax_file_without_its_folder_is_one_sentence(tmp_path, content):
    (tmp_path / "s.mrxs").write_bytes(content)
    with pytest.raises(ImageError) as told:
        read_image(tmp_path / "s.mrxs", part=Part(region=(0, 0, 8, 8), mpp=0.25))
    assert "s.mrxs" in str(told.value)
    assert "\n" not in str(told.value)
