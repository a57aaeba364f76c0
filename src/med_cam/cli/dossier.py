"""`med-cam dossier`: one printable page about a classifier, from its saved results."""

from dataclasses import replace
from pathlib import Path

from torch import Generator

from med_cam.cli.options.pages import DossierOptions
from med_cam.cli.run import Ended, attempt_each, exit_status, show_each
from med_cam.cli.sanity import refuse_unused, shuffled
from med_cam.cli.screen import Screen, row
from med_cam.report.files import write_file
from med_cam.report.found_results import found_results
from med_cam.report.read import read_explanation
from med_cam.report.wording import counted
from med_cam_studies.dossier.data import LeftOut
from med_cam_studies.dossier.dossier import FILE, Beside, Results, dossier
from med_cam_studies.dossier.intended_use import read_intended_use
from med_cam_studies.dossier.runs import unfinished
from med_cam_studies.dossier.sanity_file import FILE as SANITY_FILE, read_sanity, write_sanity
from med_cam_studies.report.explained import (
    Explained,
    TruthOf,
    one_an_image,
    read_explained,
    refuse_unknown_truth,
    the_classifier,
)
from med_cam_studies.report.of_results import truth_from
from med_cam_studies.report.page import import_jinja2


def run(options: DossierOptions, screen: Screen) -> int:
    """Make the page; return the exit status.

    Raises:
        MedCamError: if there are no results, those of several classifiers, or a file that cannot
            be used.
    """
    import_jinja2()
    refuse_unused(options)
    beside = beside_of(options)
    folders = found_results([options.results])
    truth_of = truth_from(options.labels, tuple(read_explanation(folders[0])["probabilities"]))
    with row(screen.bar, "reading results", total=len(folders)) as task:

        def one(_: int, folder: Path) -> Explained:
            screen.bar.advance(task)
            return read_explained(folder, options.results, truth_of)

        ended = show_each(attempt_each(folders, one), screen)
    if not ended.done:
        return exit_status(ended.failed)
    found = results_of(ended, options.results, truth_of)
    kept = options.results / SANITY_FILE
    if options.sanity is not None:
        write_sanity(kept, shuffled(found.every, options, screen), found.made)
    beside = replace(beside, sanity=read_sanity(kept, found.made))
    with row(screen.bar, "drawing"):
        generator = Generator().manual_seed(options.seed)
        text = dossier(found, beside, generator=generator)
        path = options.out or options.results / FILE
        write_file(path, text.encode("utf-8", "replace"))
    screen.say(f"{counted(len(found.every), 'image')} in {path}.")
    return exit_status(ended.failed)


def results_of(ended: Ended[Explained], out: Path, truth_of: TruthOf) -> Results:
    """The results that were read, one an image, and what is left out.

    Raises:
        OutputError: if they are of several classifiers.
        ConfigError: if a right label is none of the classifier's.
    """
    made = the_classifier(ended.done, out)
    refuse_unknown_truth(ended.done)
    every, repeated = one_an_image(ended.done)
    unexplained = unfinished(out, {one.sha256 for one in every})
    left_out = LeftOut(len(ended.failed), repeated, unexplained)
    return Results(every, made, out, truth_of, left_out)


def beside_of(options: DossierOptions) -> Beside:
    """What the options name besides the results.

    Raises:
        ConfigError: if the intended use cannot be read.
    """
    return Beside(
        stated=read_intended_use(options.meta),
        stated_in="" if options.meta is None else options.meta.name,
        audit=options.audit,
        outlines=options.outlines,
        verified=options.verify,
    )
