"""Whether verified evidence still carries the label on the image as a clinic may pass it on.

    python benchmarks/everyday.py STUDY --root DIR [--model DIR] [--images 12]
        [--removals grey,gaussian ...] [--samples 20] [--out everyday.jsonl] [--workers 2]
        [--table-only]

STUDY is brain-mri (the bundled classifier by default) or another with --model. Images: of each
class of the test set (without copies of the training set) the first by SHA-256 of the file, in
turn, without those that ship with the package. Each is explained with the default preset under
each set of removals of --removals. Where the claim is verified on less than the whole image, the
image is changed as on its way through a clinic (saved as JPEG, brighter, of another gamma,
resampled by half a pixel, scaled, moved), its evidence goes along, and the changed image is masked
with the same evidence over fresh random samples. Counted is on how many of them the label is
retained as the claim has it: on top, with the probability that the claim asked for.

Every image is a line of --out as soon as it is done; started again, the command continues where it
was. The table is printed from that file alone.
"""

import argparse
import io
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import PIL.Image
import torch
import torch.nn.functional as F
from command import resumed, resumed_parser
from pool import Bench, Task, explain_missing
from rows import heading, table
from seeds import packed
from study_images import study_images
from torch import Tensor

from med_cam.case.case import observed
from med_cam.case.round_trip import reread
from med_cam.case.seeds import AFTER, fresh
from med_cam.classifiers.forward import hooks_attached
from med_cam.config.presets import preset
from med_cam.config.settings import relative_to
from med_cam.images.image import Image
from med_cam.pipeline.explain import explain
from med_cam.results.explanation import Explanation
from med_cam.verify.decision import Decision, Target, on_top, retains, share
from med_cam.verify.sufficiency import drawn, over_baselines
from med_cam_studies.training.catalogue import STUDIES

Moved = tuple[Tensor, Tensor]  # pixels c h w, mask h w


def scaled(by: float, dy: float = 0.0, dx: float = 0.0) -> Callable[[Tensor, Tensor], Moved]:
    """Scaled around the middle and moved, in pixels; what comes in at the rim is the rim's."""

    def change(pixels: Tensor, mask: Tensor) -> Moved:
        h, w = mask.shape
        theta = torch.tensor([[[1 / by, 0, -2 * dx / w], [0, 1 / by, -2 * dy / h]]])
        grid = F.affine_grid(theta, [1, 1, h, w], align_corners=False)
        kept = mask[None, None].float()
        moved = F.grid_sample(pixels[None], grid, padding_mode="border", align_corners=False)
        along = F.grid_sample(kept, grid, mode="nearest", align_corners=False)
        return moved[0].clamp(0, 1), along[0, 0] > 0.5

    return change


def levels(of: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Moved]:
    """Other grey levels, the same places."""
    return lambda pixels, mask: (of(pixels).clamp(0, 1), mask)


def jpeg(pixels: Tensor) -> Tensor:
    """Saved as JPEG of quality 75 and read again."""
    array = (pixels.permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(array.squeeze(-1) if array.shape[2] == 1 else array).save(
        file, "JPEG", quality=75
    )
    back = np.atleast_3d(np.asarray(PIL.Image.open(file)))
    return torch.from_numpy(back.copy()).permute(2, 0, 1).float() / 255


CHANGES: Mapping[str, Callable[[Tensor, Tensor], Moved]] = {
    "as it is": levels(lambda pixels: pixels),
    "JPEG 75": levels(jpeg),
    "10% darker": levels(lambda pixels: pixels * 0.9),
    "10% brighter": levels(lambda pixels: pixels * 1.1),
    "gamma 0.9": levels(lambda pixels: pixels**0.9),
    "gamma 1.1": levels(lambda pixels: pixels**1.1),
    "half a pixel": scaled(1.0, 0.5, 0.5),
    "scale 0.90": scaled(0.90),
    "scale 0.95": scaled(0.95),
    "scale 1.05": scaled(1.05),
    "scale 1.10": scaled(1.10),
    "moved by 1": scaled(1.0, 1, 1),
    "moved by 3": scaled(1.0, -3, 3),
    "moved by 5": scaled(1.0, 5, -5),
}


def main() -> int:
    """Run what is missing, print the table."""
    parser = resumed_parser(__doc__, "everyday.jsonl")
    parser.add_argument("study", choices=list(STUDIES))
    parser.add_argument("--images", type=int, default=12)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--removals", nargs="+", default=["grey,gaussian", "layer_masking"])
    return resumed(parser, run, report)


def run(options: argparse.Namespace) -> None:
    """Explain every image under every set of removals that --out does not have yet."""
    images = study_images(options.study, options.root, most=options.images)
    if options.model is None:
        images = replace(images, references=())
    ours = preset("default")
    unseen = replace(ours.verification, unseen_samples=options.samples)
    ours = replace(ours, verification=unseen)
    configs = {text: relative_to(ours, tuple(text.split(","))) for text in options.removals}
    explain_missing(options, images, explained, configs, "removals")


def explained(bench: Bench, task: Task, image: Image) -> dict:
    """One image under one set of removals; what is kept of its label on each changed image."""
    found = explain(bench.classifier, image, config=task.config, references=bench.references)
    tried = found.verified and found.area < 1
    return {
        "answer": found.label,
        "verified": found.verified,
        "area": found.area,
        "mask": packed(found.mask),
        "forward": found.passes.forward,
        "rates": {n: kept(bench, task, image, found, n) for n in CHANGES} if tried else {},
    }


def kept(bench: Bench, task: Task, image: Image, found: Explanation, name: str) -> dict:
    """Of one changed image: how often the label is retained, and whether it is predicted whole."""
    pixels, mask = CHANGES[name](image.pixels, found.mask)
    changed = Image(pixels)
    with hooks_attached(bench.classifier) as forward:
        case = observed(
            forward,
            bench.classifier,
            changed,
            task.config,
            target=found.target,
            references=bench.references,
        )
        rules = task.config.verification
        samples = drawn(case.scene, rules.baselines, rules.unseen_samples, fresh(case, AFTER))
        seen = over_baselines(case.batched, reread(case, mask), samples)
        decision = decision_of(found, case.target)
        return {
            "whole": bool(on_top(case.before, case.target)[0]),
            "retained": statistics.mean(share(retains(p, decision)) for p in seen.values()),
            "top1": statistics.mean(share(on_top(p, case.target)) for p in seen.values()),
        }


def decision_of(found: Explanation, target: Target) -> Decision:
    """The claim's own threshold: that of the image as it was."""
    return Decision(target, found.claim.p_baseline, found.claim.threshold)


def report(lines: Sequence[dict]) -> str:
    """A row for each change, two columns for each set of removals."""
    names = dict.fromkeys(line["removals"] for line in lines)
    tried = {n: [x for x in lines if x["removals"] == n and x["rates"]] for n in names}
    columns = {}
    for name, of in tried.items():
        columns[f"{name}: retained, mean of {len(of)}"] = column(of, "retained")
        columns[f"{name}: label on top"] = column(of, "top1")
        columns[f"{name}: predicted whole"] = column(of, "whole")
    rows = {change: [change] for change in CHANGES}
    return f"{heading(lines)}\n\n{table(columns, rows, name='change')}"


def column(of: Sequence[dict], key: str) -> Callable[[Sequence], str]:
    """The mean of one figure over the images, for the change of the row."""

    def cell(row: Sequence) -> str:
        values = [line["rates"][row[0]][key] for line in of]
        return f"{statistics.mean(values):.2f}" if values else "-"

    return cell


if __name__ == "__main__":
    raise SystemExit(main())
