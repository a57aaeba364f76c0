"""Which removals a run rests on where none are named: chosen once for the classifier."""

from collections.abc import Iterator
from pathlib import Path

from med_cam.audit.recommended import choice_of
from med_cam.cli.classifier import Source
from med_cam.cli.inputs import Ready
from med_cam.cli.options.explain import ExplainOptions
from med_cam.cli.run import one_sentence
from med_cam.cli.screen import Screen, row
from med_cam.cli.settings import wants_choice
from med_cam.errors import ConfigError, OutputError
from med_cam.report.choice_file import AUDIT_FILE, read_choice, write_choice
from med_cam.results.removal import RemovalChoice


def choice_for(options: ExplainOptions, ready: Ready, screen: Screen) -> RemovalChoice | None:
    """The choice of an audit of this classifier, else one that is made now and saved; None: none.

    Raises:
        ConfigError: if the audit that was named is not there.
        MedCamError: if the classifier does not answer, or the choice cannot be written.
    """
    if not wants_choice(options, bundled=ready.source.bundled):
        return None
    for path in audits(options, ready.source):
        try:
            return read_choice(path, ready.classifier)
        except OutputError as error:
            said = one_sentence(str(error)).rstrip(".")
            screen.complain(f"{said}; the removals are chosen anew.")
    with row(screen.bar, "choosing the removals"):
        choice = choice_of(ready.classifier, ready.references)
    if choice.figures:
        write_choice(ready.classifier, choice, options.out)
    return choice


def audits(options: ExplainOptions, source: Source) -> Iterator[Path]:
    """The audit that was named; else those beside the classifier and in the folder of results.

    Raises:
        ConfigError: if the one that was named is not there.
    """
    if options.audit is not None:
        if not options.audit.is_file():
            raise ConfigError(f"there is no audit {options.audit}; med-cam audit --out makes one")
        yield options.audit
        return
    beside = source.path if source.path.is_dir() else source.path.parent
    for folder in (beside, options.out):
        if (folder / AUDIT_FILE).is_file():
            yield folder / AUDIT_FILE
