"""`med-cam report`: the page of any results, in one file."""

import json
from collections.abc import Mapping
from pathlib import Path

from med_cam.cli.options.pages import ReportOptions
from med_cam.cli.run import attempt_each, exit_status, show_each
from med_cam.cli.screen import Screen, row
from med_cam.errors import OutputError
from med_cam.report.files import write_file
from med_cam.report.found_results import found_results
from med_cam.report.limits import JSON_BYTES
from med_cam.report.opening import content_of
from med_cam.report.read import read_explanation
from med_cam.report.wording import counted
from med_cam_studies.report.of_results import OneResult, one_result, results_page, truth_from
from med_cam_studies.report.page import FILE, import_jinja2

TITLE = "Evidence for a classifier's predictions"


def run(options: ReportOptions, screen: Screen) -> int:
    """Make the page; return the exit status.

    Raises:
        MedCamError: if there are no results, or the page cannot be written.
    """
    import_jinja2()
    folders = found_results([options.results])
    audit = () if options.audit is None else audit_sentences(options.audit)
    truth_of = truth_from(options.labels, tuple(read_explanation(folders[0])["probabilities"]))
    with row(screen.bar, "reading results", total=len(folders)) as task:

        def one(_: int, folder: Path) -> OneResult:
            screen.bar.advance(task)
            return one_result(folder, options.results, truth_of)

        ended = show_each(attempt_each(folders, one), screen)
    if ended.done:
        path = options.out or options.results / FILE
        with row(screen.bar, "drawing"):
            text = results_page(ended.done, title=TITLE, facts=facts(options), audit=audit)
            write_file(path, text.encode("utf-8", "replace"))
        screen.say(f"{counted(len(ended.done), 'result')} in {path}.")
    return exit_status(ended.failed)


def facts(options: ReportOptions) -> Mapping[str, str]:
    """Where right labels come from."""
    source = "the names of folders, where they are labels"
    return {"Known labels": source if options.labels is None else options.labels.name}


def audit_sentences(path: Path) -> tuple[str, ...]:
    """The sentences of an audit of the classifier.

    Raises:
        OutputError: if it cannot be read, or is none.
    """
    try:
        document = json.loads(content_of(path, most=JSON_BYTES))
        sentences = document["verdict"]["sentences"]
        return tuple(str(sentence) for sentence in sentences)
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise OutputError(
            f"{path} is no audit.json with sentences; med-cam audit --out makes one"
        ) from error
