"""What a command works with: classifier, images, reference images; and room for its results."""

import logging
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from med_cam.case.load_fill import PYTHON
from med_cam.case.references import References, painted_from, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.bundled import (
    CLASSIFIER,
    bundled_classifier,
    bundled_references,
    bundled_samples,
)
from med_cam.classifiers.colours import ASSUMED, REFERENCES, fault_of, in_levels
from med_cam.classifiers.description import FILE
from med_cam.classifiers.load import chosen_device, load_classifier
from med_cam.classifiers.repeatable import repeatable_gpu
from med_cam.cli.options.audit import AuditOptions
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.run import Failure, exit_status, failure_of, one_sentence, report
from med_cam.cli.screen import Screen, row
from med_cam.errors import ClassifierError, ConfigError, ImageError, MedCamError
from med_cam.images.file import sha256_of
from med_cam.images.find import Folder, find_images, images_in
from med_cam.images.nifti import is_called_volume
from med_cam.images.part import WHOLE, Part, Window, window_of
from med_cam.images.read import read_image
from med_cam.images.white import White, white_of
from med_cam.report.file_names import JSON_FILE
from med_cam.report.files import UnwritableError
from med_cam.report.source import PIXELS_FILE

log = logging.getLogger(__name__)
SHOWN = 12  # labels named in a sentence; some classifiers have thousands
MANY = 200  # reference images prepared at most: a claim samples some dozens of them
ENOUGH = 2**16  # bytes, less than the files of one image; a disk this full is full


@dataclass(frozen=True, slots=True)
class Source:
    """Where the classifier lies, whether it is the bundled one, and whose code it may run."""

    path: Path
    bundled: bool
    trusted: tuple[str, ...] = ()


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
        paths = evenly(reference_paths(options.references, source, opened), most=MANY)
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


def load_repeatable(source: Source, device: str) -> Classifier:
    """The classifier on its device; the same input gives the same output at every run.

    Raises:
        MedCamError: if it cannot be loaded.
    """
    if chosen_device(device).type == "cuda":
        repeatable_gpu()  # before anything runs there
    return load_classifier(source.path, device=device, trust=source.trusted)


def source_of(model: str | None, opened: ExitStack, trust: Sequence[str] | None = None) -> Source:
    """The classifier that was named, or the bundled one, which stays open with `opened`.

    Raises:
        ClassifierError: if the bundled one is wanted and not installed.
    """
    if model is None or is_bundled(Path(model)):
        return Source(opened.enter_context(bundled_classifier()), bundled=True)
    packages = tuple(name for name in trust or () if not name.endswith(PYTHON))
    return Source(Path(model), bundled=False, trusted=packages)


def is_bundled(model: Path) -> bool:
    """Whether this is the name of the bundled classifier, or the way to it."""
    try:
        if not model.exists():
            return model == Path(CLASSIFIER)
    except OSError:  # as a name longer than files have; loading says so
        return False
    with suppress(ClassifierError), bundled_classifier() as folder:
        return model.resolve() in (folder.resolve(), (folder / FILE).resolve())
    return False


def images_of(
    given: Sequence[Path], source: Source, opened: ExitStack, command: str, *, volumes: bool
) -> tuple[list[Path], list[Failure]]:
    """The images for a command, each once, and what is wrong with the others that were named.

    Raises:
        ConfigError: if none is named, and the classifier is not the one that samples come with.
        ClassifierError: if the samples are not installed.
    """
    if given:
        return named_images(given, volumes=volumes)
    if not source.bundled:
        raise ConfigError(
            f"no images given for the classifier {source.path}; name files or folders, as in "
            f"med-cam {command} IMAGE --model {source.path}"
        )
    return list(opened.enter_context(bundled_samples())), []


def named_images(
    given: Sequence[Path], *, volumes: bool = False
) -> tuple[list[Path], list[Failure]]:
    """The images among files and folders; one that is missing does not stop the others."""
    found: dict[Path, Path] = {}
    failures = []
    for path in given:
        try:
            for image in images_at(path, volumes=volumes):
                found.setdefault(image.resolve(), image)
        except MedCamError as error:
            failures.append(failure_of(error, where=str(path)))
    return list(found.values()), failures


