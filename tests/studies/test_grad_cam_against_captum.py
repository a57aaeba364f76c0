"""Our Grad-CAM against captum's: another implementation, same layer, same target.

Ours keeps what is below zero and resizes the map to the model input bilinearly; LayerGradCam of
captum gives the coarse map, with or without the cut at zero.
"""

from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from captum.attr import LayerGradCam
from torch import nn

from med_cam import bundled_classifier, bundled_samples, load_classifier, read_image
from med_cam.case.case import observed
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.images.image import Image
from med_cam_studies.methods.grad_cam import grad_cam

TOLERANCE = 1e-5  # of the largest score
SIZE = (24, 36)


class Small(nn.Module):
    """Two stages of maps of different sizes; nothing works in place."""

    def __init__(self, outputs):
        super().__init__()
        self.first = nn.Conv2d(3, 5, 3, stride=2, padding=1)
        self.second = nn.Conv2d(5, 7, 3, stride=3, padding=1)
        self.head = nn.Linear(7, outputs)

    def forward(self, x):
        maps = self.second(self.first(x).tanh())
        return self.head(maps.sigmoid().square().mean(dim=(2, 3)))


def small(head, layer):
    with torch.random.fork_rng():
        torch.manual_seed(3)  # noqa: TID251 - weights of a module made in a test
        module = Small(3)
    return Classifier(module, ("a", "b", "c"), SIZE, head=head, hooked_layers=(layer,))


def noise(seed=4):
    return Image(torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(seed)))


@contextmanager
def bundled(name):
    with bundled_classifier() as folder, bundled_samples() as samples:
        (path,) = (path for path in samples if path.stem == name)
        yield load_classifier(folder, device="cpu"), read_image(path)


def ours(classifier, image, target):
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, Config(), target=target)
        return grad_cam(case, torch.Generator())


def captums(classifier, image, target, layer, *, cut):
    module = classifier.module.eval()
    method = LayerGradCam(module, module.get_submodule(layer))
    x = classifier.prepare(image).requires_grad_()
    return method.attribute(x, target, relu_attributions=cut).detach()


def resized(coarse, like):
    return F.interpolate(coarse, like.shape[2:], mode="bilinear", align_corners=False)


def coarse_of(scores, size):
    """The coarse map that was resized bilinearly to these scores, by least squares."""
    rows, columns = (
        torch.linalg.pinv(resize_one_axis(few, many))
        for few, many in zip(size, scores.shape[2:], strict=True)
    )
    return (rows @ scores.double() @ columns.T).to(scores.dtype)


def resize_one_axis(few, many):
    points = torch.eye(few, dtype=torch.float64)[None]
    return F.interpolate(points, many, mode="linear", align_corners=False)[0].T


def far(found, wanted):
    """Largest difference, in parts of the largest score."""
    assert found.shape == wanted.shape
    return ((found - wanted).abs().max() / wanted.abs().max()).item()


def check(classifier, image, target, layer):
    """Both maps agree: as we give it, and with captum's cut at zero."""
    found = ours(classifier, image, target)
    whole = captums(classifier, image, target, layer, cut=False)
    positive = captums(classifier, image, target, layer, cut=True)
    assert far(found, resized(whole, found)) < TOLERANCE
    assert far(coarse_of(found, positive.shape[2:]).relu(), positive) < TOLERANCE
    return found, whole, positive


@pytest.mark.parametrize("target", range(3))
@pytest.mark.parametrize("layer", ["first", "second"])
@pytest.mark.parametrize("head", ["softmax", "sigmoid"])
def test_a_small_net_gets_captums_map(head, layer, target):
    check(small(head, layer), noise(), target, layer)


@pytest.mark.parametrize(("name", "target"), [("Te-gl_0044", "glioma"), ("Te-no_0287", "glioma")])
def test_the_bundled_classifier_gets_captums_map_on_a_sample(name, target):
    with bundled(name) as (classifier, image):
        check(classifier, image, classifier.labels.index(target), classifier.hooked_layers[-1])


def test_the_comparison_tells_another_layer_another_target_and_the_cut():
    """What the tests above would not see is no finding of theirs."""
    classifier, image = small("softmax", "second"), noise()
    found, whole, positive = check(classifier, image, 0, "second")
    assert whole.min() < 0 < whole.max()  # else the cut would change nothing
    other_layer = captums(classifier, image, 0, "first", cut=False)
    other_target = captums(classifier, image, 1, "second", cut=False)
    for wrong in (resized(other_layer, found), resized(other_target, found)):
        assert far(found, wrong) > 1000 * TOLERANCE
    assert far(resized(positive, found), found) > 1000 * TOLERANCE
    assert far(coarse_of(found, positive.shape[2:]), positive) > 1000 * TOLERANCE
