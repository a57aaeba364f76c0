"""Threads that explain at once get what they would get one after the other."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.pairwise import pairwise
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from pipeline.test_explain import CONFIG, THREE, classifier, pixels, same

IMAGES = [Image(pixels(seed, place)) for seed, place in ((1, (8, 16)), (2, (16, 4)))]
LONG = 60


def at_once(classifiers):
    """Each classifier explains each image, all of them in threads of their own."""
    pairs = [(c, image) for c in classifiers for image in IMAGES]
    begin = threading.Barrier(len(pairs))

    def one(pair):
        begin.wait(LONG)
        return explain(*pair, config=CONFIG)

    with ThreadPoolExecutor(len(pairs)) as pool:
        return list(pool.map(one, pairs))


def one_after_the_other(classifiers):
    return [explain(c, image, config=CONFIG) for c in classifiers for image in IMAGES]


def one_object(module):
    return [module]


def two_objects_around_a_module(first):
    fields = {name: getattr(first, name) for name in ("mean", "std", "hooked_layers")}
    again = Classifier(first.module, first.labels, first.input_size, 1, **fields)
    return [first, replace(again, hooked_layers=("patches",))]


def with_a_choice_between_two(first):
    return [first, pairwise(first, "bright", "dark")]


@pytest.mark.parametrize(
    "users", [one_object, two_objects_around_a_module, with_a_choice_between_two]
)
def test_masks_are_those_of_one_after_the_other_and_the_module_is_as_it_was(users):
    first = classifier(THREE, labels=("dark", "bright", "grey"))
    first.module.train()  # where a pass without our modes would change the statistics
    before = {key: value.clone() for key, value in first.module.state_dict().items()}
    classifiers = users(first)
    wanted = one_after_the_other(classifiers)
    for found, expected in zip(at_once(classifiers), wanted, strict=True):
        assert same(found, expected)
    for key, value in first.module.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert all(part.training for part in first.module.modules())
    assert all(parameter.requires_grad for parameter in first.module.parameters())
    assert not any(part._forward_hooks for part in first.module.modules())


def test_two_modules_are_explained_at_the_same_time():
    """Each waits in its first step until the other is there; in turns both would wait for ever."""
    classifiers = [classifier(), classifier()]
    together = threading.Barrier(2)

    def one(chosen):
        def on_step(step):
            if step.index == 0:
                together.wait(LONG)

        return explain(chosen, IMAGES[0], config=CONFIG, on_step=on_step)

    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(one, classifiers)
    assert same(first, second)
    assert same(first, explain(classifier(), IMAGES[0], config=CONFIG))


def test_a_step_may_explain_with_the_same_classifier():
    chosen, inner = classifier(), []

    def on_step(step):
        if step.index == 0:
            inner.append(explain(chosen, IMAGES[1], config=CONFIG))

    outer = explain(chosen, IMAGES[0], config=CONFIG, on_step=on_step)
    assert same(inner[0], explain(chosen, IMAGES[1], config=CONFIG))
    assert same(outer, explain(chosen, IMAGES[0], config=CONFIG))
