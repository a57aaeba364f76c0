"""`med-cam prepare`: images without labels to a network that proposes masks for a classifier."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from med_cam.classifiers.base import hooks_attached
from med_cam.classifiers.slide_scale import with_scale_said
from med_cam.cli.choice import choice_found
from med_cam.cli.estimate import LONG
from med_cam.cli.explain import chosen
from med_cam.cli.inputs import Ready, over_images, painted
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.options.prepare import PrepareOptions
from med_cam.cli.run import Ended, Failure, attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import settings
from med_cam.cli.tally import duration, image_title, update
from med_cam.config.settings import Config, Preparation, relative_to
from med_cam.errors import ClassifierError, ConfigError
from med_cam.images.read import read_image
from med_cam.pipeline.prepare import (
    Training,
    example,
    expected,
    proposal_of,
    refuse_few,
    training_of,
)
from med_cam.report.files import write_file
from med_cam.report.wording import baselines, counted
from med_cam.search.prepare import Example
from med_cam.search.proposal import Proposal
from med_cam.search.proposal_file import as_bytes

SURE = 8  # images after which it can be said how long the others will take


def run(options: PrepareOptions, screen: Screen) -> int:
    """Prepare a proposal; return the exit status.

    Raises:
        MedCamError: if it cannot be prepared or written.
    """
    begun, asked = time.perf_counter(), as_explained(options)
    said, rules = settings(asked), rules_of(options)
    refuse_no_file(options.out)

    def work(ready: Ready, paths: list[Path], failures: list[Failure]) -> int:
        ready = painted(ready)
        refuse_few(len(paths), len(failures), rules)
        choice = choice_found(asked, ready, screen)
        config = said if choice is None else relative_to(said, choice.removal)
        screen.say(heading(ready, config, rules, len(paths)) + chosen(choice))
        with hooks_attached(ready.classifier) as forward:
            training = training_of(forward, ready.classifier, config, rules, ready.references)
            ended = read_each(training, ready, paths, screen)
            left_out = len(failures) + len(ended.failed)
            proposal = taught(training, ended.done, left_out, screen)
        write_file(options.out, as_bytes(proposal))
        for sentence in closing(proposal, options.out, time.perf_counter() - begun):
            screen.say(sentence)
        return exit_status((*failures, *ended.failed))

    return over_images(asked, "prepare", screen, work)


def as_explained(options: PrepareOptions) -> ExplainOptions:
    """What `med-cam explain` would be told for the same classifier, removals and settings."""
    return ExplainOptions(
        images=options.images,
        model=options.model,
        references=options.references,
        white=options.white,
        window=options.window,
        frame=options.frame,
        slice=options.slice,
        config=options.config,
        removal=options.removal,
        audit=options.audit,
        seed=options.seed,
        device=options.device,
        out=options.out.parent,
        trust=options.trust,
    )


def rules_of(options: PrepareOptions) -> Preparation:
    """How long it is trained."""
    usual = Preparation()
    return usual if options.epochs is None else replace(usual, epochs=options.epochs)


def refuse_no_file(out: Path) -> None:
    """Check that the network can be written under this name.

    Raises:
        ConfigError: if it is a folder.
    """
    if out.is_dir():
        raise ConfigError(
            f"--out {out} is a folder; name the file of the proposal, as in "
            f"{out / 'proposal.safetensors'}"
        )


def heading(ready: Ready, config: Config, rules: Preparation, images: int) -> str:
    """What the preparation consists of, and how many passes it takes."""
    passes = expected(images, config, rules)
    return (
        f"{ready.introduction}\n"
        f"{counted(images, 'image')} to prepare from, with "
        f"{baselines(config.verification.baselines)} as baselines; {passes.forward:,} forward "
        f"passes and {passes.backward:,} backward, then {rules.epochs} epochs of training without "
        f"any. {ready.colours}"
    )


def read_each(
    training: Training, ready: Ready, paths: Sequence[Path], screen: Screen
) -> Ended[Example]:
    """Each image as it is trained on; one that cannot be read is said, and left out."""
    classifier, begun = training.classifier, time.perf_counter()
    with row(screen.bar, "", total=len(paths)) as task:

        def one(index: int, path: Path) -> Example:
            title = image_title(path.name, index, len(paths))
            update(screen.bar, task, title, completed=index)
            if index == SURE:
                left = (time.perf_counter() - begun) / SURE * (len(paths) - SURE)
                if left >= LONG:
                    screen.say(f"To look at the other images will take about {duration(left)}.")
            image = read_image(
                path, channels=classifier.channels, white=ready.white, part=ready.part
            )
            return example(training, with_scale_said(classifier, image), index)

        return show_each(attempt_each(paths, one, last=ClassifierError), screen)


def taught(
    training: Training, examples: Sequence[Example], left_out: int, screen: Screen
) -> Proposal:
    """The network, with a bar of all epochs."""
    with row(screen.bar, "training", total=training.rules.epochs) as task:

        def moved(done: int) -> None:
            update(screen.bar, task, "training", completed=done)

        return proposal_of(training, examples, left_out, moved)


def closing(proposal: Proposal, out: Path, seconds: float) -> Iterator[str]:
    """What was made, of what, and how it is used."""
    made = proposal.prepared
    without = f", {made.left_out} left out" if made.left_out else ""
    yield (
        f"\nPrepared from {counted(made.images, 'image')}{without}: {duration(seconds)}, "
        f"{made.passes.forward:,} forward passes, {made.passes.backward:,} backward passes."
    )
    yield f"Written to {out}; its SHA-256 is {made.sha256}. Use: med-cam explain --proposal {out}"
