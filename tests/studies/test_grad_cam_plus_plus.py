"""Our Grad-CAM++ against pytorch-grad-cam's, at the same layer, and against the paper's sums."""

import pytest
import torch

from med_cam.case.case import observed
from med_cam.classifiers.compat import import_torchvision
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam_studies.methods.compared import Asked, maps_of
from med_cam_studies.methods.grad_cam import grad_cam_and_layer, plus_plus
from studies.test_grad_cam_against_captum import SIZE, coarse_of, noise, small


def steep(layer):
    """The small net with logits so steep that the other's epsilon of 1e-6 is nothing beside."""
    classifier = small("softmax", layer)
    with torch.no_grad():
        classifier.module.head.weight.mul_(300)
    return classifier


@pytest.mark.parametrize("target", range(3))
def test_the_map_is_that_of_pytorch_grad_cam(target):
    """Of maps whose sums are not below zero, as after a ReLU: else alpha has poles."""
    layer = "second"
    import_torchvision("torchvision")  # which it needs, and a CPU build of torch lacks parts of
    library = pytest.importorskip("pytorch_grad_cam")
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    classifier, image = steep(layer), noise()
    with hooks_attached(classifier) as forward:
        case = observed(forward, classifier, image, Config(), target=target)
        found, named = grad_cam_and_layer(case, plus_plus)
    assert named == layer
    module = classifier.module.eval()
    theirs = library.GradCAMPlusPlus(module, [module.get_submodule(layer)])
    x = classifier.prepare(image).requires_grad_()
    logits = theirs.activations_and_grads(x)
    logits[0, target].backward()
    seen = theirs.activations_and_grads
    maps, slopes = (part[0].detach().numpy() for part in (seen.activations, seen.gradients))
    wanted = torch.from_numpy(
        theirs.get_cam_image(x, None, [ClassifierOutputTarget(target)], maps, slopes)
    )[:, None]
    coarse = coarse_of(found, wanted.shape[2:])
    assert ((coarse - wanted).abs().max() / wanted.abs().max()).item() < 1e-4


def test_the_weights_are_the_papers_sums():
    """Equation 19, place by place; a map that does not count has no weight."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(1, 3, 2, 4, generator=generator)
    slopes = torch.randn(1, 3, 2, 4, generator=generator)
    slopes[0, 2] = 0
    found = plus_plus(maps, slopes).flatten().tolist()
    for k in range(3):
        total, weight = maps[0, k].sum().item(), 0.0
        for slope in slopes[0, k].flatten().tolist():
            if slope > 0:
                weight += slope**2 / (2 * slope**2 + total * slope**3) * slope
        assert found[k] == pytest.approx(weight, rel=1e-5)


def test_it_is_one_of_the_methods():
    (one,) = maps_of(Asked(steep("second"), noise(), Config()), ["grad_cam_plus_plus"])
    assert (one.method, one.layer) == ("grad_cam_plus_plus", "second")
    assert one.scores.shape == SIZE
    (other,) = maps_of(Asked(steep("second"), noise(), Config()), ["grad_cam"])
    assert not torch.equal(one.scores, other.scores)
