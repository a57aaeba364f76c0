"""How good a classifier is on the test set of its data set, and its predictions for blank images.

    python benchmarks/measure_classifier.py --root DATA [--study brain-mri] [--model CLASSIFIER]

Images: the test set without what the training set holds byte for byte; then again without near
copies, whose 32 x 32 thumbnail correlates with that of some training image with 0.999 or more.
They are read and prepared exactly as `med-cam explain` does it. `med-cam train` writes the same
into the model card.

Blank images have no content and the size of the model input: grey (zero after normalisation),
black, white, Gaussian noise and uniform noise. The table has the mean probability of each class
and the highest of any class in any random sample.
"""

import argparse
from contextlib import ExitStack
from pathlib import Path

from command import parser_of, printed

from med_cam.classifiers.bundled import bundled_classifier
from med_cam.classifiers.load import load_classifier
from med_cam_studies.evaluation.measure import measured
from med_cam_studies.report.measured import measured_parts
from med_cam_studies.training.catalogue import STUDIES
from med_cam_studies.training.model_card import data_table, dropped


def main() -> int:
    """Print the tables."""
    parser = parser_of(__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the data set's folder")
    parser.add_argument("--study", choices=sorted(STUDIES), default="brain-mri")
    parser.add_argument("--model", type=Path, help="classifier; the bundled one by default")
    options = parser.parse_args()
    return printed(parser, lambda: tables(options))


def tables(options: argparse.Namespace) -> str:
    """All that is measured."""
    study = STUDIES[options.study]
    with ExitStack() as stack:
        model = options.model or stack.enter_context(bundled_classifier())
        classifier = load_classifier(model, device="cpu")
    splits = study.split(study.collect(options.root).items)
    found = measured(classifier, splits, study.classes)
    head = f"{classifier.name} (SHA-256 {classifier.sha256[:12]}) on {study.title}"
    parts = [head, data_table(study.classes, splits), dropped(splits), *measured_parts(found)]
    return "\n\n".join(part for part in parts if part)


if __name__ == "__main__":
    raise SystemExit(main())
