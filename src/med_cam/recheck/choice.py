"""The choice of removals again: the rule on the figures that were saved."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from med_cam.audit.choice import FORMER, RULE, chosen
from med_cam.audit.recommended import MINIMUM, unmeasured
from med_cam.config.settings import Config
from med_cam.report.choice_file import choice_from
from med_cam.results.removal import RemovalChoice


def choice_again(document: Mapping[str, Any] | None, config: Config) -> RemovalChoice | None:
    """The choice as today's rule makes it from the saved figures; None if none was saved.

    Its set is that of the settings where the rule gives what was saved: whoever claims on another
    set than the chosen one is noticed. A choice by a former rule stands as it was saved.
    """
    if document is None:
        return None
    said = choice_from(document)
    if said.rule in FORMER:
        return replace(said, removal=config.verification.baselines)
    if not said.figures:
        found = unmeasured(said.references, said.refused)
    else:
        rule = chosen(said.figures)
        found = replace(said, removal=rule.removal, fails=rule.fails, reason=rule.reason)
    claimed = config.verification.baselines
    removal = claimed if found.removal == said.removal else found.removal
    return replace(found, removal=removal, rule=RULE, source=said.source, minimum_effect=MINIMUM)


def of_former_rule(document: Mapping[str, Any] | None) -> str:
    """That a choice was made by a former rule, in words; "" if not."""
    if document is None or document["rule"] not in FORMER:
        return ""
    return f"the removals were chosen by rule {document['rule']}, not by today's rule {RULE}"
