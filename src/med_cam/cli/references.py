"""The reference images that a command was given, read, and counted where they cannot be."""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import torch

from med_cam.case.references import References, prepare_references
from med_cam.classifiers.base import Classifier
from med_cam.classifiers.bundled import bundled_references
from med_cam.cli.classifier import Source
from med_cam.cli.images import images_at
from med_cam.cli.run import one_sentence
from med_cam.cli.screen import Screen
from med_cam.errors import ImageError
from med_cam.images.find import find_images
from med_cam.images.part import Part, Window
from med_cam.images.read import read_image
from med_cam.images.white import White

MANY = 200  # reference images prepared at most: a claim samples some dozens of them


def reference_paths(given: Path | None, source: Source, opened: ExitStack) -> list[Path]:
    """Files of the reference images that were named, or of the bundled ones; at most `MANY`.

    Raises:
        ImageError: if the folder that was named has none.
        ClassifierError: if the bundled ones are not installed.
    """
    if given is not None:
        return evenly(images_at(given), most=MANY)
    if source.bundled:
        return evenly(find_images([opened.enter_context(bundled_references())]), most=MANY)
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
