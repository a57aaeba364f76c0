"""What is to be tested otherwise than it was saved."""

from dataclasses import dataclass, replace

from med_cam.config.settings import Config, relative_to


@dataclass(frozen=True, slots=True)
class Options:
    """What is to be tested otherwise than it was saved; None is "as it was".

    Attributes:
        baselines: names, for a claim relative to others.
        samples: of the random baselines together.
        confidence: of the bounds.
        seed: other samples than those of the explanation.
        batch: masked inputs per pass at most.
    """

    baselines: tuple[str, ...] | None = None
    samples: int | None = None
    confidence: float | None = None
    seed: int | None = None
    batch: int | None = None

    @property
    def anew(self) -> bool:
        """Whether anything but the batch differs from what was saved."""
        return any(
            value is not None
            for value in (self.baselines, self.samples, self.confidence, self.seed)
        )


def changed(config: Config, options: Options) -> Config:
    """The settings with the options in place."""
    if options.baselines is not None:
        config = relative_to(config, options.baselines)
    if options.confidence is not None:
        rules = replace(config.verification, confidence=options.confidence)
        config = replace(config, verification=rules)
    return config if options.seed is None else replace(config, seed=options.seed)
