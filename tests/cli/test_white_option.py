"""`--white` reaches image and references, is saved, and is used when claims are re-checked."""

import json

import numpy as np
import pytest

from cli.corner import results
from forging import rewrite_manifests
from images.bytes_of import deep_png

pytestmark = pytest.mark.usefixtures("no_figures")


def twelve(path, seed=0):
    """Light in the corner, of 12 bits in 16."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(seed).integers(0, 600, (30, 40), dtype=np.uint16)
    values[:15, :20] = 3700
    values[0, 0] = 4095
    path.write_bytes(deep_png(values))
    return path


@pytest.fixture
def deep(here):
    twelve(here / "deep.png")
    for index in range(3):
        twelve(here / "others" / f"{index}.png", seed=index + 1)
    return here


def saved(folder):
    return json.loads((folder / "explanation.json").read_text())


def test_a_dark_file_is_refused_with_the_number_and_the_cure(run, deep, model):
    status, _, err = run("deep.png", "--model", model)
    assert status == 2
    assert "largest value is 4095, 6.2% of the 65535" in err[0]
    assert "--white VALUE" in err[0]
    assert not (deep / "med-cam-out").exists()


def test_a_declared_white_is_saved_and_used_again(run, verify, deep, model, quick):
    words = ["--model", model, "--references", "others"]
    status, out, _ = run("deep.png", *words, "--config", quick, "--white", "4095")
    assert status == 0
    assert "3 reference images" in "\n".join(out)
    assert results(deep / "med-cam-out") == ["deep"]
    folder = deep / "med-cam-out" / "deep"
    found = saved(folder)
    assert found["image"]["white"] == "4095"
    assert found["label"] == "bright"
    note = "the image was read with 4095 as white, where 16-bit values reach 65535"
    assert note in found["claim"]["warnings"]
    status, _, err = verify("med-cam-out", *words)
    assert (status, err) == (0, [])
    found["image"]["white"] = "8190"  # half as bright: another input
    (folder / "explanation.json").write_text(json.dumps(found))
    rewrite_manifests(folder)
    status, _, err = verify("med-cam-out", *words)
    assert status in (2, 3)


def test_the_classifiers_white_counts_and_the_option_goes_before_it(run, deep, model, quick):
    text = (model / "classifier.toml").read_text()
    (model / "classifier.toml").write_text(f"{text}\nwhite = 4095\n")
    words = ["--model", model, "--config", quick]
    assert run("deep.png", *words).status == 0
    assert saved(deep / "med-cam-out" / "deep")["image"]["white"] == "4095"
    words += ["--existing", "redo"]
    assert run("deep.png", *words, "--white", "file").status == 0
    assert saved(deep / "med-cam-out" / "deep")["image"]["white"] == "file"
    ran = run("deep.png", *words, "--white", "1000")
    assert ran.status == 2
    assert "above the 1000 that was declared white" in ran.err[0]


def test_what_is_no_grey_value_is_refused(run, deep, model):
    for text in ("black", "-3", "0", "nan"):
        ran = run("deep.png", "--model", model, "--white", text)
        assert ran.status == 2
        assert "white must be a grey value above 0" in ran.err[0]


def test_dark_references_are_left_out_counted_and_saved(run, verify, scans, deep, model, quick):
    (scans / "x.txt").write_text("no image")
    mixed = deep / "mixed"
    mixed.mkdir()
    for path in (*scans.glob("*.png"), *(deep / "others").glob("0.png")):
        (mixed / path.name).write_bytes(path.read_bytes())
    (mixed / "broken.png").write_bytes((mixed / "scan-0.png").read_bytes()[:300])
    words = ["--model", model, "--references", mixed]
    status, out, err = run(scans / "scan-0.png", *words, "--config", quick)
    assert status == 0
    assert "3 reference images" in "\n".join(out)
    assert [line for line in err if "left out: " in line and "0.png would be almost black" in line]
    assert [line for line in err if "left out: " in line and "broken.png is damaged" in line]
    assert err[-1] == "med-cam: 2 of 5 reference images were left out."
    assert saved(deep / "med-cam-out" / "scan-0")["references_left_out"] == 2
    status, _, err = verify("med-cam-out", *words)
    assert status == 0


def test_references_of_which_none_can_be_read_end_the_run(run, scans, deep, model):
    ran = run(scans / "scan-0.png", "--model", model, "--references", "others")
    assert ran.status == 2
    assert "almost black" in ran.err[0]
