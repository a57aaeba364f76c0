"""Every mistake: one sentence on stderr, the right exit status, the other images done."""

import errno
import json
import os
import signal
import struct
import subprocess
import sys
import time
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


# -- while it runs --------------------------------------------------------------------------------


def test_an_internal_error_is_reported_and_the_others_are_done(run, scans, model, instant, here):
    instant.fails["scan-1.png"] = RuntimeError("shapes 3 and 4\ndo not fit")
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 1
    assert "scan-1.png: internal error, RuntimeError: shapes 3 and 4; " in err[0]
    assert "--debug" in err[0]
    assert results(here / "med-cam-out") == ["scan-0", "scan-2"]


def test_an_internal_error_weighs_more_than_a_mistake(run, scans, model, instant):
    instant.fails["scan-1.png"] = RuntimeError("ours")
    (scans / "bad.png").write_bytes(b"")
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 2


def test_debug_shows_the_traceback(run, scans, model, instant):
    instant.fails["scan-1.png"] = RuntimeError("ours")
    _, _, err = run(scans, "--model", model, "--debug")
    assert "Traceback (most recent call last):" in err
    assert any("conftest.py" in line for line in err)
    assert err[-1].startswith("med-cam: ")


def test_an_internal_error_before_the_images_is_reported_too(run, scans, model, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("med_cam.cli.classifier.load_classifier", broken)
    status, _, err = run(scans, "--model", model)
    assert status == 1
    assert len(err) == 1
    assert "ZeroDivisionError" in err[0]


def test_no_space_left_leaves_nothing_half_written(run, scans, model, instant, here, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "No space left on device" in err[0]
    assert err[0].endswith("2 more not begun: each would fail so.")
    assert list((here / "med-cam-out").iterdir()) == []
    assert len(instant.calls) == 1


def test_a_full_disk_is_noticed_before_an_image_costs_its_time(
    run, scans, model, instant, monkeypatch
):
    probes = iter([None])  # the first finds room

    class Full:
        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def write(self, _):
            if next(probes, "full") == "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def flush(self):
            pass

    monkeypatch.setattr("tempfile.TemporaryFile", lambda **_: Full())
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert err[0].endswith("2 more not begun: each would fail so.")
    assert instant.calls == []


def test_a_folder_with_other_files_in_it_is_not_replaced(run, scans, model, instant, here):
    kept = here / "med-cam-out" / "scan-1" / "diary.txt"
    kept.parent.mkdir(parents=True)
    kept.write_text("dear diary")
    status, _, err = run(scans, "--model", model)
    assert status == 2
    assert len(err) == 1
    assert "diary.txt" in err[0]
    assert kept.read_text() == "dear diary"
    assert len(instant.calls) == 2


def test_an_interrupted_run_keeps_what_was_finished(run, scans, model, instant, here):
    instant.fails["scan-1.png"] = KeyboardInterrupt()
    status, out, err = run(scans, "--model", model)
    assert status == 130
    assert err == ["med-cam: interrupted; 1 of 3 images finished, results are in med-cam-out."]
    assert results(here / "med-cam-out") == ["scan-0"]
    assert out[-1].startswith("scan-0")


def test_an_interrupted_run_says_once_what_had_failed(run, scans, model, instant, here):
    (scans / "a-bad.png").write_bytes(b"")
    instant.fails["scan-1.png"] = KeyboardInterrupt()
    status, out, err = run(scans, here / "missing.png", "--model", model)
    assert status == 130
    assert [sentence for sentence in err if "a-bad.png is empty" in sentence] == [err[0]]
    assert sum("missing.png" in sentence for sentence in err) == 1
    assert any("interrupted; 1 of 4" in sentence for sentence in err)
    assert len(err) == 3
    assert sum("a-bad" in line for line in out) == 1


def test_a_run_interrupted_early_says_so(run, scans, model, instant, here):
    instant.fails["scan-0.png"] = KeyboardInterrupt()
    status, _, err = run(scans, "--model", model)
    assert status == 130
    assert len(err) == 1
    assert not (here / "med-cam-out").exists()


def test_control_c_ends_the_real_program_in_one_line(scans, model, here):
    code = "import sys; from med_cam.cli.main import main; sys.exit(main(sys.argv[1:]))"
    (here / "long.toml").write_text("[search]\nsteps = 10000\n")
    words = ["explain", str(scans), "--model", str(model), "--config", "long.toml"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # A shell's background jobs ignore Ctrl-C, and hand that on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as program:
        try:
            assert "corner" in program.stdout.readline()
            time.sleep(0.3)
            program.send_signal(signal.SIGINT)
            _, err = program.communicate(timeout=20)
        finally:
            program.kill()  # a failure must not wait for all steps
    assert program.returncode == 130
    assert len(err.splitlines()) == 1
    assert "interrupted" in err
    assert not (here / "med-cam-out").exists()
