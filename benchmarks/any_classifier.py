"""What the tool has to say of the images of an ordinary classifier, on the removals chosen for it.

    python benchmarks/any_classifier.py --model CLASSIFIER
        (--study STUDY --root DIR [--outlined] | --folder IMAGES --references IMAGES)
        [--images 12] [--removal NAMES] [--out any_classifier.jsonl] [--workers 2] [--device cpu]
        [--table-only]

Images of a STUDY: of each class of the test set (without copies of the training set) the first by
SHA-256 of the file, in turn, without those that ship with the package; with --outlined those only
in which people have outlined a finding. Reference images are of the validation set. Images of a
folder: all, by name, and references of another.

The removals are chosen once for the classifier, from the references, by the rule of `--removal
auto`; --removal says others. Each image is explained with the default preset on them. Counted is
the rung that is reached, and on how much of the image. Where the full claim is verified, the same
certificate is then computed for other masks of equal area: three smooth random ones, the centre
disc and Grad-CAM's map; where a weaker claim holds, how many of the random masks of its own
control reach it. *and no random region*: sufficient below half, and no random region of that size
retains the prediction. For labels that need no evidence (nothing found, or given to blank input):
whether the explanation the other way round says something. Where a finding is outlined, how much
of each of these masks lies inside it.

Every image is a line of --out as soon as it is done; started again, the command continues where
it was. The tables are printed from that file alone.
"""

import argparse
import statistics
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import Column, count, heading, middle, share, table
from seeds import packed
from study_images import Images, in_turn
from torch import Tensor

from med_cam.audit.recommended import recommended_removal
from med_cam.case.case import observed
from med_cam.case.references import prepare_references
from med_cam.case.round_trip import exported
from med_cam.case.seeds import AFTER, fresh
from med_cam.certification.certificate import certificate_of, response_of
from med_cam.classifiers.forward import hooks_attached
from med_cam.classifiers.load import load_classifier
from med_cam.classifiers.repeatable import repeatable_gpu
from med_cam.config.presets import preset
from med_cam.config.settings import Config, relative_to
from med_cam.errors import ClassifierError
from med_cam.images.find import find_images
from med_cam.images.image import Image
from med_cam.images.read import read_image
from med_cam.masking.masks import keep_most
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam_studies.data.collection import TESTING, Item
from med_cam_studies.evaluation.item_result import outline_of
from med_cam_studies.evaluation.reproduce import reference_items
from med_cam_studies.methods.comparators import METHODS
from med_cam_studies.training.catalogue import STUDIES

HALF = 0.5  # of the image; more is of little use
RANDOM = 3  # smooth random masks an image
CHANCE = "ranked"  # the weakest rung: better than chance
CONTROLS = (*(f"random {k + 1}" for k in range(RANDOM)), "centre disc", "Grad-CAM")
MAPS = {"centre disc": "centre_disc", "Grad-CAM": "grad_cam"}
DRAWS = 10_000  # of the bootstrap


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "any_classifier.jsonl")
    parser.add_argument("--study", choices=list(STUDIES))
    parser.add_argument("--outlined", action="store_true", help="images with an outline only")
    parser.add_argument("--folder", type=Path, help="images, in place of those of a study")
    parser.add_argument("--references", type=Path, help="with --folder")
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--removal", help="names between commas, in place of the chosen ones")
    return resumed(parser, run, report, needed=("model",))


def run(options: argparse.Namespace) -> None:
    """Explain every image that --out does not have yet."""
    images = of_study(options) if options.folder is None else of_folder(options)
    explain_missing(options, images, explained, {None: config_of(options, images)})


def of_study(options: argparse.Namespace) -> Images:
    """Of the test set, and references of the validation set."""
    study = STUDIES[options.study]
    splits = study.split(study.collect(options.root).items)
    found = [item for item in splits.testing if item.masks or not options.outlined]
    references = [item.path for item in reference_items(splits.validation)]
    return Images(in_turn(found, most=options.images), study.classes, references)


def of_folder(options: argparse.Namespace) -> Images:
    """All of a folder; what they show is not known."""
    paths = find_images([options.folder])[: options.images]
    items = [Item(path, 0, path.name, TESTING) for path in paths]
    return Images(items, ("unknown",), find_images([options.references]))


