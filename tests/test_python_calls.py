"""What people type in a notebook: every argument of another kind ends in a sentence of ours."""

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import jaxtyping
import numpy as np
import PIL.Image
import pytest
import torch
from torch import nn

import med_cam
from med_cam.audit.ask import audited
from med_cam.pipeline.tiles import explain_tiles


@pytest.fixture(autouse=True)
def as_without_tests():
    """Annotations are not checked at run time: the checks are ours."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)


class Bright(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        z = self.weight * x.mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(z), z], dim=1)


CLASSIFIER = med_cam.Classifier(Bright(), ("dark", "bright"), (8, 8))
IMAGE = med_cam.Image(torch.full((3, 8, 8), 0.5))
ARRAY = np.full((8, 8), 128, dtype=np.uint8)
WRONG = {
    "none": None,
    "text": "scan.png",
    "path": Path("scan.png"),
    "number": 3,
    "fraction": 0.5,
    "truth": True,
    "list": [[0.0, 1.0]],
    "empty list": [],
    "dict": {"search": {"steps": 8}},
    "bytes": b"\x89PNG",
    "array": ARRAY,
    "array of objects": np.array([None, {}], dtype=object),
    "complex array": np.zeros((8, 8), dtype=complex),
    "empty array": np.zeros((0, 8)),
    "batch": torch.rand(1, 3, 8, 8),
    "bytes as a tensor": torch.zeros(3, 8, 8, dtype=torch.uint8),
    "NaN": torch.full((3, 8, 8), torch.nan),
    "meta": torch.zeros(3, 8, 8, device="meta"),
    "Pillow": PIL.Image.fromarray(ARRAY),
    "module": Bright(),
    "class": nn.Linear,
    "function": len,
    "image": IMAGE,
    "classifier": CLASSIFIER,
    "config": med_cam.PRESETS["default"],
}
SAID = {"input_size": 8, "mean": 0, "std": 1}
NOTHING = {"empty list", "empty array"}
CALLS = {  # each takes one argument that may be anything; the kinds that it takes rightly
    "explain classifier": (lambda v: med_cam.explain(v, IMAGE), {"classifier"}),
    "explain image": (
        lambda v: med_cam.explain(CLASSIFIER, v),
        {"image", "array", "Pillow", "bytes as a tensor"},
    ),
    "explain labels": (
        lambda v: med_cam.explain(Bright(), IMAGE, labels=v),
        set(),
    ),
    "explain white": (lambda v: med_cam.explain(CLASSIFIER, ARRAY, white=v), {"none"}),
    "from_module module": (lambda v: med_cam.from_module(v, ["a", "b"], **SAID), {"module"}),
    "from_module labels": (lambda v: med_cam.from_module(Bright(), v, **SAID), set()),
    **{
        f"from_module {key}": (
            lambda v, key=key: med_cam.from_module(Bright(), ["a", "b"], **(SAID | {key: v})),
            rightly,
        )
        for key, rightly in {
            "input_size": {"number"},
            "mean": {"number", "fraction"},
            "head": {"none"},
            "hooked_layers": {"none", "empty list"},
            "antialias": {"none", "truth"},
            "name": {"none", "text"},
        }.items()
    },
    "explain target": (
        lambda v: med_cam.explain(CLASSIFIER, IMAGE, target=v),
        {"none"},
    ),
    "explain config": (
        lambda v: med_cam.explain(CLASSIFIER, IMAGE, config=v),
        {"none", "config"},
    ),
    "explain references": (
        lambda v: med_cam.explain(CLASSIFIER, IMAGE, references=v),
        {"none"},
    ),
    "explain on_step": (
        lambda v: med_cam.explain(CLASSIFIER, IMAGE, on_step=v),
        {"none", "function", "class", "module"},
    ),
    "explain_all images": (
        lambda v: list(med_cam.explain_all(CLASSIFIER, v)),
        {"empty list", "batch"},
    ),
    "explain_all on_error": (
        lambda v: list(med_cam.explain_all(CLASSIFIER, [IMAGE], on_error=v)),
        set(),
    ),
    "explain_tiles image": (lambda v: explain_tiles(CLASSIFIER, v, side=64), {"image"}),
    "explain_tiles side": (lambda v: explain_tiles(CLASSIFIER, IMAGE, side=v), set()),
    "audited image": (lambda v: audited(CLASSIFIER, v), {"image"}),
    "load_classifier source": (med_cam.load_classifier, set()),
    "load_classifier device": (lambda v: med_cam.load_classifier("x", device=v), set()),
    "pairwise classifier": (lambda v: med_cam.pairwise(v, "dark", "bright"), {"classifier"}),
    "pairwise label": (lambda v: med_cam.pairwise(CLASSIFIER, v, "bright"), set()),
    "prepare_references classifier": (
        lambda v: med_cam.prepare_references(v, [IMAGE]),
        {"classifier"},
    ),
    "prepare_references images": (lambda v: med_cam.prepare_references(CLASSIFIER, v), set()),
    "prepare_references image": (
        lambda v: med_cam.prepare_references(CLASSIFIER, [v]),
        {"image"},
    ),
    "recommended_removal classifier": (
        lambda v: med_cam.recommended_removal(v, None),
        {"classifier"},
    ),
    "recommended_removal references": (
        lambda v: med_cam.recommended_removal(CLASSIFIER, v),
        {"none"},
    ),
    "to_frame": (med_cam.to_frame, {"empty list", "empty array"}),
    "to_frame each": (lambda v: med_cam.to_frame([v]), set()),
    "preset": (med_cam.preset, set()),
    "config_from_toml path": (
        lambda v: med_cam.config_from_toml(v, med_cam.PRESETS["default"]),
        set(),
    ),
    "config_from_toml base": (lambda v: med_cam.config_from_toml(Path("x"), v), set()),
    "read_image path": (med_cam.read_image, set()),
    "read_image channels": (lambda v: med_cam.read_image("x", channels=v), set()),
    "image_from_array array": (med_cam.image_from_array, {"array", "bytes as a tensor"}),
    "image_from_array channels": (
        lambda v: med_cam.image_from_array(ARRAY, channels=v),
        {"none", "number"},
    ),
    "Image": (lambda v: med_cam.explain(CLASSIFIER, med_cam.Image(v)), set()),
    "Config search": (lambda v: med_cam.Config(search=v), set()),
    "Config seed": (lambda v: med_cam.Config(seed=v), {"number"}),
    **{
        f"Classifier {field}": (
            lambda v, field=field: replace(CLASSIFIER, **{field: v}),
            rightly,
        )
        for field, rightly in {
            "module": {"module"},
            "labels": set(),
            "input_size": set(),
            "channels": {"number"},
            "mean": set(),
            "std": set(),
            "value_range": {"number", "fraction"},
            "rule": set(),
            "crop_share": {"fraction"},
            "interpolation": set(),
            "antialias": {"truth"},
            "channel_order": set(),
            "standardise": set(),
            "head": set(),
            "thresholds": {"empty list"},
            "hooked_layers": {"empty list"},
            "name": {"text"},
            "check": {"none", "function", "class", "module"},
        }.items()
    },
}


@pytest.mark.parametrize("call", CALLS)
def test_no_argument_ends_in_an_error_of_python(call, monkeypatch):
    monkeypatch.setattr("med_cam.pipeline.explain.smallest_mask", stopped)
    monkeypatch.setattr("med_cam.audit.ask.observed", stopped)
    monkeypatch.setattr("med_cam.pipeline.tiles.first_predictions", stopped)
    do, rightly = CALLS[call]
    for name, value in WRONG.items():
        expected = pytest.raises(med_cam.MedCamError)
        with expected if name not in rightly else nullcontext() as caught:
            try:
                do(value)
            except Stopped:
                assert name in rightly, (call, name)
        if caught is not None:
            said = str(caught.value)
            assert "\n" not in said, (call, name)
            assert 10 < len(said) < 400, (call, name)


class Stopped(Exception):  # noqa: N818  no error
    """Everything that was given has been looked at."""


def stopped(*_args, **_more):
    raise Stopped


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (torch.full((3, 8, 8), torch.nan), "lie in .0, 1., got nan to nan"),
        (torch.full((3, 8, 8), 255.0), "got 255 to 255"),
        (torch.randn(3, 8, 8), "neither normalised nor in bytes"),
    ],
)
def test_pixels_out_of_their_range_are_refused(pixels, words):
    with pytest.raises(med_cam.ImageError, match=words):
        med_cam.explain(CLASSIFIER, med_cam.Image(pixels))


def test_references_of_another_classifier_are_refused():
    references = med_cam.prepare_references(CLASSIFIER, [IMAGE])
    larger = replace(CLASSIFIER, input_size=(16, 16))
    with pytest.raises(med_cam.ConfigError, match=r"\(3, 8, 8\).*takes \(3, 16, 16\)"):
        med_cam.explain(larger, IMAGE, references=references)
    away = replace(references, x=references.x.to("meta"))
    with pytest.raises(med_cam.ConfigError, match="lie on meta, the classifier on cpu"):
        med_cam.explain(CLASSIFIER, IMAGE, references=away)


def test_a_path_may_be_a_text(tmp_path):
    PIL.Image.fromarray(ARRAY).save(tmp_path / "a.png")
    (tmp_path / "a.toml").write_text("seed = 7")
    assert med_cam.read_image(str(tmp_path / "a.png")).pixels.shape == (3, 8, 8)
    default = med_cam.PRESETS["default"]
    assert med_cam.config_from_toml(str(tmp_path / "a.toml"), default).seed == 7


@pytest.mark.parametrize("target", [1, np.int64(1), torch.tensor(1), "bright"])
def test_a_target_is_a_label_or_any_whole_number(target, monkeypatch):
    seen = []

    def searched(case, _):
        seen.append(case.target.index)
        raise Stopped

    monkeypatch.setattr("med_cam.pipeline.explain.smallest_mask", searched)
    with pytest.raises(Stopped):
        med_cam.explain(CLASSIFIER, IMAGE, target=target)
    assert seen == [1]


def test_a_list_in_a_field_becomes_a_tuple():
    assert replace(CLASSIFIER, labels=["a", "b"]).labels == ("a", "b")
    assert (
        med_cam.Config().search.widths
        == replace(med_cam.Config().search, widths=[16, 32, 64]).widths
    )
