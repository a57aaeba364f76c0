"""The options of the commands that make a page of results: report, dossier, compare."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli.options.boxes import INPUT, OUTPUT, SANITY
from med_cam.cli.options.inputs import Labels
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.settings import seed_option
from med_cam.cli.parameters import option
from med_cam.config.rules import whole


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """The options of `med-cam report`."""

    results: Annotated[Path, typer.Argument(metavar="DIR", hidden=True)]
    labels: Annotated[
        Path | None,
        option(
            "FILE.csv",
            "The labels that are right, with columns image and label: misread images come first. "
            "Default: the folder that an image lies in, if it is called as a label.",
            INPUT,
        ),
    ] = None
    audit: Annotated[
        Path | None,
        option("FILE", "The audit.json of the classifier; its sentences stand above.", INPUT),
    ] = None
    out: Annotated[
        Path | None, option("FILE.html", "The page. Default: report.html in DIR.", OUTPUT)
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class DossierOptions:
    """The options of `med-cam dossier`."""

    results: Annotated[Path, typer.Argument(metavar="DIR", hidden=True)]
    labels: Labels = None
    meta: Annotated[
        Path | None,
        option(
            "FILE.toml",
            "What the owner of the classifier states of it: purpose, users, population and more. "
            "What is not in it is called not stated.",
            INPUT,
        ),
    ] = None
    audit: Annotated[
        Path | None,
        option(
            "FILE", "The audit.json of the classifier, as med-cam audit --out writes it.", INPUT
        ),
    ] = None
    outlines: Annotated[
        Path | None,
        option(
            "DIR",
            "Outlines by people: pictures of the images' size, called as the images, white "
            "inside.",
            INPUT,
        ),
    ] = None
    verify: Annotated[
        Path | None,
        option("FILE", "What med-cam verify printed of these results, kept in a file.", INPUT),
    ] = None
    sanity: Annotated[
        int | None,
        option(
            "N",
            "Explain N of the images again by copies of the classifier with shuffled weights "
            "(Adebayo et al. 2018): evidence that depends on what was learned has to change. It "
            "takes about seven explanations an image, with a second seed as the control. What "
            "comes out is kept in DIR/sanity.json, and later dossiers show it.",
            SANITY,
            allowed=whole(1, 1000),
        ),
    ] = None
    model: Annotated[
        str | None,
        option(
            "CLASSIFIER",
            "The classifier of the results, for --sanity. Default: the bundled one.",
            SANITY,
        ),
    ] = None
    references: Annotated[
        Path | None,
        option(
            "FOLDER",
            "The reference images that the results were made with, for --sanity. The bundled "
            "classifier has its own.",
            SANITY,
        ),
    ] = None
    trust: Annotated[
        list[str] | None,
        option(
            "PACKAGE",
            "An installed Python package that the classifier's factory may come from, for "
            "--sanity.",
            SANITY,
        ),
    ] = None
    seed: Annotated[
        int,
        seed_option("Of the bootstraps that some intervals come from, and of --sanity."),
    ] = 0
    out: Annotated[
        Path | None, option("FILE.html", "The page. Default: dossier.html in DIR.", OUTPUT)
    ] = None
    debug: Debug = False


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """The options of `med-cam compare`."""

    before: Annotated[Path, typer.Argument(metavar="DIR_A", hidden=True)]
    after: Annotated[Path, typer.Argument(metavar="DIR_B", hidden=True)]
    labels: Labels = None
    out: Annotated[
        Path | None,
        option(
            "FILE.html",
            "The page; the table of all images lies beside it as .csv. Default: compare.html in "
            "DIR_B.",
            OUTPUT,
        ),
    ] = None
    debug: Debug = False
