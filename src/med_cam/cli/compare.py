"""`med-cam compare`: two versions of a classifier on the same images, from saved results."""

from pathlib import Path

from med_cam.cli.options.pages import CompareOptions
from med_cam.cli.run import Ended, attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen, row
from med_cam.errors import ConfigError
from med_cam.report.files import write_files
from med_cam.report.found_results import found_results
from med_cam.report.read import read_explanation
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
from med_cam_studies.versions.compare import FILE, comparison, highlights
from med_cam_studies.versions.listed import compare_csv, terminal_table
from med_cam_studies.versions.pairs import paired

LINES = 20  # images that the terminal shows


def run(options: CompareOptions, screen: Screen) -> int:
    """Compare; return the exit status.

    Raises:
        MedCamError: if a folder has no results or those of several classifiers, or if no image is
            in both.
    """
    import_jinja2()
    folders = (options.before, options.after)
    if options.before.resolve() == options.after.resolve():
        raise ConfigError(f"{options.before} was given twice; give the folders of two versions")
    first = found_results([options.before])[0]
    truth_of = truth_from(options.labels, tuple(read_explanation(first)["probabilities"]))
    ended = [results_of(folder, truth_of, screen) for folder in folders]
    failed = (*ended[0].failed, *ended[1].failed)
    if not all(end.done for end in ended):
        return exit_status(failed)
    mades = (the_classifier(ended[0].done, folders[0]), the_classifier(ended[1].done, folders[1]))
    for end in ended:
        refuse_unknown_truth(end.done)
    (before, _), (after, _) = (one_an_image(end.done) for end in ended)
    with row(screen.bar, "comparing"):
        found = paired(before, after, folders)
        page = options.out or options.after / FILE
        table = page.with_suffix(".csv")
        text = comparison(found, mades, folders, truth_of)
        contents = {page.name: text, table.name: compare_csv(found.pairs)}
        write_files(
            page.parent, {name: t.encode("utf-8", "replace") for name, t in contents.items()}
        )
    for line in (*highlights(found), "", terminal_table(found.pairs[:LINES])):
        screen.say(line)
    screen.say(f"\nAll {len(found.pairs)} images in {page} and {table}.")
    return exit_status(failed)


def results_of(out: Path, truth_of: TruthOf, screen: Screen) -> Ended[Explained]:
    """The results of a folder in numbers; those that cannot be read are said."""
    folders = found_results([out])
    with row(screen.bar, f"reading {out.name}", total=len(folders)) as task:

        def one(_: int, folder: Path) -> Explained:
            screen.bar.advance(task)
            return read_explained(folder, out, truth_of)

        return show_each(attempt_each(folders, one), screen)
