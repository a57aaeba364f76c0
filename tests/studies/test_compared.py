"""What other methods show beside an explanation: at equal area, judged as the evidence is."""

from dataclasses import replace

import pytest
import torch
from torch import Generator

from cli.corner import made_up
from med_cam.case.case import observed
from med_cam.certification.certificate import response_of
from med_cam.certification.first_look import SAMPLES, first_looks
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ConfigError
from med_cam.report.claims import claims
from med_cam.report.write import figure_png
from med_cam_studies.methods.compared import Asked, beside, compared_names, maps_of
from planted import CASES

CASE = CASES["bright patch, convolutional"]


@pytest.fixture(scope="module")
def planted():
    return CASE.plant((24, 24), Generator().manual_seed(1))


@pytest.fixture(scope="module")
def asked(planted):
    return Asked(CASE.classifier, planted.image, Config())


def explained(planted, mask):
    """An explanation of the planted image with this mask, without a search."""
    found = made_up(planted.image)
    return replace(found, mask=mask, area=mask.float().mean().item())


def test_a_first_look_tells_a_mask_that_holds_the_evidence_from_one_that_does_not(planted, asked):
    elsewhere = planted.enough.roll(40, dims=0)
    with hooks_attached(asked.classifier) as forward:
        case = observed(forward, asked.classifier, asked.image, asked.config)
        decision = response_of(case).decision
        looks = [first_looks(case, mask, decision) for mask in (planted.enough, elsewhere)]
        other = replace(case, target=replace(case.target, index=0))
        assert first_looks(other, planted.enough, decision) == ()  # nothing is to be retained
    names = [(look.name, look.samples) for look in looks[0]]
    assert names == [("grey", 1), ("gaussian", SAMPLES)]
    assert [look.retained for look in looks[0]] == [1, SAMPLES]
    assert [look.retained for look in looks[1]] == [0, 0]


def test_the_mask_is_the_top_of_the_map_at_the_area_of_ours_and_passes_are_counted(planted, asked):
    calls = []
    module = asked.classifier.module
    hook = module.register_forward_pre_hook(lambda _, args: calls.append(len(args[0])))
    (found_map,) = maps_of(asked, ("grad_cam",))
    before = sum(calls) - 1  # but for the pass on the whole image, by which the case is known
    found = explained(planted, planted.enough)
    calls.clear()
    (other,) = beside(asked, found, [found_map])
    hook.remove()
    assert other.layer == asked.classifier.hooked_layers[-1]
    assert other.passes.forward == before + sum(calls) - 1
    assert other.passes.backward == 1
    count = int(planted.enough.sum())
    assert int(other.mask.sum()) == count
    scores = found_map.scores.numpy()
    assert scores[other.mask.numpy()].min() >= scores[~other.mask.numpy()].max()
    both = (other.mask & planted.enough).sum().item()
    assert other.iou == pytest.approx(both / (2 * count - both))
    area = count / scores.size
    assert other.chance == pytest.approx(area / (2 - area))


def test_of_the_whole_image_nothing_is_compared(planted, asked):
    maps = maps_of(asked, ("grad_cam",))
    whole = explained(planted, torch.ones_like(planted.enough))
    assert beside(asked, whole, maps) == ()
    assert maps_of(asked, ()) == ()


def test_a_method_that_cannot_read_the_classifier_is_refused_before_a_search(asked):
    without = replace(asked, classifier=replace(asked.classifier, hooked_layers=()))
    with pytest.raises(ClassifierError, match="Grad-CAM needs a hooked layer"):
        maps_of(without, ("grad_cam",))


def test_names_are_checked_and_each_is_taken_once():
    assert compared_names("grad_cam, rise,grad_cam") == ("grad_cam", "rise")
    assert compared_names(["rise"]) == ("rise",)
    assert compared_names(None) == ()
    with pytest.raises(ConfigError, match="lime"):
        compared_names("lime")


def test_the_figure_has_a_picture_and_a_line_of_each_method(planted, asked):
    found = explained(planted, planted.enough)
    compared = beside(asked, found, maps_of(asked, ("grad_cam",)))
    with_it = replace(found, compared=compared)
    (said,) = (s for s in claims(with_it) if s.text.startswith("Grad-CAM"))
    grey, noise = (look.retained for look in compared[0].looks)
    assert f"grey {grey}/1, Gaussian noise {noise}/{SAMPLES}" in said.text
    assert f"IoU with the evidence {compared[0].iou:.2f}" in said.text
    assert said.holds is None
    plain = replace(found, tests=None)
    assert figure_png(planted.image, plain) != figure_png(
        planted.image, replace(plain, compared=compared)
    )
