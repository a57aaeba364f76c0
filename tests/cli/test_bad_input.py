"""Every mistake in what is given: one sentence, the right exit status, the other images done."""

import json
import struct
import zlib

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.torch import save_file

from cli.corner import photograph, results
from med_cam.cli.main import main

# -- images ---------------------------------------------------------------------------------------


def png_of_no_width():
    """A PNG whose header says 0 x 4 pixels."""

    def chunk(kind, body):
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", 0, 4, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(b"\0" * 4)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def corrupt(path):
    photograph(path)
    path.write_bytes(path.read_bytes()[:200])


def animated(path):
    frames = [PIL.Image.new("L", (8, 8), value) for value in (0, 255)]
    frames[0].save(path, format="GIF", save_all=True, append_images=frames[1:])


def transparent(path):
    PIL.Image.new("RGBA", (8, 8), (255, 0, 0, 128)).save(path)


def four_channels(path):
    planes = np.zeros((8, 8, 4), np.uint8)
    planes[..., 3] = 7
    PIL.Image.fromarray(planes, mode=None).save(path)


BAD_IMAGES = {
    "corrupt": corrupt,
    "empty": lambda path: path.write_bytes(b""),
    "missing": lambda path: None,
    "animated": animated,
    "of no size": lambda path: path.write_bytes(png_of_no_width()),
    "no image": lambda path: path.write_text("name,label\n"),
    "transparent": transparent,
    "of four channels": four_channels,
    "a folder of nothing": lambda path: path.mkdir(),
    "a folder of texts": lambda path: (path.mkdir(), (path / "a.txt").write_text("a")),
}


@pytest.mark.parametrize("bad", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_is_a_sentence_and_the_others_are_done(run, scans, model, instant, here, bad):
    path = here / "bad.png"
    bad(path)
    status, out, err = run(scans / "scan-0.png", path, scans / "scan-1.png", "--model", model)
    assert status == 2
    assert len(err) == 1
    assert err[0].startswith("med-cam: ")
    assert str(path) in err[0]
    assert err[0].endswith(".")
    assert results(here / "med-cam-out") == ["scan-0", "scan-1"]
    assert "1 failed" in "\n".join(out)


@pytest.mark.parametrize("bad", BAD_IMAGES.values(), ids=BAD_IMAGES)
def test_a_bad_image_alone_leaves_nothing_but_its_sentence(run, model, here, bad):
    bad(here / "bad.png")
    status, _, err = run("bad.png", "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "Traceback" not in err[0]
    assert not (here / "med-cam-out").exists()


# -- what stops a run before it begins ------------------------------------------------------------


def refused(ran, *words):
    """The one sentence, which must hold these words."""
    assert ran.status == 2
    assert ran.out == []
    assert len(ran.err) == 1
    sentence = ran.err[0]
    assert sentence.startswith("med-cam: ")
    assert sentence.endswith((".", "?"))
    for word in words:
        assert word in sentence
    assert "Traceback" not in sentence


@pytest.fixture
def refusal(run, scans, model, here):
    """A run over good images that ends in one sentence with these words, nothing written."""

    def check(*arguments, words):
        refused(run(scans, "--model", model, *arguments), *words)
        assert not (here / "med-cam-out").exists()

    return check


def test_a_wrong_label(refusal):
    refusal("--target", "brigth", words=["'brigth'", "did you mean 'bright'", "dark"])
    refusal("--target", "xyz", words=["'xyz'", "dark, bright"])


def test_target_and_contrast_that_are_one_label(refusal):
    both = ("--target", "dark", "--contrast", "dark")
    refusal(*both, words=["--target and --contrast are both 'dark'"])


@pytest.mark.parametrize(
    "option", ["--model", "--out", "--references", "--config", "--target", "--contrast"]
)
def test_nothing_is_not_the_working_folder(refusal, option):
    refusal(option, "", words=[f"what follows {option} is empty", "for the working folder"])
    refusal(f"{option}=", words=[f"{option} is empty"])


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--seeds", "51", "1 to 50, got 51"),
        ("--seeds", "0", "1 to 50, got 0"),
        ("--alternatives", "-1", "0 to 50, got -1"),
        ("--patch", "1", "0 or a whole number, 2 to 1024, got 1"),
        ("--patch", str(10**30), "2 to 1024, got 1000"),
        ("--seeds", "nan", "--seeds"),
        ("--seed", "1.5", "--seed"),
    ],
)
def test_an_option_out_of_range_is_named_as_the_option(refusal, option, value, words):
    refusal(option, value, words=[option, words, "--help"])


def test_an_unknown_preset(refusal):
    refusal("--preset", "paper", words=["'paper'"])


def test_a_device_that_is_not_there(refusal):
    refusal("--device", "cuda:99", words=["cuda:99", "--device cpu"])
    refusal("--device", "tpu", words=["'tpu'", "auto, cpu, cuda"])


