"""Threads take turns at what they share, and at nothing else; nobody waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
import torch
from torch import nn

from med_cam.classifiers.base import Classifier
from med_cam.classifiers.pairwise import pairwise
from med_cam.classifiers.turns import turn
from med_cam.errors import ClassifierError

SOON, LONG = 0.2, 20  # seconds: enough for a thread that may go on, and more than any needs


def waits(module, other):
    """Whether another thread, while this one has `module`, waits for `other` until it is free."""
    began, ended = threading.Event(), threading.Event()

    def take():
        with turn(other):
            began.set()
        ended.set()

    with turn(module):
        thread = threading.Thread(target=take)
        thread.start()
        waited = not began.wait(SOON)
    assert ended.wait(LONG)
    thread.join()
    return waited


def convolution():
    return nn.Conv2d(1, 2, 1)


def with_same_weights():
    one, other = convolution(), convolution()
    other.weight = one.weight
    return one, other


def in_another():
    one = convolution()
    return one, nn.Sequential(one, nn.ReLU())


def beside_each_other():
    one = convolution()
    return nn.Sequential(one, nn.ReLU()), nn.Sequential(nn.Identity(), one)


def of_two_classes():
    one = Classifier(convolution(), ("a", "b"), (4, 4), 1, (0.0,), (1.0,))
    return one.module, pairwise(one, "a", "b").module


@pytest.mark.parametrize(
    "pair", [with_same_weights, in_another, beside_each_other, of_two_classes]
)
def test_who_shares_a_part_waits(pair):
    one, other = pair()
    assert waits(one, one)
    assert waits(one, other)
    assert waits(other, one)


def test_who_shares_nothing_does_not_wait():
    assert not waits(convolution(), convolution())


def test_the_same_thread_goes_on_at_once_and_stays_alone_until_its_outer_use_ends():
    one = convolution()
    with turn(nn.Sequential(one)):
        with turn(one):
            pass
        with turn(one), pytest.raises(ValueError, match="inner"), turn(nn.Sequential(one)):
            raise ValueError("inner")
        assert waits_for_free(one)
    assert not waits_for_free(one)


def waits_for_free(module):
    """Whether another thread would have to wait for a module."""
    began = threading.Event()
    thread = threading.Thread(target=lambda: turned(module, began), daemon=True)
    thread.start()
    return not began.wait(SOON)


def turned(module, began):
    with turn(module):
        began.set()


def test_an_error_gives_the_module_back():
    one = convolution()
    with pytest.raises(ValueError, match="x"), turn(one):
        raise ValueError("x")
    assert not waits_for_free(one)


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_that_would_wait_for_each_other_are_told(threads):
    """Each has its own and then wants the next one's: one is told, and so the others go on."""
    modules = [convolution() for _ in range(threads)]
    ready = threading.Barrier(threads)

    def take(number):
        with turn(modules[number]):
            ready.wait(LONG)
            try:
                with turn(modules[(number + 1) % threads]):
                    return "had both"
            except ClassifierError as error:
                return str(error)

    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(take, number) for number in range(threads)]
        ends = [future.result(LONG) for future in futures]
    assert ends.count("had both") == threads - 1
    assert sum("wait for each other's classifier" in end for end in ends) == 1


def test_many_threads_are_never_two_at_once():
    one = convolution()
    users, most = [], []

    def use(number):
        with turn(nn.Sequential(one) if number % 2 else one):
            users.append(number)
            most.append(len(users))
            torch.randn(50, 50).mm(torch.randn(50, 50))
            users.remove(number)

    with ThreadPoolExecutor(8) as pool, ExitStack() as stack:
        stack.callback(pool.shutdown)
        list(pool.map(use, range(200)))
    assert most == [1] * 200
