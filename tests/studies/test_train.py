"""Training on a tiny made-up data set: resumed as if never stopped, and exported whole."""

import math
import tomllib
from dataclasses import replace
from functools import partial
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
from med_cam_studies.data.brain_mri import CLASSES, brain_mri
from med_cam_studies.data.examples import examples
from med_cam_studies.data.splits import split
from med_cam_studies.training.catalogue import STUDIES
from med_cam_studies.training.export import description, write_classifier
from med_cam_studies.training.start import RANDOM, started
from med_cam_studies.training.train import batches, logits, train, train_stages
from tiny_brain_mri import SIDE, TINY, tiny_brain_mri

FINISH = replace(TINY, epochs=1, learning_rate=5e-4, class_weights=(1.0, 1.3, 1.0, 1.0), seed=1)
STAGED = {"first": TINY, "finish": FINISH}


@pytest.fixture(scope="module")
def splits(tmp_path_factory):
    return split(brain_mri(tiny_brain_mri(tmp_path_factory.mktemp("data"))).items)


read = partial(examples, size=SIDE, channels=1, classes=4)


@pytest.fixture(scope="module")
def known(splits):
    return read(splits.fit)


def quiet(*_):
    pass


def trained(known, folder, stages=STAGED, on_epoch=quiet):
    model = started(RANDOM, TINY, 4)
    train_stages(model, known, known, stages, folder, on_epoch)
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
    def kill(done):
        if (done.stage, done.number - 1) == (stage, epoch):
            raise KilledError

    with pytest.raises(KilledError):
        trained(known, tmp_path, on_epoch=kill)
    left = []
    again = trained(known, tmp_path, on_epoch=lambda e: left.append((e.stage, e.number - 1)))
    assert same(again, uninterrupted)
    order = [("first", 0), ("first", 1), ("finish", 0)]
    assert left == order[order.index((stage, epoch)) + 1 :]  # nothing done twice


def test_a_half_written_checkpoint_is_not_one(known, uninterrupted, tmp_path):
    (tmp_path / ".med-cam-ab").mkdir()
    (tmp_path / ".med-cam-ab" / "first.ckpt").write_bytes(b"PK cut off by a kill")
    assert same(trained(known, tmp_path), uninterrupted)
    assert sorted(p.name for p in tmp_path.glob("*.*")) == [
        ".med-cam-ab",
        "finish.ckpt",
        "first.ckpt",
    ]


@pytest.mark.parametrize("change", ["recipe", "images", "start"])
def test_a_checkpoint_of_another_training_is_refused(known, tmp_path, change):
    once = replace(TINY, epochs=1)
    train(started(RANDOM, TINY, 4), known, known, once, tmp_path / "x.ckpt", quiet)
    begin = TINY
    if change == "recipe":
        once = replace(once, learning_rate=1e-4)
    elif change == "images":
        known = replace(known, images=known.images.flip(3))
    else:
        begin = replace(TINY, seed=3)
    with pytest.raises(ClassifierError, match=r"x\.ckpt was trained"):
        train(started(RANDOM, begin, 4), known, known, once, tmp_path / "x.ckpt", quiet)


def test_a_damaged_checkpoint_is_reported_by_its_name(known, tmp_path):
    (tmp_path / "x.ckpt").write_bytes(b"not a checkpoint")
    with pytest.raises(ClassifierError, match=r"x\.ckpt"):
        train(started(RANDOM, TINY, 4), known, known, TINY, tmp_path / "x.ckpt", quiet)


def test_fewer_images_than_a_batch_are_refused(known, tmp_path):
    greedy = replace(TINY, batch=len(known.images) + 1)
    with pytest.raises(ClassifierError, match=f"{len(known.images)} images"):
        train(started(RANDOM, TINY, 4), known, known, greedy, tmp_path / "x.ckpt", quiet)


