"""A result under a removal inside the network: re-checked, and refuted when it is forged."""

from dataclasses import replace

import pytest
import torch

from med_cam.classifiers.base import Classifier
from med_cam.config.settings import Certification, relative_to
from med_cam.errors import ClassifierError
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.recheck.options import Options
from med_cam.recheck.recheck import rechecked
from med_cam.report.provenance import provenance
from med_cam.report.saved import read_saved
from med_cam.report.write import write
from pipeline.test_explain import CONFIG, classifier
from pipeline.test_removals import Tokens, image
from recheck.test_recheck import forge, refuted


def token_image():
    pixels = torch.full((1, 32, 32), 0.2)
    pixels[:, 8:24, 8:24] = 0.9
    return Image(pixels)


def token_classifier():
    return Classifier(Tokens(), ("dark", "bright"), (32, 32), 1, (0.0,), (1.0,))


KINDS = {
    "layer_masking": (classifier, image, 3),
    "dropped_tokens": (token_classifier, token_image, 1),
}


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    model_of, image_of, channels = KINDS[request.param]
    model, seen = replace(model_of(), sha256="ab" * 32), image_of()
    config = replace(CONFIG, certification=Certification(patch=8, units="squares", budget=0))
    config = relative_to(config, (request.param,))
    found = explain(model, seen, config=config)
    assert found.verified
    folder = tmp_path_factory.mktemp(request.param) / "result"
    write(found, seen, folder, provenance(seen, model, config, preset="", software={}))
    return folder, model, channels


def test_all_that_was_claimed_holds_again_with_the_same_figures(saved):
    folder, model, channels = saved
    found = rechecked(model, read_saved(folder, channels), None, Options())
    assert found.holds, found.differences
    assert all(verdict.was == verdict.figure for verdict in found.verdicts)


def test_another_mask_does_not_hold(saved, tmp_path):
    folder, model, channels = saved
    copy = tmp_path / "result"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())

    def beside(mask):
        moved = torch.zeros_like(mask)
        moved[:4, :4] = True  # dark content
        return moved

    forge(copy, beside)
    (copy / "manifest.sha256").unlink()
    found = rechecked(model, read_saved(copy, channels), None, Options())
    assert "sufficient" in refuted(found) or "prediction retained" in refuted(found)


def test_a_new_certificate_under_a_removal_that_does_not_fit_is_refused(saved):
    folder, model, channels = saved
    other = ({*KINDS} - {folder.parent.name[:-1]}).pop()
    with pytest.raises(ClassifierError, match=f"{other} does not fit this classifier"):
        rechecked(model, read_saved(folder, channels), None, Options(baselines=(other,)))
