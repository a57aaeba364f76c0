"""A module in memory becomes a classifier, or one sentence says what is missing."""

import copy
import threading

import pytest
import torch
from torch import nn

from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.from_module import from_module
from med_cam.classifiers.identity import identity_of
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.image import Image

SAID = {"input_size": 16, "mean": 0.0, "std": 1.0}
LABELS = ["a", "b"]


def small(channels=3, outputs=2):
    with torch.random.fork_rng(devices=[]):
        return nn.Sequential(
            nn.Conv2d(channels, 4, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(4, outputs),
        )  # fmt: skip


def test_what_timm_notes_is_found_and_said(caplog):
    timm = import_timm()
    module = timm.create_model("test_vit", num_classes=2, img_size=32, in_chans=1)
    noted = module.pretrained_cfg
    found = from_module(module, LABELS)
    assert found.input_size == (32, 32)
    assert found.channels == 1
    assert found.mean == pytest.approx((sum(noted["mean"]) / 3,))
    assert found.hooked_layers
    assert "as timm noted it" in caplog.text
    caplog.clear()
    mine = from_module(module, LABELS, mean=0.25, std=[0.125], input_size=(32, 32))
    assert (mine.mean, mine.std) == ((0.25,), (0.125,))
    assert caplog.text == ""


def test_what_hugging_face_notes_is_found():
    import_torchvision()  # transformers imports it
    library = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    frame = {"intermediate_size": 16, "image_size": 16, "patch_size": 8, "num_channels": 1}
    config = library.ViTConfig(**sizes, **frame, id2label={0: "x", 1: "y", 2: "z"})
    config.problem_type = "multi_label_classification"
    found = from_module(library.ViTForImageClassification(config), mean=0.5, std=0.5)
    assert (found.labels, found.head, found.channels) == (("x", "y", "z"), "sigmoid", 1)
    assert found.input_size == (16, 16)
    unnamed = library.ViTForImageClassification(library.ViTConfig(**sizes, **frame))
    with pytest.raises(ClassifierError, match="does not say what its outputs are called"):
        from_module(unnamed, mean=0.5, std=0.5)


def test_a_vision_transformer_of_torchvision_has_its_size():
    models = import_torchvision("torchvision.models")
    sizes = {"image_size": 32, "patch_size": 16, "num_layers": 1, "num_heads": 2}
    module = models.VisionTransformer(**sizes, hidden_dim=8, mlp_dim=8, num_classes=2)
    with torch.no_grad():
        module.heads[0].bias[1], module.heads[0].weight[0, 3] = 1, 1  # zero when built
    assert from_module(module, LABELS, mean=0, std=1).input_size == (32, 32)
    with pytest.raises(ClassifierError, match="does not say its mean and std"):
        from_module(module, LABELS)


def test_the_module_stays_as_it_was():
    module = small()
    module[1].eval()
    module[0].weight.requires_grad_(False)
    before = copy.deepcopy(module.state_dict())
    generator = torch.get_rng_state()
    found = from_module(module, LABELS, **SAID)
    assert found.module is module
    assert [part.training for part in module.modules()] == [True, True, False, True, True, True]
    assert [p.requires_grad for p in module.parameters()] == [False, True, True, True]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert not any(part._forward_hooks for part in module.modules())
    assert torch.equal(generator, torch.get_rng_state())


def test_it_is_known_by_its_state():
    module = small()
    first = identity_of(from_module(module, LABELS, **SAID))
    assert identity_of(from_module(copy.deepcopy(module), LABELS, **SAID)) == first
    with torch.no_grad():
        module[4].bias[0] += 1e-3
    assert identity_of(from_module(module, LABELS, **SAID)).state != first.state


def test_under_modes_of_torch_and_in_threads_it_is_the_same():
    module = small()
    plain = from_module(module, LABELS, **SAID)
    found = []

    def work():
        with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
            found.append(from_module(module, LABELS, **SAID))

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [plain] * 3


class Elsewhere(nn.Module):
    """Takes nothing but inputs of a tensor subclass: as if it lay on another device."""

    def __init__(self):
        super().__init__()
        self.net = small()
        self.seen = []

    def forward(self, x):
        self.seen.append(x.device)
        return self.net(x)


def test_inputs_go_to_the_device_of_the_module(monkeypatch):
    """No other device is here: where inputs are sent is looked at, and that it is asked for."""
    sent = []
    whole = torch.Tensor.to
    monkeypatch.setattr(
        torch.Tensor,
        "to",
        lambda x, *a, **k: sent.append((tuple(x.shape), a)) or whole(x, *a, **k),
    )
    module = Elsewhere()
    from_module(module, LABELS, **SAID)
    device = (next(module.parameters()).device,)
    assert ((1, 3, 16, 16), device) in sent  # the probe
    assert ((6, 3, 16, 16), device) in sent  # the trial


def test_a_compiled_module_is_taken_itself():
    module, compiled = small(), small()
    compiled._orig_mod = module  # as OptimizedModule has it, whose import takes seconds
    assert from_module(compiled, LABELS, **SAID).module is module


def test_per_image_standardisation_needs_no_mean():
    found = from_module(small(), LABELS, input_size=16, standardise="image")
    assert found.standardise == "image"


def test_one_output_of_two_labels_speaks_for_the_second():
    module = small(outputs=1)
    found = from_module(module, LABELS, **SAID)
    x = found.prepare(Image(torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))))
    assert found.head == "softmax"
    assert len(found.labels) == 2
    assert x.shape == (1, 3, 16, 16)


