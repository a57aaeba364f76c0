"""`med-cam verify` with a classifier other than the one that was explained: status 2, and why."""

from safetensors.torch import load_file, save_file

from med_cam.cli.main import main


def edited(file, old, new):
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def swap_classes(model):
    edited(model / "classifier.toml", '["dark", "bright"]', '["bright", "dark"]')


def shift_mean(model):
    edited(model / "classifier.toml", "mean = 0.0", "mean = 0.25")


def smooth(model):
    edited(model / "classifier.toml", "std = 1.0", 'std = 1.0\ninterpolation = "bicubic"')


def rewrite_factory(model):
    edited(model / "net.py", "* 20", "* 21")


def weigh(model):
    path = model / "model.safetensors"
    save_file({k: 0.9 * v for k, v in load_file(path).items()}, path)


SAID = {
    swap_classes: 'labels = ["dark", "bright"], the classifier given has '
    'labels = ["bright", "dark"];',
    shift_mean: "mean = [0.0, 0.0, 0.0], the classifier given has mean = [0.25, 0.25, 0.25];",
    smooth: 'interpolation = "bilinear", the classifier given has interpolation = "bicubic";',
    rewrite_factory: "source_files.net.py = SHA-256 ",
    weigh: "weights.model.safetensors = SHA-256 ",
}


def test_only_the_classifier_that_was_explained_re_checks(explained, model, capsys):
    result = str(explained / "scan-0")
    files = {path: path.read_bytes() for path in model.iterdir() if path.is_file()}
    for change, said in SAID.items():
        change(model)
        capsys.readouterr()
        status = main(["verify", result, "--model", str(model)])
        out, err = capsys.readouterr()
        assert status == 2
        assert len(err.splitlines()) == 1
        assert f"the explanation was made with {said}" in err
        assert "give the classifier that was explained" in err
        assert "NOT REPRODUCED" not in out
        for path, content in files.items():
            path.write_bytes(content)
    assert main(["verify", result, "--model", str(model)]) == 0
