"""A folder from anyone is refused in a sentence, before it takes memory, time or another file."""

import copy
import json
import os
import struct
import time
import tracemalloc
import zlib
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from PIL import Image as Picture

from med_cam.errors import ConfigError, OutputError
from med_cam.report import read as read_module, write as write_module
from med_cam.report.headers import size_said
from med_cam.report.manifest import checked_id
from med_cam.report.opening import content_of
from med_cam.report.read import read_explanation
from med_cam.report.saved import read_saved
from med_cam.report.write import write

OLD = Path(__file__).parents[1] / "recheck" / "saved-1.1" / "either-patch"


@pytest.fixture
def folder(tmp_path, monkeypatch, explanation, image, provenance):
    """A result with everything."""
    monkeypatch.setattr(write_module, "figure_png", lambda *_: b"figure")
    write(explanation, image, tmp_path / "scan", provenance)
    return tmp_path / "scan"


def refused(folder, *words, read=lambda folder: read_saved(folder, 1)):
    begun = time.process_time()  # of this process: a busy machine is no fault of the reader
    with pytest.raises(OutputError) as raised:
        read(folder)
    assert time.process_time() - begun < 10
    message = str(raised.value)
    assert "\n" not in message
    for word in words:
        assert word in message


def png(height, width):
    """A 1-bit PNG of any size, in a few bytes: its rows are not there."""

    def chunk(name, content):
        total = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + total

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + rows + chunk(b"IEND", b"")


def exchange(folder, edit, name, content, key):
    (folder / name).write_bytes(content)
    edit(lambda d: d["sha256"].update({key: sha256(content).hexdigest()}))


def test_a_document_that_is_too_large_is_not_read(folder):
    with (folder / "explanation.json").open("r+b") as file:
        file.truncate(2**24 + 1)  # sparse
    refused(folder, "16,777,217 bytes", "more than the 16,777,216")


@pytest.mark.parametrize("depth", [64, 500, 100_000])
def test_a_document_that_is_too_deep_is_refused(folder, edit, depth):
    text = (folder / "explanation.json").read_text("utf-8")
    deep = "[" * depth + "]" * depth
    (folder / "explanation.json").write_text('{"deep": ' + deep + "," + text.lstrip()[1:], "utf-8")
    refused(folder, "deeper than 64")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"schema_version": "2.0", "schema_version": "2.0"}', "a key occurs twice"),
        ('{"schema_version": "2.0", "kl": NaN}', "NaN is no number"),
        ('{"schema_version": "2.0", "kl": ' + "9" * 5000 + "}", "not valid JSON"),
        ('"schema_version"', "not an explanation"),
        ('{"schema_version": ["1.1\\n"]}', "schema version"),
        ('{"schema_version": "1.1", "fallback": 3}', "as med-cam wrote it before"),
        ('{"schema_version": "1.1"}', "lacks"),
    ],
)
def test_what_readers_would_disagree_on_is_refused(folder, text, said):
    (folder / "explanation.json").write_text(text)
    refused(folder, said)


@pytest.mark.parametrize("name", ["explanation.json", "mask.png", "source.png"])
def test_a_link_is_not_followed(folder, tmp_path, name):
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    refused(folder, name, "is a link")
    refused(folder, name, "is a link", read=checked_id)


@pytest.mark.parametrize("name", ["explanation.json", "mask.png", "manifest.sha256"])
def test_a_pipe_is_not_waited_for_and_a_folder_is_no_file(folder, name):
    read = checked_id if name == "manifest.sha256" else lambda folder: read_saved(folder, 1)
    for make in (os.mkfifo, Path.mkdir):
        path = folder / name
        if path.is_dir():
            path.rmdir()
        else:
            path.unlink()
        make(path)
        refused(folder, name, "is no regular file", read=read)


def test_a_device_is_not_read(folder):
    (folder / "mask.png").unlink()
    (folder / "mask.png").symlink_to("/dev/zero")
    refused(folder, "mask.png is a link")


@pytest.mark.parametrize("name", ["mask.png", "source.png"])
@pytest.mark.parametrize("size", [(60_000, 60_000), (2**31 - 1, 2**31 - 1), (20, 31)])
def test_a_picture_of_another_size_is_refused_by_its_header(folder, edit, name, size):
    content = png(*size)
    key = "mask" if name == "mask.png" else "image"
    exchange(folder, edit, name, content, key)
    refused(folder, f"{name} has {size[0]} x {size[1]} pixels")


def test_a_document_that_claims_so_many_pixels_is_refused(folder, edit):
    edit(lambda d: d["image"].update(height=60_000, width=60_000))
    refused(folder, "3,600,000,000 pixels", "268,435,456")


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (3, 60_000, 60_000)},
        {"shape": (2**40, 1, 1)},
        {"descr": "|O"},
        {"descr": "<f8"},
        {"fortran_order": True},
    ],
)
def test_an_array_that_says_more_than_it_has_is_refused(folder, edit, change):
    buffer, values = BytesIO(), np.zeros((1, 20, 30), np.float32)
    header = {"descr": "<f4", "fortran_order": False, "shape": values.shape} | change
    np.lib.format.write_array_header_1_0(buffer, header)
    exchange(folder, edit, "source.npy", buffer.getvalue() + values.tobytes(), "source")
    edit(lambda d: d["image"].update(file="source.npy"))
    refused(folder, "source.npy has 0 x 0 pixels")


