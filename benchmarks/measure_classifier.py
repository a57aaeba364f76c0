"""How good a classifier is on the Testing part of its data set, and what it says of emptiness.

    python benchmarks/measure_classifier.py --root DATA [--study brain-mri] [--model CLASSIFIER]

Images: Testing without what Training holds byte for byte; then again without near copies, whose
32 x 32 thumbnail correlates with that of some Training image with 0.999 or more. They are read and
prepared exactly as `med-cam explain` does it. `med-cam train` writes the same into the model card.

Emptiness: images without content, in the classifier's frame: grey (zero after normalisation),
black, white, Gaussian noise and uniform noise. Printed are the mean probability of each class and
the highest of any class in any draw.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path

from med_cam.classifiers.bundled import bundled_classifier
from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError
from med_cam_studies.data.splits import split
from med_cam_studies.training.catalogue import STUDIES
from med_cam_studies.training.measure import measured
from med_cam_studies.training.model_card import data_table, dropped, measured_parts


def main() -> int:
    """Print the tables."""
    asked = arguments()
    study = STUDIES[asked.study]
    try:
        with ExitStack() as stack:
            model = asked.model or stack.enter_context(bundled_classifier())
            classifier = load_classifier(model, device="cpu")
        items = study.collect(asked.root).items
        splits = split(items, validated=study.validated, tested=study.tested)
        found = measured(classifier, splits, study.classes)
    except MedCamError as error:
        print(f"measure_classifier: {error}")
        return 2
    except KeyboardInterrupt:
        return 130
    head = f"{classifier.name} (SHA-256 {classifier.sha256[:12]}) on {study.title}"
    parts = [head, data_table(study.classes, splits), dropped(splits), *measured_parts(found)]
    print("\n\n".join(part for part in parts if part))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, threshold=True, help="the data set's folder")
    parser.add_argument("--study", choices=sorted(STUDIES), default="brain-mri")
    parser.add_argument("--model", type=Path, help="classifier; the bundled one by default")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
