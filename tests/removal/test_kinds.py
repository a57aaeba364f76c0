"""Every kind of source: which can be looked into, and which is refused in a sentence."""

import pytest
import torch

from classifiers import kinds
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.errors import ClassifierError
from med_cam.removal.exactness import refuse_inexact
from med_cam.removal.hidden import Hidden


def exact(folder, removal):
    classifier = load_classifier(folder, device="cpu")
    x = torch.randn(3, 3, kinds.SIDE, kinds.SIDE, generator=torch.Generator().manual_seed(1))
    masks = (torch.rand(3, 1, kinds.SIDE, kinds.SIDE) > 0.5).float()
    with torch.no_grad(), hooks_attached(classifier) as forward:
        own = forward(x[:1]).logits
        refuse_inexact(removal, lambda *given: forward(*given).logits, x[:1], own)
        together = forward(x, Hidden(removal, masks))
        alone = [forward(x[i : i + 1], Hidden(removal, masks[i : i + 1])) for i in range(3)]
    torch.testing.assert_close(together.logits, torch.cat([a.logits for a in alone]))
    assert len(together.activations) == len(classifier.hooked_layers)
    assert all(len(activation) == 3 for activation in together.activations)


@pytest.mark.parametrize("kind", ["timm", "factory", "export", "onnx"])
def test_a_convolutional_net_of_any_kind_carries_layer_masking(kind, tmp_path):
    getattr(kinds, kind)(tmp_path)
    exact(tmp_path, "layer_masking")


def test_a_transformer_of_hugging_face_carries_dropped_tokens(tmp_path):
    kinds.huggingface(tmp_path)
    exact(tmp_path, "dropped_tokens")


@pytest.mark.parametrize("kind", ["torchscript", "huggingface"])
def test_what_cannot_be_looked_into_is_refused(kind, tmp_path):
    getattr(kinds, kind)(tmp_path)
    with pytest.raises(ClassifierError, match="layer_masking does not fit this classifier"):
        exact(tmp_path, "layer_masking")
