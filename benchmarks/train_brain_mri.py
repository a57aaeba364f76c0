"""Train a Brain Tumor MRI classifier, write it as a folder for `--model`, and measure it.

    python benchmarks/train_brain_mri.py --root BRAIN_MRI --weights mobilenetv2_100.safetensors
        --out FOLDER [--recipe robust|plain]

`robust` is how the bundled classifier was made: half of every batch is seen through random masks
over random backgrounds, so that the classifier has no opinion on emptiness; two stages. `plain` is
what a hospital is likely to have. All numbers are in `med_cam.studies.recipes`.

--weights: ImageNet weights of the recipe's architecture with timm's names. Fitted is on Training
without byte-identical copies and without a validation part, whose accuracy is printed after every
epoch and decides nothing. FOLDER gets classifier.toml, model.safetensors (float16), measured.md
(see measure_classifier.py) and checkpoints/, one a stage: the same command goes on after the last
full epoch, to the same weights as if it had not been stopped. An epoch takes some minutes on two
cores.
"""

import argparse
import time
from pathlib import Path

import torch
from measure_classifier import measured

from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError
from med_cam.studies.datasets import BRAIN_MRI_CLASSES, Splits, brain_mri
from med_cam.studies.export import write_classifier, write_whole
from med_cam.studies.recipes import RECIPES, STAGES
from med_cam.studies.train import Examples, examples, logits, start, train_stages

NAMES = {
    "robust": "MobileNetV2, Brain Tumor MRI",
    "plain": "MobileNetV2, Brain Tumor MRI, trained plainly",
}


def main() -> int:
    """Train what is missing, export, measure."""
    asked = arguments()
    try:
        splits = brain_mri(asked.root)
        model = trained(asked, splits)
        export(model, asked.recipe, asked.out)
        report = measured(load_classifier(asked.out, device="cpu"), splits)
        write_whole(asked.out / "measured.md", f"{report}\n".encode())
        print(report)
    except MedCamError as error:
        print(f"train_brain_mri: {error}")
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command goes on after the last full epoch")
        return 130
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True, help="folder with Training/, Testing/")
    parser.add_argument("--weights", type=Path, required=True, help="ImageNet weights")
    parser.add_argument("--out", type=Path, required=True, help="folder for the classifier")
    parser.add_argument("--recipe", choices=sorted(STAGES), default="robust")
    return parser.parse_args()


def trained(asked: argparse.Namespace, splits: Splits) -> torch.nn.Module:
    """All stages of the recipe, or what is left of them."""
    stages = {name: RECIPES[name] for name in STAGES[asked.recipe]}
    first = next(iter(stages.values()))
    size, k = first.input_size, len(BRAIN_MRI_CLASSES)
    model = start(asked.weights, first, k)
    known = examples(splits.fit, size=size, classes=k)
    apart = examples(splits.validation, size=size, classes=k)
    begun = time.monotonic()

    def told(stage: str, epoch: int, loss: float) -> None:
        spent = time.monotonic() - begun
        print(
            f"{stage} epoch {epoch + 1} of {stages[stage].epochs}: loss {loss:.3f}, "
            f"validation {accuracy(model, apart):.1%}, {spent:.0f} s",
            flush=True,
        )

    train_stages(model, known, stages, asked.out / "checkpoints", told)
    return model


def accuracy(model: torch.nn.Module, known: Examples) -> float:
    """Share of images answered right."""
    right = logits(model, known.images).argmax(dim=1) == known.labels
    return right.float().mean().item()


def export(model: torch.nn.Module, recipe: str, out: Path) -> None:
    """The folder that `--model` takes."""
    write_classifier(
        model.state_dict(),
        out,
        recipe=RECIPES[STAGES[recipe][-1]],
        name=NAMES[recipe],
        classes=BRAIN_MRI_CLASSES,
    )


if __name__ == "__main__":
    raise SystemExit(main())
