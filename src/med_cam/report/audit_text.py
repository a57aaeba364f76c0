"""What an audit found, and what it means for explanations, in plain sentences with figures."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from med_cam.audit.answers import Labels
from med_cam.audit.ask import COVERS
from med_cam.audit.findings import Findings, Gap, Silhouette
from med_cam.audit.verdict import (
    Drift,
    confident_predictions,
    contentless,
    divided_by_shape,
    drawn_by_shape,
    drift,
    quarrels,
    recommended,
)
from med_cam.config.presets import PRESETS
from med_cam.masking import CONTENT
from med_cam.report.wording import listed, percent, probability

Key = TypeVar("Key")

HALF, MOST = 0.5, 0.9  # of the cells


def verdicts(found: Findings, labels: Labels) -> list[str]:
    """What was found."""
    return [
        *emptiness_sentences(found, labels),
        *shape_sentences(found, labels),
        *gap_sentences(found, labels),
    ]


def meanings(found: Findings, labels: Labels) -> list[str]:
    """What follows for explanations."""
    loud, good = confident_predictions(found, labels), recommended(found, labels)
    reported = [claims_over(label, names, labels) for label, names in by_label(loud).items()]
    reported.append(backgrounds_to_use(good))
    drawn = by_label(drawn_by_shape(found, labels))
    if drawn or divided_by_shape(found, labels):
        named = listed([labels.names[label] for label in drawn]) if drawn else "some label"
        reported.append(
            f"The outline of a mask may give {named} by itself, whatever it shows: explain with "
            "--references, and trust no mask that fails the shape test."
        )
    return reported + [gaps_under(label, over, labels) for label, over in drifting(found, labels)]


def emptiness_sentences(found: Findings, labels: Labels) -> list[str]:
    """Which labels are given where nothing is shown."""
    loud, split = confident_predictions(found, labels), quarrels(found, labels)
    reported = [
        f"{labels.names[label]} is the answer to nothing: "
        f"{', '.join(alone(name, label, found) for name in names)}."
        for label, names in by_label(loud).items()
    ]
    reported += [
        f"On {name} alone {percent(found.alone[name].sure / found.alone[name].frames)} of the "
        f"frames are an opinion, but not of one label."
        for name in split
    ]
    return reported or [f"Nothing shown, no opinion: {loudest(found, labels)}."]


def alone(name: str, label: int, found: Findings) -> str:
    """A background with the mean probability of a label on it."""
    return f"{name} alone is called so with {probability(found.alone[name].means[label])}"


def loudest(found: Findings, labels: Labels) -> str:
    """The largest mean probability on a background without content, and what would be one."""
    means = {name: found.alone[name].means for name in contentless(found)}
    name = max(means, key=lambda n: max(means[n]))
    label = means[name].index(max(means[name]))
    return (
        f"the most probable label is {labels.names[label]} over {name}, "
        f"{probability(means[name][label])} in the mean, {bar(labels)}"
    )


def bar(labels: Labels) -> str:
    """From where on a label is an opinion."""
    if labels.head == "sigmoid":
        return "below its threshold"
    return f"where {labels.bars[0]:g} would be an opinion"


def shape_sentences(found: Findings, labels: Labels) -> list[str]:
    """Which labels shapes give that neither their colour nor their surroundings do."""
    drawn, split = drawn_by_shape(found, labels), divided_by_shape(found, labels)
    reported = [
        shape_sentence(label, kinds, found, labels) for label, kinds in by_label(drawn).items()
    ]
    if split:
        reported.append(
            f"Shape alone gives labels, not always the same one, to {kinds_of(split, found)}."
        )
    return reported or ["No shape without content gives a label that its parts do not give alone."]


def shape_sentence(
    label: int, kinds: Sequence[Silhouette], found: Findings, labels: Labels
) -> str:
    """A label that shapes give, and which of them most of all."""
    loudest = max(kinds, key=lambda kind: found.silhouettes[kind].means[label])
    mean = probability(found.silhouettes[loudest].means[label])
    return (
        f"{labels.names[label]} is given by shape alone, to {kinds_of(kinds, found)}: {mean} for "
        f"{words(loudest)}; neither colour nor surroundings alone are called so."
    )


def kinds_of(kinds: Sequence[Silhouette], found: Findings) -> str:
    """How many kinds of silhouette."""
    return f"{len(kinds)} of {len(found.silhouettes)} kinds of blobs"


def words(kind: Silhouette) -> str:
    """A kind of silhouette in a sentence."""
    fill = "the image's mean colour" if kind.fill == "mean" else kind.fill
    return f"blobs of {fill} over {kind.over}, {kind.share:.0%} of the frame"


def gap_sentences(found: Findings, labels: Labels) -> list[str]:
    """How answers hold as parts go missing, and where they go."""
    covers = [over for over in COVERS if Gap(over, HALF) in found.gaps and over not in CONTENT]
    if not covers:
        return ["No image is given a label: nothing can be lost as parts go missing."]
    half, most = (
        [percent(r.retained / r.frames) for r in (found.gaps[Gap(over, share)] for over in covers)]
        for share in (HALF, MOST)
    )
    reported = [
        f"Answers kept over {listed(covers)}: {listed(half)} with half of the image hidden, "
        f"{listed(most)} with {MOST:.0%}."
    ]
    return reported + [
        drift_sentence(over, to, labels) for over, to in drifts(found, labels).items()
    ]


def drifts(found: Findings, labels: Labels) -> dict[str, Drift]:
    """The backgrounds without content over which lost answers mostly go to one label."""
    reported = {over: drift(found, labels, over) for over in COVERS if over not in CONTENT}
    return {over: to for over, to in reported.items() if to is not None}


def drifting(found: Findings, labels: Labels) -> list[tuple[int, list[str]]]:
    """The labels that lost answers mostly go to, each with these backgrounds."""
    to = {over: to.label for over, to in drifts(found, labels).items()}
    return list(by_label(to).items())


def drift_sentence(over: str, to: Drift, labels: Labels) -> str:
    """Where lost answers go."""
    return (
        f"Gaps over {over} speak for {labels.names[to.label]}: it takes {to.count} of the "
        f"{to.lost} answers lost before all is hidden, in {to.images} of the {to.others} images "
        "called otherwise."
    )


def claims_over(label: int, names: Sequence[str], labels: Labels) -> str:
    """What an opinion does to claims."""
    name = labels.names[label]
    return (
        f"Claims over {listed(names)} prove little for {name}, the answer there without any "
        "evidence; claims for other labels have that answer to overcome."
    )


def gaps_under(label: int, over: Sequence[str], labels: Labels) -> str:
    """What a drift does to claims."""
    return (
        f"Claims for {labels.names[label]} over {listed(over)} may rest on the gaps, not on what "
        "is shown; claims for other labels hold in spite of the gaps."
    )


def backgrounds_to_use(good: Sequence[str]) -> str:
    """Over what to explain."""
    usual = PRESETS["default"].verification.baselines
    if not good:
        return (
            "There is no background without an opinion: explain labels that are not the answer to "
            "nothing, or train with masked and empty images (med-cam train --emptiness)."
        )
    how = (
        f"as they do on {listed(usual)} by default"
        if set(usual) <= set(good)
        else f"with med-cam explain --backgrounds {','.join(good)}"
    )
    return f"No opinion by themselves: {listed(good)}. Claims may rest on these, {how}."


def by_label(labelled: Mapping[Key, int]) -> dict[int, list[Key]]:
    """The keys of each label."""
    found: dict[int, list[Key]] = {}
    for key, label in labelled.items():
        found.setdefault(label, []).append(key)
    return found
