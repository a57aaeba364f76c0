"""What a prepared proposal saves, and what it costs: the same images with it and without.

    python benchmarks/proposal.py STUDY --root DIR [--model CLASSIFIER] [--images 12]
        [--prepared 200] [--epochs N] [--out proposal.jsonl] [--workers 2] [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. The network is
prepared from images of the training set, of each class the first by SHA-256 of the file, in turn,
and written beside --out (.safetensors); one that is there already is used. Explained are images
of the test set (without copies of the training set), of each class the first by SHA-256, in turn,
without those that ship with the package: each with the default preset, on the removals chosen for
the classifier, once from a first look and once from the proposal, under the same seed.

Every line of --out is an image and a start, added as soon as it is done; started again, the
command continues where it was. The tables are printed from that file alone.
"""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import count, heading, mean, middle, share, table
from study_images import Images, in_turn

from med_cam.audit.recommended import recommended_removal
from med_cam.case.references import prepare_references
from med_cam.classifiers.bundled import bundled_classifier, bundled_references
from med_cam.classifiers.load import load_classifier
from med_cam.config.presets import preset
from med_cam.config.settings import Config, Preparation
from med_cam.images.find import find_images
from med_cam.images.geometry import Image
from med_cam.images.read import read_image
from med_cam.notebook.prepare import prepare_proposal
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam.search.proposal_file import as_bytes, load_proposal
from med_cam_studies.data.collection import Item
from med_cam_studies.evaluation.reproduce import reference_items
from med_cam_studies.training.catalogue import STUDIES

LOOK, PROPOSED = "first look", "proposal"
HALF = 0.5  # of the image; more is of little use


def main() -> int:
    """Run what is missing, print the tables."""
    parser = resumed_parser(__doc__, "proposal.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--prepared", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=Preparation().epochs)
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Prepare the proposal, and explain every image that --out does not have yet."""
    study = STUDIES[options.study]
    splits = study.split(study.collect(options.root).items)
    references = [item.path for item in reference_items(splits.validation)]
    images = Images(in_turn(splits.testing, most=options.images), study.classes, references)
    if options.model is None:
        images = replace(images, references=())
    with ExitStack() as stack:
        model = options.model or stack.enter_context(bundled_classifier())
        paths = images.references or find_images([stack.enter_context(bundled_references())])
        config = prepared(options, model, paths, in_turn(splits.fit, most=options.prepared))
    explain_missing(options, images, explained, {LOOK: config, PROPOSED: config}, "start")


def prepared(
    options: argparse.Namespace, model: Path, references: Sequence[Path], items: Sequence[Item]
) -> Config:
    """The settings of the classifier, after its proposal was written, unless it is there."""
    classifier = load_classifier(model, device="cpu")

    def read(path: Path) -> Image:
        return read_image(path, channels=classifier.channels)

    config = preset("default")
    if options.model is not None:
        seen = prepare_references(classifier, [read(path) for path in references])
        config = recommended_removal(classifier, seen).config
    path = options.out.with_suffix(".safetensors")
    if not path.exists():
        images = (read(item.path) for item in items)
        made = prepare_proposal(classifier, images, config=config, epochs=options.epochs)
        path.write_bytes(as_bytes(made))
    return config


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image from one start."""
    proposal = load_proposal(bench.out.with_suffix(".safetensors"))
    found = explain(
        bench.classifier,
        image,
        config=task.config,
        references=bench.references,
        proposal=proposal if task.variant == PROPOSED else None,
    )
    made = proposal.prepared
    search = next(stage for stage in found.timeline if stage.name == "search")
    return {
        "answer": found.label,
        "removals": ",".join(task.config.verification.baselines),
        "looks": looks(task, backward=search.backward),
        "search": (search.forward, search.backward),
        "forward": found.passes.forward,
        "backward": found.passes.backward,
        "seconds": found.seconds,
        "area": found.area,
        "verified": found.verified,
        "first": first_holds(found),
        "prepared": (made.images, made.epochs, made.passes.forward, made.passes.backward),
    }


def looks(task: Task, *, backward: int) -> int:
    """Passes forward of the search alone, without what follows it in its stage; 0 for none."""
    if not backward:
        return 0
    rules = task.config.search
    first = 0 if task.variant == PROPOSED else len(rules.radii) * rules.places**2
    return first + backward  # each pass backward is of one forward


def first_holds(found: Explanation) -> bool:
    """Whether the first certificate that was tried holds."""
    certificate = found.claim.certificate
    return certificate is not None and certificate.holds and certificate.tried == 1


def report(lines: Sequence[dict]) -> str:
    """The tables: each start, and the pairs."""
    starts = {name: [x for x in lines if x["start"] == name] for name in (LOOK, PROPOSED)}
    images, epochs, forward, backward = lines[0]["prepared"]
    made = (
        f"Prepared from {images} images, each seen {epochs} times: {forward:,} passes forward, "
        f"{backward:,} backward, once. Removals: {lines[0]['removals']}."
    )
    known = {x["sha256"]: x for x in starts[LOOK]}
    pairs = [(known[x["sha256"]], x) for x in starts[PROPOSED] if x["sha256"] in known]
    return "\n\n".join([heading(lines), made, table(COLUMNS, starts, name="start"), apart(pairs)])


def apart(pairs: Sequence[tuple[dict, dict]]) -> str:
    """How often the proposal's mask is smaller, and how often it is larger."""
    smaller = sum(after["area"] < before["area"] for before, after in pairs)
    larger = sum(after["area"] > before["area"] for before, after in pairs)
    return (
        f"Of {len(pairs)} images in both, the mask from the proposal is smaller in {smaller} and "
        f"larger in {larger}."
    )


COLUMNS = {
    "images": count,
    "search forward": middle("looks"),
    "search backward": middle(lambda line: line["search"][1]),
    "with the cut, forward": middle(lambda line: line["search"][0]),
    "all forward": middle("forward"),
    "all backward": middle("backward"),
    "median area": middle("area", ".3f"),
    "mean area": mean("area", ".3f"),
    "verified below half": share(lambda line: line["verified"] and line["area"] < HALF),
    "first certificate holds": share(lambda line: line["first"]),
}


if __name__ == "__main__":
    raise SystemExit(main())
