"""From images without labels to a network that proposes masks for their classifier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Generator

from med_cam.case.case import observed
from med_cam.case.references import References
from med_cam.classifiers.base import Classifier, Forward
from med_cam.config.baselines import INSIDE, OF_REFERENCES, is_own
from med_cam.config.rules import SEEDS
from med_cam.config.settings import Config, Preparation
from med_cam.errors import ConfigError
from med_cam.images.geometry import Image
from med_cam.results.passes import Passes
from med_cam.results.prepared import Prepared
from med_cam.search.prepare import Example, OnEpoch, example_of, trained
from med_cam.search.proposal import Proposal, identity_sha256, refuse_other_form
from med_cam.search.proposal_file import named_by_file

EXACT = 5  # passes that the test of a removal inside the network takes


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What is the same for all images that a network is trained on.

    Attributes:
        forward: the classifier as a function, from `hooks_attached`; in use until the end.
        classifier: what else is known of it.
        config: settings: how images are looked at.
        rules: of the training.
        references: reference images, where a removal is made of them.
    """

    forward: Forward
    classifier: Classifier
    config: Config
    rules: Preparation
    references: References | None = None


def training_of(
    forward: Forward,
    classifier: Classifier,
    config: Config,
    rules: Preparation,
    references: References | None,
) -> Training:
    """What is the same for all images.

    Raises:
        ConfigError: if a network cannot be prepared under these settings.
    """
    refuse_other_form(config)
    if config.search.grid == 0 or not config.search.widths:
        raise ConfigError(
            "a proposal is a U-Net of coarse scores: search.grid must not be 0 nor search.widths "
            "empty where one is prepared"
        )
    names = config.verification.baselines
    own = [name for name in names if is_own(name)]
    if own:
        raise ConfigError(
            f"a proposal cannot be prepared for a fill of your own ({own[0]}); name other removals"
        )
    wanted = references if set(names) & OF_REFERENCES else None
    alone = replace(config, verification=replace(config.verification, unseen=(), beside=()))
    return Training(forward, classifier, alone, rules, wanted)


def example(training: Training, image: Image, number: int) -> Example:
    """One training example.

    Args:
        training: what is the same for all images.
        image: without a label.
        number: of the image in the run, from 0: each has random baselines of its own.

    Raises:
        ClassifierError: if the classifier does not work on it.
        ConfigError: if the settings do not suit it.
        ImageError: if it cannot be fitted to the classifier.
    """
    case = observed(
        training.forward,
        training.classifier,
        image,
        training.config,
        references=training.references,
    )
    generator = Generator().manual_seed((training.config.seed + number) % SEEDS)
    return example_of(case, training.rules, generator)


def proposal_of(
    training: Training,
    examples: Sequence[Example],
    left_out: int = 0,
    on_epoch: OnEpoch = lambda _: None,
) -> Proposal:
    """The network after its training on these images.

    Args:
        training: what they share.
        examples: of the images.
        left_out: images that could not be read or prepared.
        on_epoch: called after each epoch, with how many are done.

    Raises:
        ConfigError: if there are too few images, or the training fails.
    """
    refuse_few(len(examples), left_out, training.rules)
    network = trained(examples, training.config, training.rules, on_epoch)
    costs = [each.cost for each in examples]
    prepared = Prepared(
        sha256="",
        classifier=identity_sha256(training.classifier),
        input_size=training.classifier.input_size,
        removal=training.config.verification.baselines,
        images=len(examples),
        left_out=left_out,
        epochs=training.rules.epochs,
        seed=training.config.seed,
        passes=Passes(sum(c.forward for c in costs), sum(c.backward for c in costs)),
        widths=training.config.search.widths,
        grid=training.config.search.grid,
    )
    return named_by_file(Proposal(prepared, network))


def refuse_few(images: int, left_out: int, rules: Preparation) -> None:
    """Check that there are images enough to learn from.

    Raises:
        ConfigError: if not.
    """
    if images < rules.fewest:
        without = f" ({left_out} more were left out)" if left_out else ""
        raise ConfigError(
            f"a proposal is prepared from at least {rules.fewest} images, and there are "
            f"{images}{without}; give more, a few hundred are good"
        )


def expected(images: int, config: Config, rules: Preparation) -> Passes:
    """What the preparation will take; the training itself takes none."""
    inside = len(set(config.verification.baselines) & INSIDE)
    discs = len(rules.radii) * rules.places**2
    return Passes(images * (2 + EXACT * inside + discs), images)
