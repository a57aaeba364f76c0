"""The three commands that are killed: what each begins with, and what may lie there afterwards.

Pictures, classifiers and data sets are made up and tiny. Each case has two states of its folder,
one before the command and one after it; whatever lies there after a kill has to be of these two.
"""

import csv
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from killing import run
from PIL import Image as Pillow
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from cli.corner import NET, QUICK, TOML, photograph
from cli.quarters import quarters
from med_cam.errors import MedCamError
from med_cam.report.manifest import checked_id, refuse_changed_run
from med_cam.report.read import read_explanation
from med_cam_studies.evaluation.json_lines import read_lines
from med_cam_studies.training.catalogue import STUDIES
from med_cam_studies.training.recipes import ROBUST
from tiny_brain_mri import SIDE, picture, tiny_brain_mri

TINY = replace(
    ROBUST, architecture="mobilenetv2_035", input_size=SIDE, epochs=2, batch=14, masked=4, empty=2
)
REPORTS = ("figure.pdf", "figure.png", "table.csv", "table.md", "report.html", "measured.md")


@dataclass(frozen=True)
class Case:
    """A command, and how its folder is judged.

    Attributes:
        name: of the command.
        here: a folder with `old`, the folder of results before the command, and `new`, after it.
        arguments: of the command, which writes to `out`.
        judged: from `here` and the text that a killed run said to what is wrong in `out`, and how
            many results there are old and new.
        ended: from `here` to what is wrong in `out` after the command has come to its end.
    """

    name: str
    here: Path
    arguments: list[str]
    judged: Callable[[Path, str], tuple[list[str], int, int]]
    ended: Callable[[Path], list[str]]

    @property
    def out(self):
        return self.here / "out"

    @property
    def log(self):
        return self.here / "log.txt"

    def reset(self):
        """The folder as it was before the command."""
        shutil.rmtree(self.out, ignore_errors=True)
        if (self.here / "old").exists():
            shutil.copytree(self.here / "old", self.out)


def case_of(name, here):
    """A case with both of its states made."""
    here.mkdir()
    (here / "quick.toml").write_text(QUICK)
    case = {"explain": explain, "reproduce": reproduce, "train": train}[name](here)
    case.reset()
    if run(case.arguments, case.log):
        raise SystemExit(case.log.read_text())
    case.out.rename(here / "new")
    return case


