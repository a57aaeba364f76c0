"""Break classifier folders in every way: is each refused in a sentence, without harm?

    python benchmarks/fuzz_classifiers.py [--count N] [--seed N] [--verbose]

A small classifier of every kind (timm, torchvision, a factory, torch.export, TorchScript, ONNX,
Hugging Face), and of each many copies with one thing broken: keys of classifier.toml left out,
doubled, of the wrong type or huge; weights, graphs, settings and modules cut, flipped, emptied,
swapped, replaced by links, pipes and folders; numbers of an ONNX graph changed; pickles that make
a file when they are run. Each is loaded in a process of its own. It has to load, or to end in one
sentence, within 20 seconds of processor time (and without 20 seconds in which it uses none) and
3 GB, and must not open a connection, make or change a file, or run what is in a pickle.

The processes are forks of this one, which has a single thread: no lock can be held by another.

Prints a table, a line a kind; the status is 1 if anything was found.
"""

import os
import pickle
import random
import re
import resource
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"  # numpy's and torch's libraries start no threads

import torch
from command import parser_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from classifiers.kinds import MAKERS, said as described
from med_cam.classifiers.compat import import_timm, import_torchvision
from med_cam.classifiers.load import load_classifier
from med_cam.errors import MedCamError

SECONDS, MEMORY = 20, 3 * 2**30  # of one load; the interpreter with its libraries takes 0.6 GB
VALUES = (
    *("0", "-1", "1e308", "1" + "0" * 400, "nan", "inf", "true", '""', '"x"', "[]", "{}", "[[]]"),
    *('"../x"', '"/etc/passwd"', '"\\u0000"', "[1, 2, 3, 4]", '["a", "a"]', "65536", "1e-300"),
    *(f'"{"x" * 100000}"', "[" * 5000 + "]" * 5000, "1979-05-27", '"own"', '"random"', '"timm:"'),
)
KEYS = (
    *("architecture", "classes", "weights", "input_size", "channels", "mean", "std", "head"),
    *("value_range", "resize", "crop_share", "interpolation", "thresholds", "hooked_layers"),
    *("name", "arguments"),
)
LIBRARIES = (  # not onnxruntime, which starts a thread when it is imported
    *("onnx", "onnx2torch", "torch.export", "transformers"),
    *("transformers.models.vit.modeling_vit", "transformers.models.vit.image_processing_vit"),
)
OUTCOMES = ("loaded", "refused", "hang", "crash", "error", "sentence", "memory", "harm")


class Pickled:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return os.mkdir, (self.path,)


# -- what is broken -------------------------------------------------------------------------------


def said_otherwise(folder, rng, _others, _canary):
    """One key of classifier.toml with another value, gone, twice, or one that nobody knows."""
    path = folder / "classifier.toml"
    lines = path.read_text().splitlines()
    at = rng.randrange(len(lines))
    value, key = rng.choice(VALUES), rng.choice(KEYS)
    way = rng.choice(("value", "value", "gone", "twice", "new", "new", "arguments"))
    if way == "value" and "=" in lines[at]:
        lines[at] = f"{lines[at].partition('=')[0]}= {value}"
    elif way == "gone":
        del lines[at]
    elif way == "twice":
        lines.append(lines[at])
    elif way == "arguments":
        name = rng.choice(("num_classes", "img_size", "depth", "width", "x", "pretrained"))
        lines += ["[arguments]", f"{name} = {value}"]
    else:
        lines = [line for line in lines if not line.startswith(key)] + [f"{key} = {value}"]
    path.write_text("\n".join(lines))
    return f"classifier.toml {way} {key} {value[:20]}"


def bytes_changed(folder, rng, _others, _canary):
    """A file cut, flipped, emptied, doubled, or with zeros in it."""
    path = chosen(folder, rng)
    content = bytearray(path.read_bytes())
    way = rng.choice(("cut", "flipped", "flipped", "flipped", "empty", "doubled", "zeros", "head"))
    at = rng.randrange(len(content) or 1)
    if way == "cut":
        content = content[:at]
    elif way == "flipped":
        for _ in range(rng.choice((1, 8, 64))):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    elif way == "head":  # where lengths and offsets stand
        for _ in range(4):
            content[rng.randrange(min(len(content), 200))] = rng.randrange(256)
    elif way == "zeros":
        content[at : at + 64] = bytes(len(content[at : at + 64]))
    else:
        content = content * 2 if way == "doubled" else bytearray()
    path.write_bytes(content)
    return f"{path.name} {way}"


