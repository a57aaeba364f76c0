"""A classifier is the same in another process, or is refused in a sentence; nothing hangs."""

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from classifiers import kinds
from cli.corner import NET, TOML, photograph
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError

SENT = ("timm", "torchvision", "factory", "onnx", "huggingface")
LONG = 120  # seconds; no test takes as long unless something hangs


def logits_of(classifier):
    """For a fixed input."""
    x = torch.linspace(-1, 1, classifier.channels * classifier.input_size[0] ** 2)
    with hooks_attached(classifier) as forward, torch.no_grad():
        return forward(x.view(1, classifier.channels, *classifier.input_size)).logits.tolist()


def made(kind, folder):
    folder.mkdir()
    kinds.MAKERS[kind](folder)
    return load_classifier(folder, device="cpu")


def corner(folder):
    """A factory whose file has a class of its own."""
    folder.mkdir()
    (folder / "net.py").write_text(NET)
    (folder / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, folder / "model.safetensors")
    return load_classifier(folder, device="cpu")


def test_a_process_that_was_spawned_gives_the_same_logits(tmp_path):
    """timm cannot be imported there as it is, and nobody knows the class of the factory."""
    classifiers = [made(kind, tmp_path / kind) for kind in SENT if kind != "factory"]
    classifiers.append(corner(tmp_path / "corner"))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        futures = [pool.submit(logits_of, classifier) for classifier in classifiers]
        assert [f.result(LONG) for f in futures] == [logits_of(c) for c in classifiers]


@pytest.mark.parametrize("kind", kinds.MAKERS)
def test_every_kind_comes_back_or_is_refused_in_a_sentence(kind, tmp_path):
    classifier = made(kind, tmp_path / kind)
    if kind in SENT:
        again = pickle.loads(pickle.dumps(classifier))
        assert logits_of(again) == logits_of(classifier)
        assert again.loaded_from == classifier.loaded_from
    else:
        with pytest.raises(ClassifierError, match=r"cannot be sent to another process .*load it"):
            pickle.dumps(classifier)


def test_a_closure_is_refused_in_a_sentence():
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 2))
    module.register_forward_hook(lambda *_: None)
    with pytest.raises(ClassifierError, match="cannot be sent to another process"):
        pickle.dumps(Classifier(module, ("a", "b"), (4, 4), 1, (0.0,), (1.0,)))


def test_another_file_of_a_factory_is_not_run_in_the_place_of_the_one_that_was_loaded(tmp_path):
    classifier = corner(tmp_path / "corner")
    content = pickle.dumps(classifier)
    file = tmp_path / "corner" / "net.py"
    file.write_text(NET.replace("0.7", "0.6"))
    for act in (lambda: pickle.dumps(classifier), lambda: pickle.loads(content)):
        with pytest.raises(ClassifierError, match=r"net\.py was changed"):
            act()
    file.unlink()
    with pytest.raises(ClassifierError, match=r"net\.py was changed"):
        pickle.loads(content)


def test_copies_share_the_module_and_deep_copies_do_not(tmp_path):
    classifier = corner(tmp_path / "corner")
    assert copy.copy(classifier) == classifier
    assert copy.copy(classifier).module is classifier.module
    deep = copy.deepcopy(classifier)
    assert deep.module is not classifier.module
    assert logits_of(deep) == logits_of(classifier)


FORKED = """
import os, sys
import torch
from med_cam import load_classifier, MedCamError
from med_cam.classifiers.forward import hooks_attached
torch.set_num_threads(2)

def use(classifier):
    with hooks_attached(classifier) as forward:
        x = torch.randn(8, 3, 512, 512, requires_grad=True)
        forward(x).logits.sum().backward()

classifier = load_classifier("corner", device="cpu")
use(classifier)
for act in (lambda: use(classifier), lambda: load_classifier("corner", device="cpu")):
    child = os.fork()
    if not child:
        try:
            act()
        except MedCamError as error:
            print(error, flush=True)
        torch.set_num_threads(1)
        act()
        print("done", flush=True)
        os._exit(0)
    os.waitpid(child, 0)
use(classifier)
"""


def of_own(code, folder):
    """What a program says, in a folder, with two threads; it ends in time."""
    (folder / "program.py").write_text(code)
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "OMP_NUM_THREADS": "2",
        "PYTHONWARNINGS": "ignore",
    }
    command = [sys.executable, "program.py"]
    found = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=LONG,
        check=False,
    )  # fmt: skip
    assert (found.returncode, found.stderr) == (0, "")
    return found.stdout.splitlines()


def test_a_fork_of_a_process_with_threads_is_refused_instead_of_hanging(tmp_path):
    corner(tmp_path / "corner")
    said = of_own(FORKED, tmp_path)
    assert len(said) == 4
    for line in said[::2]:
        assert line.startswith("this process was forked from one in which torch ran with several")
    assert said[1::2] == ["done", "done"]


def test_the_example_of_the_documents_works(tmp_path):
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text()
    code = text.partition("### Processes")[2].partition("```python\n")[2].partition("```")[0]
    corner(tmp_path / "my-classifier")
    photograph(tmp_path / "scans" / "a.png")
    photograph(tmp_path / "scans" / "b.png", seed=1)
    said = of_own(code, tmp_path)
    assert [line.split()[:2] for line in said] == [["a.png", "bright"], ["b.png", "bright"]]
