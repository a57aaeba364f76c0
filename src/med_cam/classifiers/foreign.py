"""Files of other frameworks: what each is, and the command that makes an ONNX file of it.

Each command was run on a small classifier, with keras 3.15, tensorflow 2.21 and tf2onnx 1.17, and
its file loaded here.
"""

from collections.abc import Mapping
from pathlib import Path

KERAS = (
    "a Keras file; pip install keras tensorflow tf2onnx, then "
    'python -c "import keras, numpy; m = keras.models.load_model({name!r}, compile=False); '
    "m(numpy.zeros((1, *m.input_shape[1:]), 'float32')); "
    "m.export('model.onnx', format='onnx', opset_version=17)\""
)
TF2ONNX = (
    "pip install tensorflow tf2onnx, then "
    "python -m tf2onnx.convert {option} --output model.onnx --opset 17"
)
FORMATS: Mapping[str, str] = {  # by suffix
    ".keras": KERAS,
    ".h5": KERAS,
    ".hdf5": KERAS,
    ".tflite": "a TensorFlow Lite file; " + TF2ONNX.format(option="--tflite {name}"),
    ".pkl": (
        "a pickle, which would run code to be read; save model.state_dict() as safetensors where "
        "it was made"
    ),
}
SAVED_MODEL = "a TensorFlow SavedModel; " + TF2ONNX.format(option="--saved-model {name}")


def foreign(path: Path) -> str:
    """What a file or folder of another framework is and how it is converted; "" for any other."""
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return SAVED_MODEL.format(name=str(path))
        found = [p for p in sorted(path.iterdir()) if p.suffix in FORMATS and p.is_file()]
        return foreign(found[0]) if len(found) == 1 else ""
    if path.name == "saved_model.pb":
        return SAVED_MODEL.format(name=str(path.parent))
    known = FORMATS.get(path.suffix.lower())
    return f"{path.name} is {known.format(name=str(path))}" if known else ""