def test_the_size_is_that_of_the_file_for_every_kind():
    for kind in ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"):
        buffer = BytesIO()
        Picture.new("L", (30, 20)).save(buffer, kind)
        assert size_said(buffer.getvalue()) == (20, 30), kind
    buffer = BytesIO()
    np.save(buffer, np.zeros((3, 20, 30), np.float32))
    assert size_said(buffer.getvalue()) == (20, 30)
    for broken in (b"", b"x", b"\x89PNG\r\n\x1a\n", png(20, 30)[:20], b"\x93NUMPY"):
        assert size_said(broken) in (None, (0, 0))


def repeated(entries, number):
    return [copy.deepcopy(entries[0]) for _ in range(number)]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda d: d["tests"].update(alternatives=repeated(d["tests"]["alternatives"], 65)),
            "65 further masks",
        ),
        (lambda d: d["claim"]["certificate"].update(samples=10**9), "1,000,000,000 samples"),
        (lambda d: d["claim"]["certificate"].update(tried=10**9), "masks tried"),
        (
            lambda d: d["tests"]["alternatives"][1]["claim"]["certificate"].update(tried=10**9),
            "masks tried",
        ),
        (
            lambda d: d["tests"]["necessary_superset"]["claim"]["certificate"].update(
                samples=10**7
            ),
            "samples",
        ),
        (lambda d: d["tests"]["minimality"].update(samples=[10**9]), "samples"),
        (lambda d: d["tests"]["minimality"].update(shifts=[0] * 20_000), "shifts"),
        (
            lambda d: d["tests"]["minimality"].update(
                patches=repeated(d["tests"]["minimality"]["patches"], 17_000)
            ),
            "17,000 patches",
        ),
        (
            lambda d: d["config"].update(verification={"samples": 10**9}),
            "samples (a setting)",
        ),
        (
            lambda d: d["config"].update(certification={"deletion_samples": 10**9}),
            "deletion_samples (a setting)",
        ),
    ],
)
def test_more_than_is_ever_written_is_not_drawn(folder, edit, spoil, said):
    edit(spoil)
    refused(folder, said, "leave it alone")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda d: d.update(label=3), "label is 3"),
        (lambda d: d.update(target=True), "target is True"),
        (lambda d: d.update(target="1"), "target is '1'"),
        (lambda d: d.update(verified=1), "verified is 1"),
        (lambda d: d.update(verified=None), "verified is None"),
        (lambda d: d.update(labels=["a", None]), "labels[1] is None"),
        (lambda d: d.update(area=1.5), "area is 1.5"),
        (lambda d: d.update(area="x" * 1000), "area is 'xxx"),
        (lambda d: d.update(claim=[]), "claim is a list"),
        (lambda d: d["claim"].pop("checks"), "lacks claim.checks"),
        (lambda d: d["claim"]["certificate"].update(bound=None), "claim.certificate.bound"),
        (lambda d: d["claim"]["certificate"].update(retained=-1), "retained is -1"),
        (lambda d: d["tests"]["minimality"]["patches"][0].update(witness="luck"), "'luck'"),
        (lambda d: d["sha256"].update(mask="A" * 64), "sha256.mask is 'AAA"),
        (lambda d: d["classifier"].update(input_size=[1, 2, 3]), "has 3 entries, not 2"),
        (lambda d: d["probabilities"].update(glioma={}), "probabilities.glioma is an object"),
        (lambda d: d["versions"].update(torch=2), "versions.torch is 2"),
    ],
)
def test_the_first_field_of_another_type_is_named_with_its_value(folder, edit, spoil, said):
    edit(spoil)
    refused(folder, "is not as med-cam writes it", said)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.sampled_from(["../mask.png", "", "\0", "source.npy", "mask.png", 10**30, -1, 2**62]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def places(value, path=()):
    """Every place of a document, as the keys that lead to it."""
    yield path
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, inner in items:
        yield from places(inner, (*path, key))


def mutated(document, path, value, *, drop):
    """A copy with another value at a place, or without it."""
    if not path:
        return value
    found = copy.deepcopy(document)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return found


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_stands_in_a_document_is_read_or_refused_in_a_sentence(folder, data):
    for source in (OLD / "explanation.json", folder / "explanation.json"):
        kept = source.read_text("utf-8") if source.parent != folder else folder_text(folder)
        document = json.loads(kept)
        path = data.draw(st.sampled_from(list(places(document))))
        changed = mutated(document, path, data.draw(VALUES), drop=data.draw(st.booleans()))
        (folder / "explanation.json").write_text(json.dumps(changed), "utf-8")
        try:
            read_saved(folder, 1)
        except (OutputError, ConfigError) as error:
            assert "\n" not in str(error)  # noqa: PT017
        (folder / "explanation.json").write_text(folder_text(folder), "utf-8")


def folder_text(folder):
    """The JSON as it was written."""
    kept = folder.parent / "kept.json"
    if not kept.exists():
        kept.write_bytes((folder / "explanation.json").read_bytes())
    return kept.read_text("utf-8")


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_whatever_stands_in_its_place_is_refused_in_a_sentence(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("any")
    (folder / "explanation.json").write_bytes(content)
    with pytest.raises(OutputError) as raised:
        read_explanation(folder)
    assert "\n" not in str(raised.value)


def test_a_whole_document_is_within_all_limits(folder):
    document = read_explanation(folder)
    read_module.refuse_misshapen(document, folder)
    read_module.refuse_excess(document, folder)


def test_a_small_file_is_read_with_little_memory(tmp_path):
    (tmp_path / "mask.png").write_bytes(b"small")
    tracemalloc.start()
    assert content_of(tmp_path / "mask.png") == b"small"
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**20  # not the most that a file may have
