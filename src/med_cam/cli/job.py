"""What is the same for all images of `med-cam explain`, and what is refused before the first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from med_cam.case.fills import Fill
from med_cam.cli.inputs import SHOWN, Ready
from med_cam.cli.options.explain import ExplainOptions
from med_cam.config.baselines import OF_REFERENCES
from med_cam.config.settings import Config
from med_cam.errors import ClassifierError, ConfigError
from med_cam.results.removal import RemovalChoice


@dataclass(frozen=True, slots=True)
class Job:
    """What is the same for all images of a run."""

    options: ExplainOptions
    config: Config
    ready: Ready
    software: Mapping[str, str]
    choice: RemovalChoice | None = None
    fills: Mapping[str, Fill] = field(default_factory=dict)
    names_hidden: bool = False


def refuse_unfit_options(options: ExplainOptions, config: Config, ready: Ready) -> None:
    """Check what was asked for against classifier and reference images, once for all images.

    Raises:
        ClassifierError: if the classifier does not know a label.
        ConfigError: if reference images are needed and there are none.
    """
    asked = (*config.verification.baselines, *config.verification.beside)
    made_of_others = [name for name in asked if name in OF_REFERENCES]
    if made_of_others and ready.references is None:
        raise ConfigError(
            f"the baseline {made_of_others[0]!r} needs reference images; give --references FOLDER"
        )
    named = [label for label in (options.target, options.contrast) if label is not None]
    for label in named:
        refuse_unknown_label(label, ready.classifier.labels)
    if len(set(named)) < len(named):
        raise ClassifierError(
            f"--target and --contrast are both {named[0]!r}; give one of them another label"
        )


def refuse_unknown_label(label: str, labels: Sequence[str]) -> None:
    """Check a label.

    Raises:
        ClassifierError: if the classifier does not know it.
    """
    if label in labels:
        return
    close = get_close_matches(label, labels, n=1)
    hint = f"did you mean {close[0]!r}? It" if close else "it"
    more = f" and {len(labels) - SHOWN} more" if len(labels) > SHOWN else ""
    raise ClassifierError(
        f"the classifier has no label {label!r}; {hint} knows {', '.join(labels[:SHOWN])}{more}"
    )
