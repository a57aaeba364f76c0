"""torchvision and timm are importable beside any build of torch."""

import subprocess
import sys

import pytest

from med_cam.classifiers.compat import import_timm, import_torchvision


def run(code):
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_a_fresh_interpreter_imports_both_quietly_and_twice():
    done = run(
        "from med_cam.classifiers.compat import import_timm, import_torchvision\n"
        "first = import_timm(), import_torchvision('torchvision.models')\n"
        "assert first == (import_timm(), import_torchvision('torchvision.models'))\n"
        "import timm, torchvision.ops\n"
        "assert timm.is_model('resnet18')\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_of_the_zoos_is_imported_with_the_room():
    done = run(
        "import sys\n"
        "import med_cam.classifiers.base, med_cam.classifiers.from_timm\n"
        "import med_cam.classifiers.from_torchvision, med_cam.classifiers.compat\n"
        "print(sorted({'timm', 'torchvision', 'transformers', 'onnx'} & set(sys.modules)))\n"
    )
    assert done.stdout == "[]\n", done.stderr


def test_repeated_imports_give_the_same_modules():
    assert import_timm() is import_timm()
    assert import_torchvision() is import_torchvision()


def test_a_module_that_is_not_installed_is_an_import_error():
    with pytest.raises(ImportError):
        import_torchvision("torchvision.no_such_module")


NETS = {
    "at the top": "from torchvision.models import squeezenet1_1 as net\n",
    "when called": "def net(**more):\n    from torchvision import models\n"
    "    return models.squeezenet1_1(**more)\n",
}


@pytest.mark.parametrize("place", NETS)
def test_a_factory_that_imports_torchvision_loads_alone_and_first(place, tmp_path):
    (tmp_path / "net.py").write_text(NETS[place])
    (tmp_path / "classifier.toml").write_text(
        'architecture = "factory:net:net"\nweights = "random"\ninput_size = 64\nmean = 0.5\n'
        'std = 0.5\nclasses = ["a", "b"]\n[arguments]\nnum_classes = 2\n'
    )
    done = run(
        "import torch\nfrom med_cam import load_classifier\ntorch.manual_seed(0)\n"
        f"assert load_classifier({str(tmp_path)!r}, device='cpu').labels == ('a', 'b')\n"
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_factory_without_torchvision_at_hand_says_what_is_missing(tmp_path):
    (tmp_path / "net.py").write_text(NETS["at the top"])
    (tmp_path / "classifier.toml").write_text(
        'architecture = "factory:net:net"\nweights = "own"\n'
    )
    done = run(
        "import sys\nsys.modules['torchvision'] = None\nfrom med_cam import load_classifier\n"
        f"load_classifier({str(tmp_path)!r}, device='cpu')\n"
    )
    assert "ClassifierError" in done.stderr
    assert "torchvision" in done.stderr.splitlines()[-1]