def swapped(folder, rng, others, _canary):
    """A file with the content of another kind's."""
    path, other = chosen(folder, rng), chosen(rng.choice(others), rng)
    shutil.copyfile(other, path)
    return f"{path.name} from {other.parent.name}/{other.name}"


def special(folder, rng, _others, canary):
    """A file that is none: a pipe, a folder, a link that leads out, to itself, or without end."""
    path = chosen(folder, rng)
    path.unlink()
    way = rng.choice(("pipe", "folder", "zero", "loop", "out", "gone"))
    if way == "pipe":
        os.mkfifo(path)
    elif way == "folder":
        path.mkdir()
    elif way != "gone":
        path.symlink_to({"zero": "/dev/zero", "loop": path.name, "out": canary.parent / "x"}[way])
    return f"{path.name} {way}"


def pickled(folder, rng, _others, canary):
    """Weights that make a file when they are run."""
    name = rng.choice(("model.pt", "model.bin", "model.ckpt", "model.pt2", "pytorch_model.bin"))
    for path in folder.glob("*.safetensors"):
        path.unlink()
    content = {"state_dict": {"0.weight": torch.ones(1)}, "x": Pickled(canary)}
    if rng.random() < 0.5:
        (folder / name).write_bytes(pickle.dumps(content))
    else:
        torch.save(content, folder / name)
    return f"{name} pickled"


def text_changed(folder, rng, _others, _canary):
    """A number or a word of a text file (settings, modules, toml) replaced."""
    texts = [p for p in files_of(folder) if p.suffix in (".json", ".py", ".toml")]
    path = rng.choice(texts)
    text = path.read_text(errors="replace")
    places = list(re.finditer(r"\d+|\w+|[\[\]{}():,=]", text))
    place = rng.choice(places)
    new = rng.choice(("0", "-1", "1" + "0" * 30, "", "null", "x", '"', "[", "}", "1e999", "\0"))
    path.write_text(text[: place.start()] + new + text[place.end() :])
    return f"{path.name} {place[0][:20]} -> {new[:10]!r}"


def graph_changed(folder, rng, others, canary):
    """A number, a name or a side of an ONNX graph; of other kinds their bytes."""
    path = folder / "model.onnx"
    if not path.is_file():
        return bytes_changed(folder, rng, others, canary)
    proto = import_module("onnx").load(str(path), load_external_data=False)
    number = rng.choice((0, -1, 1, 7, 2**31, 2**62))
    node = rng.choice(proto.graph.node)
    way = rng.choice(("side", "dims", "attribute", "operator", "input", "output", "opset"))
    if way == "side":
        sides = proto.graph.input[0].type.tensor_type.shape.dim
        rng.choice(sides).dim_value = number
    elif way == "dims":
        tensor = rng.choice(proto.graph.initializer)
        tensor.dims[rng.randrange(len(tensor.dims))] = number
    elif way == "attribute":
        node.attribute.append(
            import_module("onnx.helper").make_attribute(
                rng.choice(("pads", "strides", "group", "axis", "dilations", "kernel_shape")),
                rng.choice((number, [number] * 2, [number] * 4)),
            )
        )
    elif way == "operator":
        node.op_type = rng.choice(("Loop", "If", "Tile", "Expand", "ConstantOfShape", "Mish", "x"))
    elif way == "opset":
        proto.opset_import[0].version = rng.choice((0, 1, 7, 18, 22, 99, 2**40))
    else:
        names = node.input if way == "input" else node.output
        names[0] = rng.choice(("x", "y", "", "nowhere"))
    path.write_bytes(proto.SerializeToString())
    return f"model.onnx {way}"


WAYS = (
    *(said_otherwise, said_otherwise, bytes_changed, bytes_changed, swapped, special),
    *(pickled, text_changed, graph_changed),
)


def files_of(folder):
    return sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)


def chosen(folder, rng):
    return rng.choice(files_of(folder))


# -- one load -------------------------------------------------------------------------------------


def loaded_apart(folder, home, canary):
    """Load in a process of its own; the outcome and what was said."""
    before = seen(home, folder)
    reading, writing = os.pipe()
    if not (child := parted()):
        os.close(reading)
        attempt(folder, home, writing)
    os.close(writing)
    status, usage, stopped = waited(child)
    with os.fdopen(reading, "rb") as stream:
        said = stream.read().decode(errors="replace")
    kind, _, words = said.partition("\n")
    faults = {
        "harm": canary.exists() or seen(home, folder) != before,
        "hang": bool(stopped),
        "crash": not kind or bool(status),
        "memory": usage.ru_maxrss * 1024 > MEMORY,
        "sentence": kind == "refused" and "\n" in words,
    }
    found = next((name for name, true in faults.items() if true), kind)
    return found, f"{usage.ru_maxrss // 1024} MB, status {status}: {stopped or words}"


