"""Our masks against other methods' and controls, all cut and judged alike.

    python benchmarks/methods.py --root BRAIN_MRI_ROOT [--model DIR] [--per-class 15]
        [--methods NAME ...] [--out results.jsonl] [--workers 2] [--table-only]

Images: Testing without what Training holds byte for byte, of each class the first by SHA-256 of
the file, without those that ship as samples or references. Explained is the classifier's own
answer, right or wrong. Every method gives one score map; its smallest top-k% that passes is found
by bisection with one judge, grown until a claim on fresh draws holds, as `med_cam.settle` does for
every explanation. The paper's presets are cut at one half instead, as the paper has it.

Every result is a line of --out as soon as it is there; started again, the command goes on where
it was. The tables are printed from that file alone.
"""

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import torch
from command import carried_out, parsed, parser_of
from pool import spread

from med_cam.case.case import Case, observed, reference_of
from med_cam.case.references import References, prepare_references
from med_cam.case.seeds import CANDIDATES, SEARCH, fresh
from med_cam.classifiers.base import Classifier, hooks_attached
from med_cam.classifiers.bundled import bundled_classifier, bundled_references, bundled_samples
from med_cam.classifiers.load import load_classifier
from med_cam.config.presets import preset
from med_cam.config.settings import Config
from med_cam.config.toml import as_table
from med_cam.errors import MedCamError
from med_cam.images.read import find_images, read_image
from med_cam.pipeline.propose import Found, candidate_rules, proposed, whole_image
from med_cam.search.train import search
from med_cam.verify.candidates import candidate_judge
from med_cam_studies.data.brain_mri import CLASSES, brain_mri
from med_cam_studies.data.collection import Item
from med_cam_studies.data.copies import digest
from med_cam_studies.data.splits import split
from med_cam_studies.methods.comparators import METHODS

OURS = "default"


def searches() -> Mapping[str, Config]:
    """What is searched by the objective: our preset, it without its U-Net, the paper's presets."""
    ours = preset(OURS)
    return {
        OURS: ours,
        "direct_grid": replace(ours, search=replace(ours.search, widths=(), learning_rate=0.1)),
        "direct_pixels": replace(ours, search=replace(ours.search, widths=(), grid=0)),
        "paper-histology": preset("paper-histology"),
        "paper-dermoscopy": preset("paper-dermoscopy"),
    }


@dataclass(frozen=True)
class Bench:
    """What a worker keeps between images."""

    classifier: Classifier
    references: References
    seed: int
    out: Path


BENCH: list[Bench] = []  # one in each worker process, set by `ready`


def main() -> int:
    """Run what is missing, print the tables."""
    return carried_out("methods", arguments(), run, lambda out: tables(records(out)))


def arguments() -> argparse.Namespace:
    known = [*searches(), *METHODS]
    parser = parser_of(__doc__, "methods.jsonl")
    parser.add_argument("--per-class", type=int, default=15)
    parser.add_argument("--methods", nargs="+", choices=known, default=known, metavar="NAME")
    parser.add_argument("--seed", type=int, default=0)
    return parsed(parser)


def run(asked: argparse.Namespace) -> None:
    """Explain every image by every method that --out does not have yet."""
    with ExitStack() as stack:
        model = asked.model or stack.enter_context(bundled_classifier())
        end_last_line(asked.out)
        work = missing(chosen(asked.root, asked.per_class), asked, model)
        given = (model, asked.seed, asked.out)
        spread(work, explained, workers=asked.workers, ready=ready, given=given)


def end_last_line(out: Path) -> None:
    """A line that a crash cut off must not swallow the next one."""
    if out.exists() and out.stat().st_size and not out.read_bytes().endswith(b"\n"):
        with out.open("a", encoding="utf-8") as file:
            file.write("\n")


def chosen(root: Path, per_class: int) -> list[Item]:
    """Of each class the first Testing images by hash that do not ship with the package."""
    return in_turn(split(brain_mri(root).items).testing, per_class)


