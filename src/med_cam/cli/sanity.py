"""`med-cam dossier --sanity N`: images of results explained again with shuffled weights."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from med_cam.case.references import References
from med_cam.classifiers.base import Classifier
from med_cam.cli.classifier import load_repeatable, source_of
from med_cam.cli.options.pages import DossierOptions
from med_cam.cli.references import reference_paths, references_from
from med_cam.cli.screen import Screen, row
from med_cam.config.settings import Config
from med_cam.config.toml import overlaid
from med_cam.errors import ConfigError
from med_cam.recheck.identity import refuse_other_classifier
from med_cam.recheck.references import same_references
from med_cam.report.saved import Saved, read_saved
from med_cam.report.saved_image import declared, part_of
from med_cam_studies.dossier.sanity_file import Checked
from med_cam_studies.evaluation.sanity import sanity
from med_cam_studies.report.explained import Explained


def refuse_unused(options: DossierOptions) -> None:
    """Check that a classifier is given for the check only.

    Raises:
        ConfigError: if it would not be used.
    """
    given = [n for n in ("model", "references", "trust") if getattr(options, n) is not None]
    if options.sanity is None and given:
        raise ConfigError(
            f"--{given[0]} is for the check of --sanity N, without which a dossier runs no "
            "classifier; give --sanity too, or leave it out"
        )


def chosen(every: Sequence[Explained], most: int) -> list[Explained]:
    """So many images in the order of their SHA-256, nobody's choice; explained as predicted."""
    own = [one for one in every if one.of_prediction and not has_fills(one)]
    return sorted(own, key=lambda one: one.sha256)[:most]


def has_fills(one: Explained) -> bool:
    """Whether a claim rests on fills of the user's own, which are in no result."""
    return any(":" in name for name in one.made.removals)


def shuffled(every: Sequence[Explained], options: DossierOptions, screen: Screen) -> list[Checked]:
    """The check on so many of the images as were asked for.

    Raises:
        ClassifierError: if the classifier is not that of the results.
        MedCamError: if a result, the classifier or the reference images cannot be used.
    """
    found = []
    with ExitStack() as opened:
        source = source_of(options.model, opened, options.trust)
        paths = reference_paths(options.references, source, opened)
        classifier = load_repeatable(source, "auto")
        images = chosen(every, options.sanity or 0)
        with row(screen.bar, "explaining with shuffled weights", total=len(images)) as task:
            for one in images:
                saved = read_saved(one.folder, classifier.channels)
                refuse_other_classifier(classifier, saved.document)
                references = references_of(saved, classifier, paths, screen)
                config = overlaid(Config(), saved.document["config"])
                stages = sanity(
                    classifier,
                    saved.image,
                    config=config,
                    references=references,
                    seed=options.seed,
                )
                found.append(Checked(one.sha256, one.label, stages))
                screen.bar.advance(task)
    return found


def references_of(
    saved: Saved, classifier: Classifier, paths: Sequence[Path], screen: Screen
) -> References | None:
    """The reference images of a result.

    Raises:
        OutputError: if those given are not the ones that it was made with.
    """
    if saved.document["sha256"]["reference_images"] is None:
        return None
    window = part_of(saved.document).window
    read = references_from(classifier, paths, declared(saved.document), screen, window=window)
    return same_references(saved, read, "with --references")