def images_at(path: Path, *, volumes: bool = False) -> list[Path]:
    """The file itself, or the images of a folder except those that med-cam has written there.

    Raises:
        ImageError: if there are none.
    """
    try:
        if not path.is_dir():
            return find_images([path])
        folder = images_in(path, volumes=volumes)
    except OSError as error:
        raise ImageError(f"{path} cannot be opened ({error.strerror}).") from error
    foreign = [image for image in folder.images if not is_result(image)]
    left_out = [(image, "picture of results") for image in folder.images if is_result(image)]
    folder = Folder(tuple(foreign), (*folder.left_out, *left_out))
    if folder.left_out and foreign:
        log.warning("%s: %s taken; left out: %s.", path, len(foreign), folder.words)
        log.info("left out: %s", ", ".join(str(one) for one, _ in folder.left_out))
    if not foreign:
        raise ImageError(
            f"the folder {path} has no images except results of med-cam; name another"
        )
    return foreign


def has_pixels(path: Path) -> bool:
    """Whether a file that is no image of a folder has pixels that were explained, by its name."""
    return path.is_file() and (path.suffix == Path(PIXELS_FILE).suffix or is_called_volume(path))


def images_by_hash(given: Sequence[Path]) -> dict[str, Path]:
    """The images among files and folders by the SHA-256 of the file.

    In folders NIfTI volumes and pixels saved as .npy are among them.

    Raises:
        ImageError: a path does not exist, or is a folder without any.
    """
    files: list[Path] = []
    try:
        for path in given:
            others = [one for one in path.rglob("*") if has_pixels(one)] if path.is_dir() else []
            try:
                files += find_images([path])
            except ImageError:
                if not others:
                    raise
            files += sorted(others)
        return {sha256_of(file): file.resolve() for file in files}
    except OSError as error:
        raise ImageError(
            f"{error.filename} cannot be read ({error.strerror or error}); check the path"
        ) from error


def is_result(image: Path) -> bool:
    """Whether a file lies in a result folder."""
    return (image.parent / JSON_FILE).is_file()


def reference_paths(given: Path | None, source: Source, opened: ExitStack) -> list[Path]:
    """The reference images that were named, those of the bundled classifier, or none.

    Raises:
        ImageError: if the folder that was named has none.
        ClassifierError: if the bundled ones are not installed.
    """
    if given is not None:
        return images_at(given)
    if source.bundled:
        return find_images([opened.enter_context(bundled_references())])
    return []


def references_from(
    classifier: Classifier,
    paths: Sequence[Path],
    white: White,
    screen: Screen,
    *,
    window: Window = None,
) -> References | None:
    """The reference images as the classifier sees them, read one by one; None for none.

    One that cannot be read is left out, said and counted.

    Raises:
        ImageError: if all of them are.
    """
    parts, refused, notes = [], [], Counter[str]()
    for path in paths:
        try:
            image = read_image(path, channels=classifier.channels, white=white, part=Part(window))
            parts.append(prepare_references(classifier, [image]))
            notes.update(image.notes)
        except ImageError as error:
            refused.append(error)
    if not parts:
        if refused:
            raise refused[0]
        return None
    for note, count in notes.items():
        screen.say(f"Note: {count} of {len(paths)} reference images: {note}.")
    for left_out in refused:
        screen.complain(f"reference image left out: {one_sentence(str(left_out))}")
    if refused:
        screen.complain(f"{len(refused)} of {len(paths)} reference images were left out.")
    return References(
        torch.cat([part.x for part in parts]),
        torch.cat([part.probabilities for part in parts]),
        tuple(digest for part in parts for digest in part.digests),
        left_out=len(refused),
    )


def evenly(paths: Sequence[Path], *, most: int) -> list[Path]:
    """At most so many, taken evenly, so that each folder of a sorted list has its share."""
    count = min(len(paths), most)
    return [paths[i * len(paths) // count] for i in range(count)]


def require_room(out: Path) -> None:
    """Check that a folder can be made or written; nothing of it stays.

    Raises:
        UnwritableError: it is a file, may not be written, or there is no space left.
    """
    try:
        there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(bytes(ENOUGH))
            probe.flush()
    except OSError as error:
        raise UnwritableError(
            f"results cannot be written to {out} ({error.strerror or error}); make room there or "
            "give another folder with --out"
        ) from error
