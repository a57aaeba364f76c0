"""Rules so weak that what passes by them may not be called verified.

They can be set, for a test or a first look, and every figure is reported; only the word is not.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from med_cam.config.settings import Config

AT_LEAST: Mapping[str, float] = MappingProxyType(
    {  # settings of `verification`, and the least of each
        "share": 0.25,  # of the way from baselines alone to the whole image
        "minimum_effect": 0.01,  # less is rounding: any mask would do
        "stability_rate": 0.5,  # a mask that fails most shifts is an outline
        "specificity_rate": 0.05,  # what all random masks do as well is nobody's evidence
        "consistency": 0.01,  # of the way to the image's log-odds: less is no movement
        "consistency_rate": 0.1,  # what moves hardly any picture speaks behind masks alone
        "consistency_trials": 12,  # half of them are used, and six that stay tell it
        "certified": 0.8,
        "confidence": 0.8,
    }
)
AT_MOST: Mapping[str, float] = MappingProxyType({"leakage_margin": 0.3})


def weak_rules(config: Config) -> tuple[str, ...]:
    """The rules that are weaker than the floor, each in words; none for any preset."""
    return tuple(_weak(config))


def not_called_verified(config: Config) -> str:
    """The end of a status, for a claim that holds by such rules; "" if there are none."""
    weak = weak_rules(config)
    return f"; not called verified: {', '.join(weak)}" if weak else ""


def _weak(config: Config) -> Iterator[str]:
    for name, least in AT_LEAST.items():
        if (value := getattr(config.verification, name)) < least:
            yield f"verification.{name} is {value:g}, below {least:g}"
    for name, most in AT_MOST.items():
        if (value := getattr(config.verification, name)) > most:
            yield f"verification.{name} is {value:g}, above {most:g}"