def undecided():
    """A linear model of 4 x 4 mean grey values that begins with equal probabilities."""
    linear = nn.Linear(3 * 16, 4)
    nn.init.zeros_(linear.weight)
    nn.init.zeros_(linear.bias)
    return nn.Sequential(nn.AvgPool2d(SIDE // 4), nn.Flatten(), linear)


def test_training_teaches_what_the_images_show(known, splits, tmp_path):
    model, losses = undecided(), []
    recipe = replace(TINY, epochs=30, masked=0, empty=0, learning_rate=3e-2)
    train(model, known, known, recipe, tmp_path / "x.ckpt", lambda e: losses.append(e.loss))
    unseen = read(splits.testing)
    assert len(losses) == 30
    assert losses[-1] < 0.5 * losses[0]
    assert (
        logits(model, unseen.images, recipe).argmax(dim=1) == unseen.labels
    ).float().mean() > 0.9


@pytest.mark.parametrize("weights", [(), (1.0, 1.3, 0.5, 2.0)])
def test_the_loss_is_the_weighted_cross_entropy_of_the_batch(known, tmp_path, weights):
    """With equal probabilities it is log 4 for every image, times the weight of its class."""
    batch = len(known.images)
    recipe = replace(TINY, epochs=1, batch=batch, masked=0, empty=0, class_weights=weights)
    losses = []
    train(undecided(), known, known, recipe, tmp_path / "x.ckpt", lambda e: losses.append(e.loss))
    each = [weights[label] if weights else 1.0 for label in known.labels]
    assert losses == pytest.approx([math.log(4) * sum(each) / batch])


def test_pretrained_weights_fill_all_but_the_head(tmp_path):
    source = started(RANDOM, replace(TINY, seed=5), 10)
    file = tmp_path / "imagenet.safetensors"
    save_file({k: v.half().contiguous() for k, v in source.state_dict().items()}, file)
    own, theirs = started(file, TINY, 4).state_dict(), source.state_dict()
    for key, value in own.items():
        if key.startswith("classifier."):
            assert value.shape[0] == 4
        elif "num_batches" not in key:
            assert torch.equal(value, theirs[key].half().float())


def test_weights_of_another_architecture_are_refused(tmp_path):
    file = tmp_path / "other.safetensors"
    save_file({"conv_stem.weight": torch.zeros(3, 3)}, file)
    with pytest.raises(ClassifierError, match=r"other\.safetensors does not fit"):
        started(file, TINY, 4)


def test_starting_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    started(RANDOM, TINY, 4)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_exported_folder_predicts_as_the_trained_model(splits, known, uninterrupted, tmp_path):
    out = tmp_path / "classifier"
    write_classifier(
        uninterrupted.state_dict(),
        out,
        recipe=TINY,
        name="tiny",
        classes=CLASSES,
        licence="none",
    )
    assert sorted(p.name for p in out.iterdir()) == ["classifier.toml", "model.safetensors"]
    classifier = load_classifier(out, device="cpu")
    assert classifier.labels == CLASSES
    assert classifier.name == "tiny"
    x = torch.cat([classifier.prepare(read_image(i.path, channels=3)) for i in splits.fit])
    with torch.no_grad():
        read = classifier.module(x)
    wanted = logits(uninterrupted, known.images, TINY)
    # float16 weights, and pixels that were not rounded to 8 bits
    assert F.mse_loss(read.softmax(1), wanted.softmax(1)).sqrt() < 0.02


def every_recipe():
    return [
        (f"{study}-{name}", stages)
        for study, about in STUDIES.items()
        for name, stages in about.recipes.items()
    ]


@pytest.mark.parametrize(("name", "stages"), every_recipe(), ids=[n for n, _ in every_recipe()])
def test_the_stages_of_a_recipe_share_architecture_and_model_input(name, stages):
    frames = {(r.architecture, r.input_size, r.mean, r.std) for r in stages.values()}
    assert len(frames) == 1
    for recipe in stages.values():
        assert recipe.masked + recipe.empty < recipe.batch


def test_the_description_of_robust_is_the_bundled_one():
    bundled = Path(med_cam.__file__).parent / "bundled" / "brain-mri" / "classifier.toml"
    study = STUDIES["brain-mri"]
    text = description(
        list(study.recipes["robust"].values())[-1],
        "MobileNetV2, Brain Tumor MRI",
        CLASSES,
        study.licence,
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
            licence="none",
        )
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_written_is_reported_by_its_name(tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="taken"):
        write_classifier(
            {"w": torch.ones(1)},
            tmp_path / "taken",
            recipe=TINY,
            name="x",
            classes=("a", "b"),
            licence="none",
        )


def test_with_patience_training_ends_and_the_best_weights_are_used(known, tmp_path):
    """A rate of learning that spoils the model: some early epoch is the best."""
    recipe = replace(
        TINY, epochs=12, patience=3, masked=0, empty=0, learning_rate=3.0, warm_up=0.9
    )
    model, seen = undecided(), []

    def note(epoch):
        seen.append((epoch.score, {k: v.clone() for k, v in model.state_dict().items()}))

    course = train(model, known, known, recipe, tmp_path / "x.ckpt", note)
    scores = [score for score, _ in seen]
    best = scores.index(max(scores))
    assert len(course) == len(seen) == min(12, best + 1 + 3)
    kept = model.state_dict()
    assert all(torch.equal(kept[k], v) for k, v in seen[best][1].items())


def test_a_finished_training_is_only_read_again(known, tmp_path):
    recipe = replace(TINY, epochs=3, patience=2)
    first, seen = started(RANDOM, TINY, 4), []
    course = train(first, known, known, recipe, tmp_path / "x.ckpt", quiet)
    again = started(RANDOM, TINY, 4)
    assert train(again, known, known, recipe, tmp_path / "x.ckpt", seen.append) == course
    assert seen == []
    assert same(first, again)


def test_balance_draws_rare_classes_as_often_as_others(known):
    """Of 90 images of one class and 10 of another; a batch of 50 in each of 40 epochs."""
    targets = torch.eye(4)[torch.tensor([0] * 90 + [1] * 10)]
    many = replace(known, images=known.images[:1].expand(100, -1, -1, -1), targets=targets)
    shares = {}
    for balance in (0.0, 0.5, 1.0):
        recipe = replace(TINY, batch=50, balance=balance)
        drawn = [
            many.labels[chosen]
            for seed in range(40)
            for chosen in batches(many, recipe, 2, torch.Generator().manual_seed(seed))
        ]
        shares[balance] = (torch.cat(drawn) == 1).float().mean().item()
    assert shares[0.0] == pytest.approx(0.1)  # every image once
    assert shares[0.5] == pytest.approx(1 / 4, abs=0.03)  # 90 / sqrt 90 against 10 / sqrt 10
    assert shares[1.0] == pytest.approx(1 / 2, abs=0.03)


def test_a_new_head_gives_equal_probabilities_and_so_a_first_loss_of_log_k(known, tmp_path):
    """timm's own would begin at several times that, and spoil pretrained weights."""
    for architecture in ("mobilenetv2_035", "vit_tiny_patch16_224"):
        arguments = {} if "mobile" in architecture else {"img_size": SIDE, "depth": 1}
        recipe = replace(TINY, architecture=architecture, arguments=arguments)
        answers = logits(started(RANDOM, recipe, 4), known.images, recipe)
        assert torch.equal(answers, torch.zeros_like(answers))


def test_without_pretrained_weights_at_hand_the_error_says_how_to_go_on(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    absent = replace(TINY, architecture="resnet18", arguments={})

    def unreachable(*_, pretrained=False, **__):
        assert pretrained
        raise OSError("no network")

    model = started(RANDOM, absent, 4)
    monkeypatch.setattr("med_cam_studies.training.start.untrained", lambda *_: model)
    monkeypatch.setattr("timm.create_model", unreachable)
    with pytest.raises(ClassifierError, match=r"--init FILE.*or --init random"):
        started("timm", absent, 4)


def test_a_starting_file_that_is_not_there_is_reported_by_its_name():
    with pytest.raises(ClassifierError, match=r"nowhere\.safetensors"):
        started("nowhere.safetensors", TINY, 4)


def test_an_architecture_that_timm_does_not_know_is_reported_by_its_name():
    with pytest.raises(ClassifierError, match="mobilenet_of_mine"):
        started(RANDOM, replace(TINY, architecture="mobilenet_of_mine"), 4)
