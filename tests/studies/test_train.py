"""Training on a tiny made-up data set: resumed as if never stopped, and exported whole."""

import math
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

import med_cam
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError, OutputError
from med_cam.images.read import read_image
from med_cam.studies.datasets import BRAIN_MRI_CLASSES, brain_mri
from med_cam.studies.export import description, write_classifier
from med_cam.studies.recipes import RECIPES, STAGES, Recipe
from med_cam.studies.train import examples, logits, normalised, start, train, train_stages
from tiny_brain_mri import SIDE, tiny_brain_mri

TINY = Recipe(
    architecture="mobilenetv2_035", input_size=SIDE, epochs=2, batch=14, masked=4, empty=2
)
FINISH = replace(TINY, epochs=1, learning_rate=5e-4, class_weights=(1.0, 1.3, 1.0, 1.0), seed=1)
STAGED = {"first": TINY, "finish": FINISH}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return brain_mri(tiny_brain_mri(tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def known(splits):
    return examples(splits.fit, size=SIDE, classes=4)


def quiet(*_):
    pass


def trained(known, folder, stages=STAGED, on_epoch=quiet):
    model = start(None, TINY, 4)
    train_stages(model, known, stages, folder, on_epoch)
    return model


@pytest.fixture(scope="module")
def uninterrupted(known, tmp_path_factory):
    return trained(known, tmp_path_factory.mktemp("whole"))


def same(one, other):
    one, other = one.state_dict(), other.state_dict()
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def test_the_same_recipe_gives_the_same_weights_whatever_was_drawn_before(
    known, uninterrupted, tmp_path
):
    torch.rand(7)
    assert same(trained(known, tmp_path), uninterrupted)


class KilledError(Exception):
    """Stands for a kill between two epochs."""


@pytest.mark.parametrize(("stage", "epoch"), [("first", 0), ("first", 1), ("finish", 0)])
def test_after_a_kill_training_ends_with_the_weights_it_would_have_had(
    known, uninterrupted, tmp_path, stage, epoch
):
    def kill(at, done, _):
        if (at, done) == (stage, epoch):
            raise KilledError

    with pytest.raises(KilledError):
        trained(known, tmp_path, on_epoch=kill)
    left = []
    again = trained(known, tmp_path, on_epoch=lambda at, done, _: left.append((at, done)))
    assert same(again, uninterrupted)
    order = [("first", 0), ("first", 1), ("finish", 0)]
    assert left == order[order.index((stage, epoch)) + 1 :]  # nothing done twice


def test_a_half_written_checkpoint_is_not_one(known, uninterrupted, tmp_path):
    (tmp_path / "first.part").write_bytes(b"PK cut off by a kill")
    assert same(trained(known, tmp_path), uninterrupted)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["finish.ckpt", "first.ckpt"]


@pytest.mark.parametrize("change", ["recipe", "images"])
def test_a_checkpoint_of_another_training_is_refused(known, tmp_path, change):
    once = replace(TINY, epochs=1)
    train(start(None, TINY, 4), known, once, tmp_path / "x.ckpt", quiet)
    if change == "recipe":
        once = replace(once, learning_rate=1e-4)
    else:
        known = replace(known, images=known.images.flip(3))
    with pytest.raises(ClassifierError, match=r"x\.ckpt was trained"):
        train(start(None, TINY, 4), known, once, tmp_path / "x.ckpt", quiet)


def test_a_damaged_checkpoint_is_told_by_its_name(known, tmp_path):
    (tmp_path / "x.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ClassifierError, match=r"x\.ckpt"):
        train(start(None, TINY, 4), known, TINY, tmp_path / "x.ckpt", quiet)


def test_fewer_images_than_a_batch_are_refused(known, tmp_path):
    greedy = replace(TINY, batch=len(known.images) + 1)
    with pytest.raises(ClassifierError, match=f"{len(known.images)} images"):
        train(start(None, TINY, 4), known, greedy, tmp_path / "x.ckpt", quiet)


def undecided():
    """A linear model of 4 x 4 mean grey values that begins without any opinion."""
    linear = nn.Linear(3 * 16, 4)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.AvgPool2d(SIDE // 4), nn.Flatten(), linear)


def test_training_teaches_what_the_images_show(known, splits, tmp_path):
    model, losses = undecided(), []
    recipe = replace(TINY, epochs=30, masked=0, empty=0, learning_rate=3e-2)
    train(model, known, recipe, tmp_path / "x.ckpt", lambda _, loss: losses.append(loss))
    unseen = examples(splits.testing, size=SIDE, classes=4)
    assert len(losses) == 30
    assert losses[-1] < 0.5 * losses[0]
    assert (logits(model, unseen.images).argmax(dim=1) == unseen.labels).float().mean() > 0.9


@pytest.mark.parametrize("weights", [(), (1.0, 1.3, 0.5, 2.0)])
def test_the_loss_is_the_weighted_cross_entropy_of_the_batch(known, tmp_path, weights):
    """Without an opinion it is log 4 for every image, times the weight of its class."""
    batch = len(known.images)
    recipe = replace(TINY, epochs=1, batch=batch, masked=0, empty=0, class_weights=weights)
    told = []
    train(undecided(), known, recipe, tmp_path / "x.ckpt", lambda _, loss: told.append(loss))
    each = [weights[label] if weights else 1.0 for label in known.labels]
    assert told == pytest.approx([math.log(4) * sum(each) / batch])


def test_pretrained_weights_fill_all_but_the_head(tmp_path):
    source = start(None, replace(TINY, seed=5), 10)
    file = tmp_path / "imagenet.safetensors"
    save_file({k: v.half().contiguous() for k, v in source.state_dict().items()}, file)
    own, theirs = start(file, TINY, 4).state_dict(), source.state_dict()
    for key, value in own.items():
        if key.startswith("classifier."):
            assert value.shape[0] == 4
        elif "num_batches" not in key:
            assert torch.equal(value, theirs[key].half().float())


def test_weights_of_another_architecture_are_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"conv_stem.weight": torch.zeros(3, 3)}, file)
    with pytest.raises(ClassifierError, match=r"other\.safetensors does not fit"):
        start(file, TINY, 4)


def test_starting_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    start(None, TINY, 4)
    assert torch.equal(torch.get_rng_state(), before)


def test_normalised_is_what_the_exported_description_says():
    grey = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    table = tomllib.loads(description(TINY, "x", BRAIN_MRI_CLASSES))
    expected = (grey / 255 - table["mean"][0]) / table["std"][0]
    assert torch.allclose(normalised(grey), expected, atol=1e-6)


def test_the_exported_folder_answers_as_the_trained_model(splits, known, uninterrupted, tmp_path):
    out = tmp_path / "classifier"
    write_classifier(
        uninterrupted.state_dict(), out, recipe=TINY, name="tiny", classes=BRAIN_MRI_CLASSES
    )
    assert sorted(p.name for p in out.iterdir()) == ["classifier.toml", "model.safetensors"]
    classifier = load_classifier(out, device="cpu")
    assert classifier.labels == BRAIN_MRI_CLASSES
    assert classifier.name == "tiny"
    x = torch.cat([classifier.prepare(read_image(i.path, channels=3)) for i in splits.fit])
    with torch.no_grad():
        read = classifier.module(x)
    wanted = logits(uninterrupted, known.images)
    # float16 weights, and pixels that were not rounded to 8 bits
    assert F.mse_loss(read.softmax(1), wanted.softmax(1)).sqrt() < 0.02


def test_the_last_stages_of_a_recipe_share_architecture_and_frame():
    for stages in STAGES.values():
        frames = {(RECIPES[s].architecture, RECIPES[s].input_size) for s in stages}
        assert len(frames) == 1


def test_the_description_of_robust_is_the_bundled_one():
    bundled = Path(med_cam.__file__).parent / "bundled" / "brain-mri" / "classifier.toml"
    text = description(
        RECIPES[STAGES["robust"][-1]], "MobileNetV2, Brain Tumor MRI", BRAIN_MRI_CLASSES
    )
    assert tomllib.loads(text) == tomllib.loads(bundled.read_text(encoding="utf-8"))


def test_weights_too_large_for_float16_are_refused_and_nothing_is_written(tmp_path):
    with pytest.raises(ClassifierError, match="big"):
        write_classifier(
            {"big": torch.tensor([1e6])},
            tmp_path / "out",
            recipe=TINY,
            name="x",
            classes=("a", "b"),
        )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_told_by_its_name(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_classifier(
            {"w": torch.ones(1)}, tmp_path / "taken", recipe=TINY, name="x", classes=("a", "b")
        )
