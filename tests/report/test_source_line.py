"""The line below a figure says which image it is of, by which classifier, and when it was made."""

from dataclasses import replace
from hashlib import sha256

import pytest

from med_cam.report import write as module
from med_cam.report.write import write


@pytest.fixture
def line_below(monkeypatch, tmp_path, explanation):
    """The line that the figure of a result is given."""
    lines = []

    def figure(image, found, result_id, line, style):
        lines.append(line)
        return b"figure"

    monkeypatch.setattr(module, "figure_png", figure)

    def line(image, provenance):
        write(explanation, image, tmp_path / "result", provenance)
        return lines[-1]

    return line


def test_file_classifier_version_and_day(line_below, image, provenance):
    made = replace(provenance.made, created="2026-07-28T09:30:00Z")
    line = line_below(image, replace(provenance, made=made))
    assert line == "Scan.PNG \u00b7 mobilenetv2_100 \u00b7 med-cam 0.1.0 \u00b7 2026-07-28"


def test_an_image_made_in_memory_is_called_by_its_hash(line_below, tmp_path, image, provenance):
    made_in_memory = replace(image, path="", sha256="")
    line = line_below(made_in_memory, replace(provenance, image_name="", image_sha256=""))
    digest = sha256((tmp_path / "result" / "source.npy").read_bytes()).hexdigest()
    assert line.startswith(f"image {digest[:12]} \u00b7 mobilenetv2_100 \u00b7 ")
