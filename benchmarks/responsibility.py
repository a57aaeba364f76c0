"""The responsibility map of ReX: what the search for causes gives each pixel.

After Chockler, Kelly, Kroening, Sun 2024 (arXiv 2309.14309), by its authors' own package rex-xai,
which is asked for when it is used. All settings are the package's defaults: 20 searches, what is
hidden is 0 in the normalised space, boxes down to 10 pixels.
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Generator, Tensor

from med_cam.case.case import Case
from med_cam.errors import MedCamError


def rex(case: Case, generator: Generator) -> Float[Tensor, "1 1 h w"]:
    """The map of the target, in [0, 1]; forward passes only.

    Raises:
        MedCamError: if the package is missing.
    """
    try:
        from rex_xai.explanation.rex import calculate_responsibility
        from rex_xai.input.config import CausalArgs
        from rex_xai.input.input_data import Data
        from rex_xai.responsibility.prediction import Prediction
    except ImportError as error:
        raise MedCamError(
            f"the method rex needs the package rex-xai ({error}): pip install rex-xai"
        ) from error
    target, x = case.target, case.scene.x
    rules = CausalArgs()
    rules.progress_bar, rules.gpu = False, False
    rules.seed = int(torch.randint(2**31 - 100, (), generator=generator))

    def predict(images: Tensor, wanted: Prediction | None = None) -> list[Prediction]:
        p = case.batched.classifier(images)
        return [
            Prediction(index, p[i, index].item(), None, wanted, p[i, target.index].item())
            for i, index in enumerate(p.argmax(dim=1).tolist())
        ]

    data = Data(None, list(x.shape), "cpu", mode="RGB")
    data.data = x.clone()
    data.set_mask_value(rules.mask_value)
    data.target = Prediction(target.index, target.p_image)
    before = np.random.get_state()  # noqa: NPY002  the package seeds the global generators
    with torch.random.fork_rng(devices=[]):
        maps, _ = calculate_responsibility(data, rules, predict)
    np.random.set_state(before)  # noqa: NPY002
    return torch.as_tensor(np.asarray(maps.get(target.index))).to(x)[None, None]
