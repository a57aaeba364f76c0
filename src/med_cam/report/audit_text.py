"""What an audit found, and what that means for explanations, in sentences with figures."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from med_cam.audit.findings import Findings, Masked, Silhouette
from med_cam.audit.predictions import Labels, Predictions
from med_cam.audit.verdict import (
    Drift,
    confident_predictions,
    drift,
    inconsistent_by_shape,
    inconsistent_predictions,
    predicted_by_shape,
    recommended,
    without_content,
)
from med_cam.config.baselines import BASELINES, CONTENT, INSIDE
from med_cam.config.presets import PRESETS
from med_cam.report.wording import listed, percent, probability

Key = TypeVar("Key")

HALF, MOST = 0.5, 0.9  # of the patches


def verdicts(found: Findings, labels: Labels) -> list[str]:
    """What was found."""
    return [
        *blank_sentences(found, labels),
        *shape_sentences(found, labels),
        *masking_sentences(found, labels),
        *inside_sentences(found),
    ]


def meanings(found: Findings, labels: Labels) -> list[str]:
    """What follows for explanations."""
    confident, good = confident_predictions(found, labels), recommended(found, labels)
    reported = [claims_over(label, names, labels) for label, names in by_label(confident).items()]
    reported.append(baselines_to_use(good))
    leaked = by_label(predicted_by_shape(found, labels))
    if leaked or inconsistent_by_shape(found, labels):
        named = listed([labels.names[label] for label in leaked]) if leaked else "some label"
        reported.append(
            f"A mask may leak {named} through its outline, whatever it shows: explain with "
            "--references, and trust no mask that fails the shape leakage test."
        )
    shifted = by_label({over: to.label for over, to in drifts(found, labels).items()})
    return reported + [claims_toward(label, over, labels) for label, over in shifted.items()]


def blank_sentences(found: Findings, labels: Labels) -> list[str]:
    """Which labels are predicted where nothing is shown."""
    confident = by_label(confident_predictions(found, labels))
    reported = [
        f"{labels.names[label]} is predicted on blank inputs: "
        f"{', '.join(alone(name, label, found) for name in names)}."
        for label, names in confident.items()
    ]
    reported += [
        f"On {name} alone, {confident_share(found.baselines[name])} of the predictions are "
        "confident, but of several labels."
        for name in inconsistent_predictions(found, labels)
    ]
    return reported or [f"No confident prediction on blank inputs: {highest(found, labels)}."]


def alone(name: str, label: int, found: Findings) -> str:
    """A baseline alone with the mean probability of a label on it."""
    return f"{name} alone with {probability(found.baselines[name].means[label])}"


def confident_share(counted: Predictions) -> str:
    """The share of confident predictions."""
    return percent(counted.confident / counted.inputs)


def highest(found: Findings, labels: Labels) -> str:
    """The largest mean probability on a baseline without content, and what would be confident."""
    means = {name: found.baselines[name].means for name in without_content(found)}
    name = max(means, key=lambda n: max(means[n]))
    label = means[name].index(max(means[name]))
    return (
        f"the most probable label is {labels.names[label]} on {name}, with a mean probability of "
        f"{probability(means[name][label])} ({bar(labels)})"
    )


def bar(labels: Labels) -> str:
    """From which probability a prediction is confident."""
    if labels.head == "sigmoid":
        return "below its threshold"
    return f"confident from {labels.bars[0]:g}"


def shape_sentences(found: Findings, labels: Labels) -> list[str]:
    """Which labels are predicted from shapes, though neither colour nor surroundings get them."""
    leaked = by_label(predicted_by_shape(found, labels))
    inconsistent = inconsistent_by_shape(found, labels)
    reported = [shape_sentence(label, kinds, found, labels) for label, kinds in leaked.items()]
    if inconsistent:
        reported.append(
            "Shape alone gets confident predictions of several labels, for "
            f"{kinds_of(inconsistent, found)}."
        )
    return reported or ["No shape without content gets a label that its parts alone do not get."]


def shape_sentence(
    label: int, kinds: Sequence[Silhouette], found: Findings, labels: Labels
) -> str:
    """A label that is predicted from shapes, and from which of them with most confidence."""
    most = max(kinds, key=lambda kind: found.silhouettes[kind].means[label])
    mean = probability(found.silhouettes[most].means[label])
    name = labels.names[label]
    return (
        f"{name} is predicted from shape alone, for {kinds_of(kinds, found)}: with {mean} for "
        f"{words(most)}; neither the colour nor the surroundings alone are predicted {name}."
    )


def kinds_of(kinds: Sequence[Silhouette], found: Findings) -> str:
    """How many kinds of silhouette."""
    return f"{len(kinds)} of {len(found.silhouettes)} kinds of blobs"


def words(kind: Silhouette) -> str:
    """A kind of silhouette in a sentence."""
    fill = "the image's mean colour" if kind.fill == "mean" else kind.fill
    return f"blobs of {fill} over {kind.over}, {kind.share:.0%} of the model input"


def masking_sentences(found: Findings, labels: Labels) -> list[str]:
    """Predictions retained as patches are hidden, and the label toward which they shift."""
    covers = [o for o in overs(found) if Masked(o, HALF) in found.masked]
    if not covers:
        return ["No image is predicted any label, so masking cannot lose a prediction."]
    half, most = (
        [percent(r.retained / r.inputs) for r in (found.masked[Masked(o, share)] for o in covers)]
        for share in (HALF, MOST)
    )
    reported = [
        f"Predictions retained over {listed(covers)}: {listed(half)} with half of the image "
        f"hidden, {listed(most)} with {MOST:.0%}."
    ]
    return reported + [
        drift_sentence(over, to, labels) for over, to in drifts(found, labels).items()
    ]


def overs(found: Findings) -> list[str]:
    """The baselines without content, and removals inside, with which images were masked."""
    return [over for over in dict.fromkeys(k.over for k in found.masked) if over not in CONTENT]


def inside_sentences(found: Findings) -> list[str]:
    """Which removals inside the network the classifier can have, and why not the others."""
    able = [name for name in BASELINES if name in INSIDE and name in found.baselines]
    fits = [f"Inside the network parts can be hidden by {listed(able)}, exactly."] if able else []
    return fits + [f"{reason}." for reason in found.refused.values()]


def drifts(found: Findings, labels: Labels) -> dict[str, Drift]:
    """The baselines without content over which lost predictions mostly go to one label."""
    reported = {over: drift(found, labels, over) for over in overs(found)}
    return {over: to for over, to in reported.items() if to is not None}


def drift_sentence(over: str, to: Drift, labels: Labels) -> str:
    """Toward which label predictions shift."""
    return (
        f"Masking with {over} shifts predictions toward {labels.names[to.label]}: {to.count} of "
        f"the {to.lost} predictions lost before all is hidden, in {to.images} of the {to.others} "
        "images predicted otherwise."
    )


def claims_over(label: int, names: Sequence[str], labels: Labels) -> str:
    """What a confident prediction on baselines alone means for claims."""
    name = labels.names[label]
    return (
        f"Claims over {listed(names)} are weak for {name}, which is predicted there without any "
        "evidence; claims for other labels have to overcome that prediction."
    )


def claims_toward(label: int, over: Sequence[str], labels: Labels) -> str:
    """What a shift of predictions means for claims."""
    return (
        f"Claims for {labels.names[label]} over {listed(over)} may rest on the masking itself, "
        "not on what is shown; claims for other labels hold in spite of it."
    )


def baselines_to_use(good: Sequence[str]) -> str:
    """Which baselines to explain with."""
    usual = PRESETS["default"].verification.baselines
    if not good:
        return (
            "Every baseline gets a confident prediction: explain labels that are not predicted on "
            "blank inputs, or train with masked and blank images (med-cam train --emptiness)."
        )
    others = [name for name in usual if name not in good]
    how = f", not on {listed(others)}" if others else f", as they do on {listed(usual)} by default"
    return f"No confident prediction on {listed(good)}: claims may rest on these{how}."


def by_label(labelled: Mapping[Key, int]) -> dict[int, list[Key]]:
    """The keys of each label."""
    found: dict[int, list[Key]] = {}
    for key, label in labelled.items():
        found.setdefault(label, []).append(key)
    return found