def dropped(module):
    module[4].weight.data[0] = torch.nan
    return module


REFUSED = {
    "half": (lambda: (small().half(), LABELS, SAID), r"weights of float16 \(4.bias\).*float32"),
    "double": (lambda: (small().double(), LABELS, SAID), "weights of float64"),
    "no labels": (lambda: (small(), None, SAID), "labels=\\[\"benign\", \"malignant\"\\]"),
    "empty labels": (lambda: (small(), [], SAID), "what its outputs are called"),
    "one word": (lambda: (small(), "ab", SAID), "labels must be a list of names, got 'ab'"),
    "too many labels": (lambda: (small(), ["a", "b", "c"], SAID), "2 outputs, but 3 classes"),
    "too few labels": (lambda: (small(outputs=3), LABELS, SAID), "3 outputs, but 2 classes"),
    "labels twice": (lambda: (small(), ["a", "a"], SAID), "without repetition"),
    "lazy": (
        lambda: (nn.Sequential(nn.LazyConv2d(2, 3)), LABELS, SAID),
        "not initialised yet .0.weight has no shape",
    ),
    "no weights": (lambda: (nn.Flatten(), LABELS, SAID), "no parameters and no buffers"),
    "meta": (lambda: (small().to("meta"), LABELS, SAID), "on meta, without values"),
    "two devices": (
        lambda: (nn.Sequential(small(), nn.Linear(2, 2, device="meta")), LABELS, SAID),
        "on cpu and meta",
    ),
    "NaN": (lambda: (dropped(small()), LABELS, SAID), "4.weight holds 4 values that are NaN"),
    "nothing said": (
        lambda: (small(), LABELS, {}),
        r"its input_size, mean and std.*from_module\(module, labels, input_size=224, mean=",
    ),
    "too small": (
        lambda: (nn.Sequential(nn.Conv2d(3, 2, 64), nn.Flatten()), LABELS, SAID),
        "does not run on an input of 1x3x16x16.*correct input_size or channels in from_module",
    ),
    "probabilities": (
        lambda: (nn.Sequential(small(), nn.Softmax(1)), LABELS, SAID),
        'Say outputs = "probabilities" in from_module',
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_explained_is_refused_in_one_sentence(kind):
    make, words = REFUSED[kind]
    module, labels, said = make()
    with pytest.raises((ClassifierError, ConfigError), match=words) as caught:
        from_module(module, labels, **said)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("key", "words"),
    [("input_sice", "did you mean 'input_size'"), ("weights", "belongs to classifier.toml")],
)
def test_other_settings_are_refused(key, words):
    with pytest.raises(ConfigError, match=words):
        from_module(small(), LABELS, **{key: 16})


def test_weights_of_inference_mode_are_refused():
    with torch.inference_mode():
        module = small()
    with pytest.raises(ClassifierError, match="inference_mode"):
        from_module(module, LABELS, **SAID)