def config_of(options: argparse.Namespace, images: Images) -> Config:
    """The default preset on the removals of this classifier."""
    if options.removal is not None:
        return relative_to(preset("default"), tuple(options.removal.split(",")))
    repeatable_gpu()
    classifier = load_classifier(options.model, device=options.device)
    seen = [read_image(path, channels=classifier.channels) for path in images.references]
    return recommended_removal(classifier, prepare_references(classifier, seen)).config


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image: the rung, and what other masks of its area come to."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    rung, mask, area = reached(found)
    outline = outline_of(task.item, image)
    others = controls(found, mask, area, bench, task, image) if area < 1 else {}
    inside = {} if outline is None else shares_inside({"ours": mask} | others, outline)
    return {
        "answer": found.label,
        "removals": ",".join(task.config.verification.baselines),
        "effect": found.claim.p_image - found.claim.p_baseline,
        "rung": rung,
        "area": area,
        "status": found.status,
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "seconds": found.seconds,
        "mask": packed(mask),
        "alone": alone(found),
        "certified": certified(found, others, bench, task, image) if found.verified else {},
        "control": None if found.ladder is None else hits(found),
        "inside": inside,
        "other_way": other_way(found),
    }


def alone(found: Explanation) -> bool | None:
    """Whether no random region of the size of a verified mask does what it does."""
    regions = found.tests.random_regions if found.verified and found.tests else None
    return None if regions is None else not regions.hits


def other_way(found: Explanation) -> bool | None:
    """Whether the contrast of a label that needs no evidence says something; None without one."""
    seen = found.contrast
    return None if seen is None else seen.quiet.holds or seen.runner_up.holds


def reached(found: Explanation) -> tuple[str, Tensor, float]:
    """The strongest claim, its mask, and its share of the image."""
    if found.ladder is None or found.ladder.rung is None:
        name = "sufficient" if found.verified else "nothing"
        return name, found.mask, found.area
    rung = found.ladder.rung
    return rung.name, rung.mask, rung.area


def hits(found: Explanation) -> tuple[int, int] | None:
    """Of the random masks of a weaker claim, how many reach it, and how many there are."""
    rung = found.ladder.rung if found.ladder is not None else None
    return None if rung is None else (rung.control.hits, rung.control.masks)


def controls(
    found: Explanation, mask: Tensor, area: float, bench: Bench, task: Task, image: Image
) -> dict[str, Tensor]:
    """Masks of equal area that do not come from us, in the image's own pixels."""
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, task.config, references=bench.references)
        generator = fresh(case, AFTER)
        masks = {}
        for name in CONTROLS:
            with suppress(ClassifierError):  # Grad-CAM of a net without maps
                scores = METHODS[MAPS.get(name, "smooth_random")](case, generator).detach()
                masks[name] = exported(case, keep_most(scores, area))
    return masks


def certified(
    found: Explanation, others: Mapping[str, Tensor], bench: Bench, task: Task, image: Image
) -> dict[str, bool]:
    """Whether the full claim holds of each of these masks."""
    with hooks_attached(bench.classifier) as forward:
        case = observed(forward, bench.classifier, image, task.config, references=bench.references)
        response = response_of(case)
        return {n: certificate_of(case, m, response, 1).holds for n, m in others.items()}


def shares_inside(masks: Mapping[str, Tensor], outline: Tensor) -> dict[str, float]:
    """Of each mask, the share inside the finding; of the whole image, as chance."""
    inside = {n: float((m & outline).sum()) / max(1, int(m.sum())) for n, m in masks.items()}
    return inside | {"chance": float(outline.float().mean())}


