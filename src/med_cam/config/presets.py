"""Named settings: ours, and the paper's."""

from collections.abc import Mapping

from med_cam.config.given import refuse_other
from med_cam.config.rules import nearest, shown
from med_cam.config.settings import Certification, Config, Objective, Refinement, Search, Weights
from med_cam.errors import ConfigError


def grouped(preserve: float, sparse: float, robust: float) -> Weights:
    """The paper's three group weights, each shared by the terms of its group (section 3.4)."""
    return Weights(
        activation=preserve,
        kl=preserve,
        cross_entropy=preserve,
        area=sparse,
        binarization=sparse,
        total_variation=sparse,
        robustness=robust,
    )


PAPER = Search(  # start, rate and order of the terms are left open by the paper
    form="sigmoid",
    steps=300,
    learning_rate=3e-3,
    widths=(32, 64, 128, 256, 512),
    transposed=True,
    grid=0,
    masks=1,
    straight_from=1.0,
    jitter=0,
    places=5,
    look_weight=1.0,
    maps=10,
    sparse_from=0.1,
    sparse_until=0.7,
    sharpness=30.0,
    sharper_from=0.5,
    slower_from=0.7,
    starts=3,
)

PRESETS: Mapping[str, Config] = {
    "default": Config(),
    "paper-histology": Config(
        objective=Objective(weights=grouped(10.0, 100.0, 10.0), distance="mse"),
        search=PAPER,
        refinement=Refinement(cut="threshold"),
        certification=Certification(patch=0),
    ),
    "paper-dermoscopy": Config(
        objective=Objective(weights=grouped(10.0, 150.0, 20.0), distance="mse"),
        search=PAPER,
        refinement=Refinement(cut="threshold"),
        certification=Certification(patch=0),
    ),
}


def preset(name: str) -> Config:
    """A preset by its name.

    Raises:
        ConfigError: if there is none of that name.
    """
    refuse_other("a preset's name", name, str, f"one of {', '.join(PRESETS)}")
    if name not in PRESETS:
        raise ConfigError(f"there is no preset {shown(name)}{nearest(name, PRESETS)}")
    return PRESETS[name]
