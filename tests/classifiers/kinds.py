"""One small classifier of every kind of source, in a folder, and ways to change a file of it."""

import json
import warnings

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from med_cam.classifiers.compat import import_timm, import_torchvision

SIDE = 32
FRAME = f"input_size = {SIDE}\nmean = 0.5\nstd = 0.25\n"
HELPER = "from torch import nn\nfrom deeper import WIDTH\ndef act():\n    return nn.ReLU()\n"
NET = """
import sys
from pathlib import Path
import torch
from torch import nn

def net(width=4):
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        import helper
    finally:
        sys.path.pop(0)
        sys.modules.pop("helper", None), sys.modules.pop("deeper", None)
    layers = (nn.Conv2d(3, width, 3), helper.act(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, nn.Linear(width, 2))

other = net
"""


def small():
    """The module that programs are made of; the same each time."""
    with torch.random.fork_rng():
        torch.random.default_generator.manual_seed(0)
        layers = (nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return nn.Sequential(*layers, nn.Linear(4, 2)).eval()


def said(folder, architecture, more=""):
    text = f'architecture = "{architecture}"\nclasses = ["a", "b"]\n{FRAME}{more}'
    (folder / "classifier.toml").write_text(text)


def saved(module, path):
    save_file({k: v.clone() for k, v in module.state_dict().items()}, path)


def timm(folder):
    said(folder, "timm:test_efficientnet")
    module = import_timm().create_model("test_efficientnet", num_classes=2)
    saved(module, folder / "model.safetensors")


def torchvision(folder):
    said(folder, "torchvision:squeezenet1_1")
    models = import_torchvision("torchvision.models")
    module = models.squeezenet1_1(num_classes=2)
    module.classifier[1].bias.data += 3  # its outputs are rectified: untrained, all may be 0
    saved(module, folder / "model.safetensors")


def factory(folder):
    said(folder, "factory:net:net")
    (folder / "net.py").write_text(NET)
    (folder / "helper.py").write_text(HELPER)
    (folder / "deeper.py").write_text("WIDTH = 4\n")
    (folder / "unrelated.py").write_text("import nothing\n")
    saved(small(), folder / "model.safetensors")


def export(folder, module=None):
    said(folder, "export")
    program = torch.export.export(module or small(), (torch.zeros(1, 3, SIDE, SIDE),))
    torch.export.save(program, folder / "model.pt2")


def torchscript(folder, module=None):
    said(folder, "torchscript")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(module or small()), folder / "model.pt")


def onnx(folder):
    """With its weights in two files beside the graph, one of them of a layer in a folder."""
    library = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    said(folder, "onnx")
    (folder / "parts").mkdir(exist_ok=True)
    make, kind = library.helper, library.TensorProto.FLOAT
    state = {k: v.numpy() for k, v in small().state_dict().items()}
    tensors = [library.numpy_helper.from_array(v, k) for k, v in state.items()]
    for tensor, file in zip(tensors, ("a.data", "a.data", "parts/b.data", "a.data"), strict=True):
        outside(library, tensor, folder, file)
    nodes = [
        make.make_node("Conv", ["x", "0.weight", "0.bias"], ["c"]),
        make.make_node("Relu", ["c"], ["r"]),
        make.make_node("GlobalAveragePool", ["r"], ["p"]),
        make.make_node("Flatten", ["p"], ["f"]),
        make.make_node("Gemm", ["f", "4.weight", "4.bias"], ["y"], transB=1),
    ]
    x = make.make_tensor_value_info("x", kind, ["b", 3, SIDE, SIDE])
    y = make.make_tensor_value_info("y", kind, ["b", 2])
    graph = make.make_graph(nodes, "g", [x], [y], tensors)
    opsets = [make.make_opsetid("", 17)]
    proto = make.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())


def outside(library, tensor, folder, file):
    """The values of a tensor at the end of a file, and in the graph only where they are."""
    content, path = tensor.raw_data, folder / file
    start = path.stat().st_size if path.exists() else 0
    with path.open("ab") as stream:
        stream.write(content)
    library.external_data_helper.set_external_data(tensor, file, start, len(content))
    tensor.ClearField("raw_data")


def huggingface(folder):
    """With its weights in two files and an index of them."""
    import_torchvision()  # transformers imports it
    library = pytest.importorskip("transformers")
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
    frame = {"intermediate_size": 16, "image_size": SIDE, "patch_size": 8}
    config = library.ViTConfig(**sizes, **frame, id2label={0: "a", 1: "b"})
    config.architectures = ["ViTForImageClassification"]
    state = library.ViTForImageClassification(config).state_dict()
    (folder / "config.json").write_text(config.to_json_string(use_diff=False))
    places = {}
    for number, names in enumerate(np.array_split(sorted(state), 2), start=1):
        file = f"model-0000{number}-of-00002.safetensors"
        part = {str(name): state[name].clone() for name in names}
        save_file(part, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(part, file)
    index = {"metadata": {"total_size": 0}, "weight_map": places}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    processor = {"image_mean": [0.5] * 3, "image_std": [0.25] * 3, "size": SIDE}
    (folder / "preprocessor_config.json").write_text(json.dumps(processor))


MAKERS = {
    maker.__name__: maker
    for maker in (timm, torchvision, factory, export, torchscript, onnx, huggingface)
}


def another(path):
    """Change a file so that it still loads: a weight, a comment or a key that nothing reads."""
    if path.suffix == ".safetensors":
        tensors = load_file(path)
        first = next(k for k, v in tensors.items() if v.is_floating_point())
        tensors[first] = tensors[first] + 1e-3
        save_file(tensors, path, metadata={"format": "pt"})
    elif path.suffix == ".json":
        path.write_text(json.dumps(json.loads(path.read_text()) | {"note": "another"}))
    elif path.suffix == ".py":
        path.write_text(path.read_text() + "# another\n")
    elif path.suffix == ".data":
        values = np.frombuffer(path.read_bytes(), np.float32) * np.float32(1.01)
        path.write_bytes(values.tobytes())
    elif path.suffix == ".onnx":
        path.write_bytes(path.read_bytes() + b"\x12\x07another")  # the field producer_name
    else:
        module = small()
        module[0].bias.data += 1
        {".pt2": export, ".pt": torchscript}[path.suffix](path.parent, module)
