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