def test_settings_that_cannot_be_used(refusal, here):
    refusal("--config", "none.toml", words=["none.toml"])
    (here / "s.toml").write_text("[search]\nstep = 3\n")
    refusal("--config", "s.toml", words=["'step'", "'steps'"])
    (here / "s.toml").write_text("search = ")
    refusal("--config", "s.toml", words=["s.toml", "TOML"])
    (here / "s.toml").write_text('[verification]\nbaselines = ["gray"]\n')
    refusal("--config", "s.toml", words=["'gray'", "'grey'"])
    (here / "s.toml").write_text("[verification]\nbaselines = []\n")
    refusal("--config", "s.toml", words=["baselines", "1 to 16", "[]"])


@pytest.mark.parametrize("seed", ["-1", str(2**70)])
def test_a_seed_out_of_range(refusal, seed):
    refusal("--seed", seed, words=[seed])


def test_unknown_baselines(refusal):
    refusal("--removal", "grey,noise", words=["'noise'"])
    refusal("--removal", "gray", words=["'gray'", "'grey'"])
    refusal("--removal", " , ", words=["grey"])


def test_reference_images_as_baseline_without_any(refusal):
    refusal("--removal", "grey,others", words=["others", "--references"])
    refusal("--beside", "feathered_others", words=["feathered_others", "--references"])
    refusal("--beside", " ,", words=["--beside", "names none"])


def test_references_that_cannot_be_read(refusal, here):
    refusal("--references", "none", words=["none"])
    (here / "others").mkdir()
    refusal("--references", "others", words=["others"])
    (here / "others" / "x.png").write_bytes(b"")
    refusal("--references", "others", words=["x.png", "empty"])


@pytest.mark.parametrize("command", ["explain", "audit", "verify"])
@pytest.mark.parametrize(
    "option", ["--model", "--references", "--image", "--config", "--out", "--white", "--trust"]
)
@pytest.mark.parametrize("long", ["9" * 5000, f"{'x' * 300}/y"], ids=["digits", "a folder"])
def test_what_is_longer_than_a_name_can_be_is_a_short_sentence(
    command, option, long, scans, model, here, capsys
):
    """Looked for as a file or not: not found, or no such option, but never an internal error."""
    status = main([command, str(scans), f"--model={model}", f"{option}={long}"])
    (sentence,) = capsys.readouterr().err.splitlines()
    assert status == 2
    assert "internal error" not in sentence
    assert len(sentence) < 400


def test_a_place_that_cannot_be_written(refusal, here):
    (here / "taken").write_text("mine")
    refusal("--out", "taken", words=["taken", "--out"])
    refusal("--out", "taken/deeper", words=["taken/deeper", "--out"])
    assert (here / "taken").read_text() == "mine"


def test_a_model_without_images(run, model):
    refused(run("--model", model), "corner", "no images")


@pytest.mark.parametrize("name", ["nowhere", "timm:resnet18"])
def test_a_model_that_is_not_there(run, scans, name):
    refused(run(scans, "--model", name), name)


# -- classifiers ----------------------------------------------------------------------------------


def edited(model, **changes):
    text = (model / "classifier.toml").read_text()
    lines = [line for line in text.splitlines() if line.split(" = ")[0] not in changes]
    lines += [f"{key} = {json.dumps(value)}" for key, value in changes.items()]
    (model / "classifier.toml").write_text("\n".join(lines))


def test_nan_in_the_weights(refusal, model):
    weights = torch.full((2, 3, 1, 1), 1 / 3)
    weights[0, 0] = float("nan")
    save_file({"conv.weight": weights}, model / "model.safetensors")
    refusal(words=["NaN"])


def test_weights_that_do_not_fit(refusal, model):
    save_file({"conv.weight": torch.ones(5, 3, 1, 1)}, model / "model.safetensors")
    refusal(words=["conv.weight"])
    save_file({"convolution.weight": torch.ones(2, 3, 1, 1)}, model / "model.safetensors")
    refusal(words=["conv.weight"])


def test_weights_that_are_no_weights(refusal, model):
    (model / "model.safetensors").write_bytes(b"not this")
    refusal(words=["model.safetensors"])


def test_a_class_list_of_the_wrong_length(refusal, model):
    edited(model, classes=["a", "b", "c"])
    refusal(words=["2", "3"])


def test_an_unknown_key_in_the_description(refusal, model):
    edited(model, clases=["a", "b"])
    refusal(words=["clases", "classes"])


def test_a_network_of_a_zoo_with_weights_of_another(run, scans, here):
    folder = here / "zoo"
    folder.mkdir()
    (folder / "classifier.toml").write_text(
        'architecture = "timm:test_resnet"\nclasses = ["a", "b"]\n'
    )
    save_file({"conv1.weight": torch.zeros(1)}, folder / "model.safetensors")
    refused(run(scans, "--model", folder), "conv1.weight")
