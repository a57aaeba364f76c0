"""What a command works with, ready: the classifier, and the reference images as it sees them."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from med_cam.case.references import References, painted_from
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.colours import ASSUMED, REFERENCES, fault_of, in_levels
from med_cam.cli.classifier import Source, load_repeatable, source_of
from med_cam.cli.images import images_of
from med_cam.cli.options.audit import AuditOptions
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.references import reference_paths, references_from
from med_cam.cli.room import require_room
from med_cam.cli.run import Failure, exit_status, report
from med_cam.cli.screen import Screen, row
from med_cam.images.part import WHOLE, Part, window_of
from med_cam.images.white import White, white_of

SHOWN = 12  # labels named in a sentence; some classifiers have thousands


@dataclass(frozen=True, slots=True)
class Ready:
    """The classifier, loaded, and the reference images as it sees them."""

    source: Source
    classifier: Classifier
    references: References | None
    white: White = None
    part: Part = WHOLE

    @property
    def introduction(self) -> str:
        """Name and labels, and whether it is only the one that comes with med-cam."""
        labels = self.classifier.labels
        shown = ", ".join(labels[:SHOWN]) + (", ..." if len(labels) > SHOWN else "")
        height, width = self.classifier.input_size
        said = f"Classifier: {self.classifier.name} ({shown}), input {height} x {width}."
        said += code_of(self.classifier)
        if self.classifier.tried:
            said += f" Tried on {self.classifier.tried} inputs of noise and plain colours."
        bundled = " Bundled, for MRI of the brain only; give your own with --model."
        return said + bundled if self.source.bundled else said

    @property
    def colours(self) -> str:
        """What grey and Gaussian noise are here, and why if that is not as declared."""
        painted = self.classifier.painted
        said = (
            f"Grey is {in_levels(painted.grey)} of 255, Gaussian noise around it has a standard "
            f"deviation of {in_levels(painted.spread)}, {painted.source}"
        )
        if painted.source not in (REFERENCES, ASSUMED):
            return f"{said}."
        grey, spread = as_declared(self.classifier)
        fault = fault_of(grey, spread) or "mean and std are not of pixels"
        return f"{said}, since by mean and std {fault}."


def code_of(classifier: Classifier) -> str:
    """A sentence on the Python code that ran to build it, with a space before; else ""."""
    files = [name for name in classifier.loaded_from.source_files if name.endswith(".py")]
    more = ", ..." if len(files) > SHOWN else ""
    return f" Built by its Python code ({', '.join(files[:SHOWN])}{more})." if files else ""


def over_images(
    options: ExplainOptions | AuditOptions,
    command: str,
    screen: Screen,
    work: Callable[[Ready, list[Path], list[Failure]], int],
    *,
    at_end: bool = False,
) -> int:
    """Find the images, load the classifier and work; return the exit status.

    Args:
        options: which images, which classifier, and where results go, if anywhere.
        command: its name, for a hint.
        screen: where images that cannot be had are reported.
        work: from the classifier, the images and these failures to the exit status.
        at_end: whether those are reported after the work, not before.

    Raises:
        MedCamError: if the run cannot begin.
    """
    with ExitStack() as opened:
        source = source_of(options.model, opened, options.trust)
        paths, failures = images_of(
            options.images or (), source, opened, command, volumes=options.slice is not None
        )
        for failure in reversed(failures) if at_end else ():
            opened.callback(report, failure, screen)  # whatever becomes of the work
        for failure in () if at_end else failures:
            report(failure, screen)
        if not paths:
            return exit_status(failures)
        if options.out is not None:
            require_room(options.out)
        ready = load(source, options, screen, opened)
        return work(ready, paths, failures)


def load(
    source: Source, options: ExplainOptions | AuditOptions, screen: Screen, opened: ExitStack
) -> Ready:
    """The classifier and the reference images.

    Raises:
        MedCamError: if the classifier, or all of the reference images, cannot be read; or white
            is no grey value.
    """
    said = None if options.white is None else white_of(options.white)
    window = None if options.window is None else window_of(options.window)
    with row(screen.bar, "loading the classifier"):
        paths = reference_paths(options.references, source, opened)
        classifier = load_repeatable(source, options.device)
        white = classifier.white if said is None else said
        references = references_from(classifier, paths, white, screen, window=window)
        return Ready(
            source, classifier, references, white, Part(window, options.frame, options.slice)
        )


def painted(ready: Ready) -> Ready:
    """The classifier with the colours that its baselines have beside these reference images."""
    classifier, references = painted_from(ready.classifier, ready.references)
    return replace(ready, classifier=classifier, references=references)


def as_declared(classifier: Classifier) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std as shares of white."""
    white = classifier.value_range
    return tuple(m / white for m in classifier.mean), tuple(s / white for s in classifier.std)