def parted():
    """A fork, which is safe only while there is one thread."""
    if (threads := len([*Path("/proc/self/task").iterdir()])) > 1:
        raise RuntimeError(f"{threads} threads run here; a fork could wait for what they hold")
    return os.fork()


def waited(child):
    """How a process ended, what it used, and why it had to be killed; "" if it had not."""
    used, since, stopped = 0.0, time.monotonic(), ""
    while not (ended := os.wait4(child, os.WNOHANG))[0]:
        time.sleep(0.02)
        now, total = time.monotonic(), processor_time(child)
        if total > SECONDS:
            stopped = f"computed for {SECONDS} s"
        elif total > used + 0.05:
            used, since = total, now
        elif now - since > SECONDS:
            stopped = f"waited for {SECONDS} s"
        if stopped:
            os.kill(child, signal.SIGKILL)
            ended = os.wait4(child, 0)
            break
    return *ended[1:], stopped


def processor_time(child):
    """Seconds that a process and its threads have used so far."""
    numbers = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, numbers[11:13])) / os.sysconf("SC_CLK_TCK")


def attempt(folder, home, writing):
    """Load, write the outcome, and leave the process."""
    os.chdir(home)
    resource.setrlimit(resource.RLIMIT_AS, (16 * 2**30, 16 * 2**30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    opened = []
    socket.socket.connect = lambda *given: opened.append(given)
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    try:
        load_classifier(folder, device="cpu")
        said = "loaded\n"
    except MedCamError as error:
        said = f"refused\n{error}"
    except BaseException as error:  # noqa: BLE001 - that is what is looked for
        said = f"error\n{type(error).__name__}: {error}"
    said = "harm\na connection was opened" if opened else said
    os.write(writing, said.encode(errors="replace")[:60000])
    os._exit(0)


def seen(*folders):
    """Names, sizes and times of all files in the folders."""
    found = [(p, p.lstat()) for folder in folders for p in sorted(folder.rglob("*"))]
    return [(str(p), s.st_size, s.st_mtime_ns) for p, s in found if not p.is_dir()]


def fuzzed(kind, made, count, rng, verbose):
    """The outcomes of so many broken copies of one classifier."""
    outcomes, bad = Counter(), []
    others = [folder for name, folder in made.items() if name != kind]
    for index in range(count):
        with tempfile.TemporaryDirectory() as place:
            home, folder = Path(place, "home"), Path(place, "folder")
            home.mkdir()
            shutil.copytree(made[kind], folder)
            canary = Path(place, "canary")
            what = WAYS[index % len(WAYS)](folder, rng, others, canary)
            outcome, words = loaded_apart(folder, home, canary)
        outcomes[outcome] += 1
        if verbose or outcome not in OUTCOMES[:2]:
            bad.append(f"{kind}: {what}: {outcome}: {words[:300]}")
            print(bad[-1], file=sys.stderr, flush=True)
    return outcomes


def main():
    """Break, load, print the table."""
    parser = parser_of(__doc__)
    parser.add_argument("--count", type=int, default=504, help="broken folders in all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print each of them")
    options = parser.parse_args()
    import_timm()  # before the processes part, so that each load is short
    import_torchvision("torchvision.models")
    for name in LIBRARIES:
        import_module(name)
    print("| kind | folders | " + " | ".join(OUTCOMES) + " |")
    print("|---" * (2 + len(OUTCOMES)) + "|")
    total = Counter()
    with tempfile.TemporaryDirectory() as place:
        made = {}
        for kind, maker in MAKERS.items():
            made[kind] = Path(place, kind)
            made[kind].mkdir()
            if not (child := parted()):  # autograd does not work in a fork of its user
                maker(made[kind])
                if kind == "huggingface":
                    described(made[kind], kind)
                os._exit(0)
            os.waitpid(child, 0)
        for kind in MAKERS:
            rng, count = random.Random(f"{options.seed} {kind}"), options.count // len(MAKERS)
            outcomes = fuzzed(kind, made, count, rng, options.verbose)
            total += outcomes
            print(f"| {kind} | {count} | " + " | ".join(str(outcomes[o]) for o in OUTCOMES) + " |")
    return int(any(total[outcome] for outcome in OUTCOMES[2:]))


if __name__ == "__main__":
    raise SystemExit(main())
