"""What decoders say is a note of the image, and is said nowhere else."""

import logging
import struct
import warnings

import numpy as np
import pytest

from images.bytes_of import encoded, noise, page, tiff
from med_cam.errors import ImageError
from med_cam.images.overheard import LONGEST, SHOWN, overheard
from med_cam.images.read import read_image

GREY = np.arange(35, dtype=np.uint8).reshape(5, 7)


def read(tmp_path, content):
    path = tmp_path / "x.tif"
    path.write_bytes(content)
    return read_image(path)


def leading_nowhere():
    """A whole page whose link to a next one leads behind the end of the file."""
    content = bytearray(tiff(page(GREY)))
    content[-4:] = struct.pack("<I", 2**30)
    return bytes(content)


def test_what_tifffile_logs_is_a_note(tmp_path, capfd, caplog):
    found = read(tmp_path, leading_nowhere())
    assert any("decoder warns" in note and "invalid" in note for note in found.notes)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_what_tifffile_logs_elsewhere_is_logged_as_before(tmp_path, caplog):
    read(tmp_path, leading_nowhere())
    logging.getLogger("tifffile").warning("of another file")
    assert [record.getMessage() for record in caplog.records] == ["of another file"]


def test_a_log_with_a_line_for_each_tag_is_cut_short():
    with overheard(tiff=True) as notes:
        for number in range(SHOWN + 4):
            logging.getLogger("tifffile").warning("tag %d is\x00odd\nand more", number)
        logging.getLogger("tifffile").info("of no interest")
    assert len(notes) == SHOWN + 1
    assert notes[0] == "the image's decoder warns: tag 0 is?odd"
    assert notes[-1] == "the image's decoder warns: 4 more of such messages"


def test_warnings_are_notes_once_and_not_raised():
    with overheard(tiff=False) as notes:
        for _ in range(2):
            warnings.warn("x" * 1000, UserWarning, stacklevel=1)
    (note,) = notes
    assert len(note) < LONGEST + 40


def test_harmless_warnings_are_no_notes():
    with overheard(tiff=True) as notes:
        warnings.warn("Corrupt EXIF data", UserWarning, stacklevel=1)
    assert notes == []


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_compression_whose_damage_nobody_reports_is_refused(tmp_path, compression):
    content = encoded(noise()[..., 0], "TIFF", mode="1", compression=compression)
    with pytest.raises(ImageError, match="fax compression, which is not read; save it"):
        read(tmp_path, content)