def in_turn(items: Sequence[Item], per_class: int | None = None) -> list[Item]:
    """The first image of each class by hash, then the second, without those that we ship."""
    with bundled_samples() as samples, bundled_references() as references:
        shipped = {digest(path) for path in (*samples, *find_images([references]))}
    hashes = {item.name: digest(item.path) for item in items}
    order = sorted(items, key=lambda item: hashes[item.name])
    apart = [item for item in order if hashes[item.name] not in shipped]
    labels = sorted({item.label for item in items})
    by_class = [[item for item in apart if item.label == k][:per_class] for k in labels]
    return [item for turn in zip_longest(*by_class) for item in turn if item is not None]


def missing(
    images: Sequence[Item], asked: argparse.Namespace, model: Path
) -> list[tuple[Item, list[str]]]:
    """Images with the methods that have no line yet.

    Raises:
        MedCamError: if --out has results of another classifier, seed or other settings.
    """
    classifier = load_classifier(model, device="cpu")
    done = set()
    for line in records(asked.out):
        if line["method"] in asked.methods:
            current = settings_of(line["method"], classifier, asked.seed)
            if line["settings"] != current:
                raise MedCamError(
                    f"{asked.out} has {line['method']} with another classifier, seed or other "
                    "settings; give another file to --out."
                )
            done.add((line["sha256"], line["method"]))
    left = [(i, [m for m in asked.methods if (digest(i.path), m) not in done]) for i in images]
    return [(item, methods) for item, methods in left if methods]


def settings_of(method: str, classifier: Classifier, seed: int) -> str:
    """One short name for everything that a result depends on, code apart."""
    table = [as_table(config_of(method, seed)), classifier.name, classifier.sha256]
    return hashlib.sha256(json.dumps(table).encode()).hexdigest()[:12]


def config_of(method: str, seed: int) -> Config:
    """The method's own settings, or for other methods our refinement and verification."""
    return replace(searches().get(method, preset(OURS)), seed=seed)


def ready(model: Path, seed: int, out: Path) -> None:
    """Load what every image needs; one thread a worker."""
    torch.set_num_threads(1)
    classifier = load_classifier(model, device="cpu")
    with bundled_references() as folder:
        others = [read_image(path) for path in find_images([folder])]
    references = prepare_references(classifier, others)
    BENCH[:] = [Bench(classifier, references, seed, out)]


def explained(item: Item, methods: Sequence[str]) -> None:
    """All methods on one image; one line each."""
    (bench,) = BENCH
    image = read_image(item.path)
    for method in methods:
        config = config_of(method, bench.seed)
        with hooks_attached(bench.classifier) as forward:
            case = observed(forward, bench.classifier, image, None, bench.references, config)
            record = measured(case, method, config)
        line = {
            "settings": settings_of(method, bench.classifier, bench.seed),
            "classifier": bench.classifier.name,
            "image": item.path.name,
            "sha256": image.sha256,
            "label": CLASSES[item.label],
            "answer": case.target.labels[case.target.index],
            "probability": case.target.p_image,
            "method": method,
        } | record
        with bench.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")  # one write: workers share the file


def measured(case: Case, method: str, config: Config) -> dict[str, object]:
    """The map, the cut, the claims and what they cost."""
    begun = time.perf_counter()
    samples = fresh(config.seed, CANDIDATES)
    rules = candidate_rules(config)
    decision, passes = candidate_judge(case.predict, case.scene, case.target, rules, samples)
    before, mapping = case.cost(), time.perf_counter()
    if case.target.p_image - decision.p_baseline < config.verification.minimum_effect:
        found, mapped, after = whole_image(case, config), mapping, before
    else:
        scores = scores_of(case, method, config, decision.threshold)
        mapped, after = time.perf_counter(), case.cost()
        found = proposed(case, scores, passes, config)
    return outcome(found) | {
        "map_forward": after.forward - before.forward,
        "map_backward": after.backward - before.backward,
        "map_seconds": mapped - mapping,
        "forward": case.cost().forward,
        "backward": case.cost().backward,
        "seconds": time.perf_counter() - begun,
    }