def entries(folder):
    """The names of all that lies in a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def surplus(here):
    """What lies there after the command and should not, or should and does not."""
    found, wanted = entries(here / "out"), entries(here / "new")
    return [f"{name} is left over" for name in sorted(found - wanted)] + [
        f"{name} is lost" for name in sorted(wanted - found)
    ]


def results(folder):
    """Of each result folder below: seed, image and mask, or what is wrong with it."""
    found = {}
    for entry in sorted({path.parent for path in folder.rglob("*") if path.is_file()}):
        name = entry.relative_to(folder).as_posix()
        if name == "." or ".med-cam-" in name:
            continue
        try:
            checked_id(entry)
            saved = read_explanation(entry)
            mask = (entry / "mask.png").read_bytes()
            found[name] = (saved["seed"], saved["sha256"]["source"], mask)
        except (MedCamError, OSError) as error:
            found[name] = f"is broken: {error}"
    return found


def compared(out, old, new):
    """What is wrong with results that have to be old or new; how many are either."""
    found, before, after = results(out), results(old), results(new)
    problems, count_old, count_new = [], 0, 0
    for name in sorted({*found, *before}):
        content = found.get(name, "is lost")
        if content == before.get(name):
            count_old += 1
        elif content == after.get(name):
            count_new += 1
        else:
            what = content if isinstance(content, str) else "is neither the old nor the new one"
            problems.append(f"{name} {what}")
    return problems, count_old, count_new


def problem_of(check, *arguments):
    """The sentence of an error, in a list; an empty one without."""
    try:
        check(*arguments)
    except (MedCamError, OSError, ValueError) as error:
        return [str(error)]
    return []


# -- explain: two results of one seed, replaced by those of another -------------------------------


def explain(here):
    for index in range(2):
        photograph(here / "scans" / f"scan-{index}.png", seed=index)
    model = here / "corner"
    model.mkdir()
    (model / "net.py").write_text(NET)
    (model / "classifier.toml").write_text(TOML)
    save_file({"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}, model / "model.safetensors")
    arguments = [
        "explain", str(here / "scans"), "--model", str(model), "--config",
        str(here / "quick.toml"), "--out", str(here / "out"), "--existing", "redo", "--seed",
    ]  # fmt: skip
    if run([*arguments, "0"], here / "log.txt"):
        raise SystemExit((here / "log.txt").read_text())
    (here / "out").rename(here / "old")
    return Case("explain", here, [*arguments, "1"], explain_judged, explain_ended)


def explain_judged(here, said):
    problems, old, new = compared(here / "out", here / "old", here / "new")
    return problems + problem_of(refuse_changed_run, here / "out"), old, new


def explain_ended(here):
    problems, old, new = explain_judged(here, "")
    old_left = [f"{old} results are old"] if new < 2 else []
    return problems + old_left + surplus(here)


# -- reproduce: of five images one was replaced, and one is new -----------------------------------


def reproduce(here):
    root = tiny_brain_mri(here / "mri", training=3, testing=2)
    model = quarters(here / "quarters", ["glioma", "meningioma", "notumor", "pituitary"])
    for path in (root / "Testing").rglob("*.jpg"):
        if path.name != "Te_000.jpg":
            path.unlink()
    arguments = [
        "reproduce", "brain-mri", "--root", str(root), "--model", str(model), "--config",
        str(here / "quick.toml"), "--out", str(here / "out"), "--images", "9",
    ]  # fmt: skip
    if run(arguments, here / "log.txt"):
        raise SystemExit((here / "log.txt").read_text())
    (here / "out").rename(here / "old")
    for seed, name in ((91, "meningioma/Te_000.jpg"), (92, "glioma/Te_001.jpg")):
        label = ("glioma", "meningioma").index(name.split("/")[0])
        Pillow.fromarray(picture(seed, label)).save(root / "Testing" / name, quality=95)
    return Case("reproduce", here, arguments, reproduce_judged, reproduce_ended)


def reproduce_judged(here, said):
    out, old, new = here / "out", here / "old", here / "new"
    problems, count_old, count_new = compared(out / "images", old / "images", new / "images")
    for path in (*out.rglob("*.png"), *out.rglob("*.jpg")):
        if path.is_file() and ".med-cam-" not in path.as_posix():
            problems += problem_of(lambda path=path: Pillow.open(path).load())
    lines = read_lines(out / "rows.jsonl")
    problems += [
        f"{row['image']} lost its line"
        for row in read_lines(old / "rows.jsonl")
        if row not in lines
    ]
    problems += [f"{row['folder']} is lost" for row in lines if not (out / row["folder"]).is_dir()]
    problems += [f"{name} is lost" for name in REPORTS if not (out / name).is_file()]
    if problems:
        return problems, count_old, count_new
    if not (out / "figure.pdf").read_bytes().rstrip().endswith(b"%%EOF"):
        problems.append("figure.pdf is cut off")
    if not (out / "report.html").read_text().rstrip().endswith("</html>"):
        problems.append("report.html is cut off")
    if images_of(out) not in (images_of(old), images_of(new)):
        problems.append("table.csv is neither the old nor the new one")
    return problems, count_old, count_new


def images_of(out):
    """The images of the table."""
    with (out / "table.csv").open(newline="") as file:
        return [row["image"] for row in csv.DictReader(file)]


def reproduce_ended(here):
    out, new = here / "out", here / "new"
    problems, *_ = reproduce_judged(here, "")
    if results(out / "images") != results(new / "images"):
        problems.append("not every result is new")
    if images_of(out) != images_of(new):
        problems.append("table.csv is not the new one")
    maps = [path.relative_to(new) for path in (new / "maps").rglob("*.png")]
    problems += [
        f"{name} is another map"
        for name in maps
        if (out / name).read_bytes() != (new / name).read_bytes()
    ]
    return problems + surplus(here)


# -- train: from nothing, two epochs and a measured classifier ------------------------------------


def train(here):
    root = tiny_brain_mri(here / "mri")
    arguments = [
        "train", "brain-mri", "--root", str(root), "--out", str(here / "out"), "--init", "random",
    ]  # fmt: skip
    return Case("train", here, arguments, train_judged, train_ended)


def train_judged(here, said):
    """Each file is whole, the one of an undisturbed training, and comes after what it rests on."""
    out, new = here / "out", here / "new"
    problems = []
    epochs = epochs_in(out / "checkpoints" / "tiny.ckpt")
    if epochs < said.count(" epoch "):
        problems.append(f"the checkpoint has {epochs} epochs, fewer than were told")
    names = (
        "model.safetensors",
        "classifier.toml",
        "model-card.md",
        "measured.json",
        "training.csv",
    )
    there = [name for name in names if (out / name).exists()]
    if there != list(names[: len(there)]):
        problems.append(f"only {', '.join(there)} are there")
    problems += [
        f"{name} is not that of an undisturbed training"
        for name in there
        if (out / name).read_bytes() != (new / name).read_bytes()
    ]
    return problems, 0, len(there)


def epochs_in(checkpoint):
    """How many epochs a checkpoint has; none if it is not there."""
    return len(torch.load(checkpoint, weights_only=True)["epochs"]) if checkpoint.exists() else 0


def train_ended(here):
    problems, _, new = train_judged(here, "")
    if epochs_in(here / "out" / "checkpoints" / "tiny.ckpt") != 2 or new != 5:
        problems.append("the training is not whole")
    return problems + surplus(here)


def tiny_studies():
    """The studies with a recipe that takes a second."""
    return {name: replace(s, recipes={"tiny": {"tiny": TINY}}) for name, s in STUDIES.items()}