def report(lines: Sequence[dict]) -> str:
    """The tables: what is reached, what other masks reach, and what lies inside outlines."""
    rows = {name: [x for x in lines if x["classifier"] == name] for name in named(lines)}
    parts = [heading(lines), table(COLUMNS, rows, name="classifier")]
    parts += ["The full claim, of other masks of equal area:", table(OTHERS, rows)]
    outlined = {name: [x for x in of if x["inside"]] for name, of in rows.items()}
    outlined = {name: of for name, of in outlined.items() if of}
    if outlined:
        names = ("ours", "centre disc", "Grad-CAM", "random 1", "chance")
        columns = {"images": count} | {name: mean_inside(name) for name in names}
        columns |= {f"ours less {name}": ahead(name) for name in names[1:3]}
        parts += ["Share of the mask inside the outlined finding:", table(columns, outlined)]
    return "\n\n".join(parts)


def named(lines: Sequence[dict]) -> list[str]:
    """The classifiers, in order of their first line."""
    return list(dict.fromkeys(line["classifier"] for line in lines))


def small(line: dict) -> bool:
    """Whether what is reached is below half of the image."""
    return line["area"] < HALF


def found(line: dict) -> bool:
    """Whether any rung is reached below half of the image."""
    return line["rung"] != "nothing" and small(line)


def on_rung(*names: str) -> Column:
    """A column: how many images reach one of these rungs below half of the image."""
    return share(lambda line: line["rung"] in names and small(line))


def of_controls(*names: str) -> Column:
    """A column: how often these masks have the full claim where ours has."""

    def column(lines: Sequence[dict]) -> str:
        found = [x["certified"][n] for x in lines for n in names if n in x["certified"]]
        return f"{sum(found)} of {len(found)}"

    return column


def where_alone(column: Column) -> Column:
    """A column of the images below half where no random region did what the mask does."""
    return lambda lines: column([line for line in lines if line["alone"] and small(line)])


def random_hits(lines: Sequence[dict]) -> str:
    """Of the random masks of the controls of weaker claims, how many reach the claim."""
    pairs = [x["control"] for x in lines if x["control"] is not None and x["rung"] != CHANCE]
    return f"{sum(hit for hit, _ in pairs)} of {sum(n for _, n in pairs)}"


def mean_inside(name: str) -> Column:
    """A column: the mean share of a mask inside the finding."""
    return lambda lines: f"{statistics.mean(inside(line, name) for line in lines):.2f}"


def inside(line: dict, name: str) -> float:
    """The share of a mask inside the finding; only one mask has the area of the whole image."""
    share_of: float = line["inside"].get(name, line["inside"]["ours"])
    return share_of


def ahead(name: str) -> Column:
    """A column: by how much more of ours is inside, with a 95% interval of the bootstrap."""

    def column(lines: Sequence[dict]) -> str:
        apart = np.array([inside(line, "ours") - inside(line, name) for line in lines])
        rng = np.random.default_rng(0)
        means = rng.choice(apart, (DRAWS, len(apart))).mean(axis=1)
        low, high = np.quantile(means, (0.025, 0.975))
        return f"{apart.mean():+.2f} ({low:+.2f} to {high:+.2f})"

    return column


def most_used(key: str) -> Callable[[Sequence[dict]], str]:
    """A column: the value that most lines have."""
    return lambda lines: statistics.mode(line[key] for line in lines)


COLUMNS = {
    "images": count,
    "removals": most_used("removals"),
    "sufficient below half": on_rung("sufficient"),
    "and no random region": share(lambda line: bool(line["alone"]) and small(line)),
    "restricted": on_rung("restricted"),
    "graded": on_rung("graded"),
    "necessary": on_rung("necessary"),
    "any of these": on_rung("sufficient", "restricted", "graded", "necessary"),
    "better than chance only": on_rung(CHANCE),
    "none of these, but a contrast": share(lambda line: not found(line) and line["other_way"]),
    "nothing": share(lambda line: not found(line) and not line["other_way"]),
    "median area": middle("area", ".3f"),
    "effect": share(lambda line: line["effect"] >= 0.2),
    "forward": middle("forward"),
    "backward": middle("backward"),
}
OTHERS = {
    "random": of_controls(*CONTROLS[:RANDOM]),
    "random, where no random region does": where_alone(of_controls(*CONTROLS[:RANDOM])),
    "centre disc": of_controls("centre disc"),
    "Grad-CAM": of_controls("Grad-CAM"),
    "random, of a weaker claim": random_hits,
}


if __name__ == "__main__":
    raise SystemExit(main())