def scores_of(case: Case, method: str, config: Config, required: float) -> torch.Tensor:
    """The method's score map."""
    generator = fresh(config.seed, SEARCH)
    if method in METHODS:
        return METHODS[method](case, generator)
    return search(case, reference_of(case, required), config, generator)[0]


def outcome(found: Found) -> dict[str, object]:
    """Area and claim, for the record."""
    claim = found.claim
    return {
        "area": found.area,
        "holds": claim.holds,
        "first_holds": found.claims[0].holds,
        "claims": len(found.claims),
        "checks": {c.name: {"value": c.value, "passed": c.passed} for c in claim.checks},
        "backgrounds": {b.name: b.retained / b.samples for b in claim.baselines},
        "top1": {b.name: b.retained_top1 / b.samples for b in claim.baselines},
        "searched": claim.searched,
        "warnings": claim.warnings,
    }


def records(out: Path) -> list[dict]:
    """All complete lines of the file; one cut off by a crash is left out."""
    found = []
    for line in out.read_text(encoding="utf-8").splitlines() if out.exists() else ():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def tables(lines: Sequence[dict]) -> str:
    """All tables as Markdown."""
    if not lines:
        return "no results yet"
    images = {line["sha256"]: line for line in lines}
    right = sum(line["answer"] == line["label"] for line in images.values())
    names = sorted({line["classifier"] for line in lines})
    head = f"{', '.join(names)}: {len(images)} images, {right} answered right."
    by_method = {m: [li for li in lines if li["method"] == m] for m in order(lines)}
    parts = [head, table(COLUMNS, by_method)]
    for method in (m for m in (OURS, "paper-histology", "paper-dermoscopy") if m in by_method):
        by_class = {
            k: [li for li in by_method[method] if li["answer"] == k]
            for k in sorted({li["answer"] for li in by_method[method]})
        }
        unseen = list(by_method[method][0]["backgrounds"])
        columns = CLASS_COLUMNS | {f"kept over {b}": over(b) for b in unseen}
        parts += [f"`{method}` by the class answered:", table(columns, by_class)]
    return "\n\n".join(parts)


def order(lines: Sequence[dict]) -> list[str]:
    """Methods that have results, ours first."""
    there = {line["method"] for line in lines}
    return [name for name in (*searches(), *METHODS) if name in there]


def table(columns: Mapping, rows: Mapping[str, Sequence[dict]]) -> str:
    """One row a group of results."""
    head = ["", *columns]
    body = [
        [name, *(column(lines) for column in columns.values())] for name, lines in rows.items()
    ]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def share(test):
    """A column: how many results pass a test, in percent."""
    return lambda lines: f"{statistics.mean(bool(test(line)) for line in lines):.0%}"


def middle(key, form=".0f"):
    """A column: the median of a number."""
    return lambda lines: f"{statistics.median(line[key] for line in lines):{form}}"


def over(baseline):
    """A column: mean share of draws over a background on which the decision is kept."""
    return lambda lines: f"{statistics.mean(li['backgrounds'][baseline] for li in lines):.0%}"


def check(name):
    """A column: how many results pass one check of the claim."""
    return share(lambda line: line["checks"][name]["passed"])


COLUMNS = {
    "images": lambda lines: str(len(lines)),
    "median area": middle("area", ".3f"),
    "mean area": lambda lines: f"{statistics.mean(line['area'] for line in lines):.3f}",
    "above half": share(lambda line: line["area"] > 0.5),
    "verified below half": share(lambda line: line["holds"] and line["area"] < 0.5),
    "first claim holds": share(lambda line: line["first_holds"]),
    "kept": check("kept"),
    "shape": check("shape"),
    "stable": check("stable"),
    "map forward": middle("map_forward"),
    "map backward": middle("map_backward"),
    "map seconds": middle("map_seconds", ".1f"),
    "all forward": middle("forward"),
    "all backward": middle("backward"),
    "all seconds": middle("seconds", ".1f"),
}
CLASS_COLUMNS = {
    name: COLUMNS[name]
    for name in ("images", "median area", "verified below half", "kept", "shape", "stable")
}


if __name__ == "__main__":
    raise SystemExit(main())
