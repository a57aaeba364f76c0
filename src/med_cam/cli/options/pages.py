"""The options of the commands that make a page of results: report, dossier, compare."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from med_cam.cli.options.boxes import INPUT, OUTPUT
from med_cam.cli.options.inputs import Labels
from med_cam.cli.options.outputs import Debug
from med_cam.cli.options.settings import seed_option
from med_cam.cli.parameters import option


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
    seed: Annotated[int, seed_option("Of the bootstraps that some intervals come from.")] = 0
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
