"""Which classifier, where it runs, and which of its labels."""

from typing import Annotated

from med_cam.cli.options.boxes import INPUT, SETTINGS
from med_cam.cli.parameters import Was, option

Model = Annotated[
    str | None,
    option(
        "CLASSIFIER",
        "The classifier: a folder with classifier.toml and weights, a Hugging Face folder, or an "
        "ONNX, TorchScript or torch.export file. Default: the bundled brain-mri (MRI of the "
        "head).",
        INPUT,
    ),
]
Trust = Annotated[
    list[str] | None,
    option(
        "PACKAGE|FILE.py",
        "An installed Python package that a classifier's factory may come from, or a Python file "
        "that a removal of your own is in. Its code is then run. Can be given several times. "
        "Without it only Python files in the classifier's own folder run.",
        INPUT,
    ),
]
Device = Annotated[
    str,
    option(
        "NAME",
        "Where to compute: auto, cpu, cuda or cuda:N. auto uses a GPU if there is one.",
        SETTINGS,
    ),
]
Target = Annotated[
    str | None,
    option(
        "LABEL",
        "The label to explain. Default: the label that the classifier predicts.",
        INPUT,
    ),
]
Contrast = Annotated[
    str | None,
    option(
        "LABEL",
        "Contrastive explanation: show only what separates the target from this one label. "
        "The classifier then decides between these two labels only.",
        INPUT,
    ),
    Was("--against"),
]
