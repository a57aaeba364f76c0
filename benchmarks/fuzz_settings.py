"""Every setting at 27 silly values: is each accepted and done, or refused in one sentence?

    python benchmarks/fuzz_settings.py [--only TEXT] [--seconds S]

Every field of the settings in a TOML file, every option of every command, every key of
`classifier.toml`, found by walking them; each at the same 27 values (NaN, infinities, huge and
tiny numbers, texts, lists, tables, dates). Each is one call of the command, in this process, on
tiny pictures and a made-up classifier. It has to end

* with status 0 (or 3: `verify` found that a claim does not hold), and no NaN among what is
  printed; or with status 2, and one sentence;
* within 20 seconds of processor time, never waiting 20 seconds without using any, and with at
  most 2 GiB more memory than the process had (a limit of the system: beyond it allocations fail);
* with no traceback, no internal error, no file made or changed outside `--out`.

`train` and `reproduce` meet an empty data set: their options are tried as far as they are read
before it. Prints a table, a line a place, and what was found; the status is 1 if anything was.
"""

import io
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import get_args, get_type_hints

import torch
import typer
from command import parser_of
from rows import table
from safetensors.torch import save_file

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from cli.corner import NET, QUICK, TOML, photograph
from med_cam.classifiers.description import READERS
from med_cam.cli.main import COMMANDS, main as med_cam
from med_cam.config.settings import Config

MORE = 2 * 2**30  # bytes above what the process has when everything is imported
DONE = (0, 3)  # 3: one random sample certifies nothing, says verify
VALUES = {  # as TOML has them
    "NaN": "nan",
    "infinity": "inf",
    "minus infinity": "-inf",
    "minus one": "-1",
    "zero": "0",
    "negative zero": "-0.0",
    "next to nothing": "1e-300",
    "enormous": "1e300",
    "fraction": "1.5",
    "31 bits": str(2**31),
    "63 bits": str(2**63),
    "30 digits": str(10**30),
    "5000 digits": "9" * 5000,
    "20000 bits": f"0x{'f' * 5000}",
    "no text": '""',
    "text": '"a"',
    "number as text": '"1"',
    "other digits": '"\u0663"',
    "long text": f'"{"x" * 100_000}"',
    "truth": "true",
    "null": "null",
    "empty list": "[]",
    "empty table": "{}",
    "nested": f"{'[' * 3000}1{']' * 3000}",
    "a million": f"[{'1,' * 10**6}]",
    "date": "1979-05-27",
    "list of NaN": "[nan, nan]",
}


@dataclass(frozen=True)
class Call:
    """One call: where the value stands, which value, the arguments, files to write before."""

    place: str
    value: str
    arguments: list
    files: dict


@dataclass(frozen=True)
class End:
    """What came of a call."""

    place: str
    value: str
    status: int
    seconds: float
    wrong: str


class TooLong(BaseException):
    """Not caught by anything in between."""


class Watch:
    """Ends a call that computes for too long, or waits for ever; a crowded machine does not."""

    def __init__(self, seconds):
        self.seconds = seconds
        self.begun = self.used = time.process_time()
        self.since = time.monotonic()

    def look(self, *_):
        """Called every second."""
        used, now = time.process_time(), time.monotonic()
        if used - self.begun > self.seconds:
            raise TooLong(f"computes for more than {self.seconds:g} s")
        if used - self.used > 0.05:
            self.used, self.since = used, now
        elif now - self.since > self.seconds:
            raise TooLong(f"waits for more than {self.seconds:g} s")


class Home:
    """A folder with pictures, classifier, settings, results to verify."""

    def __init__(self, folder):
        self.folder = folder
        self.picture = photograph(folder / "scans/scan.png")
        self.model = folder / "corner"
        self.model.mkdir()
        (self.model / "net.py").write_text(NET)
        (self.model / "classifier.toml").write_text(TOML)
        weights = {"conv.weight": torch.full((2, 3, 1, 1), 1 / 3)}
        save_file(weights, self.model / "model.safetensors")
        self.quick = folder / "quick.toml"
        self.quick.write_text(QUICK)
        self.out = folder / "out"
        self.work = folder / "work"  # the working folder: stays empty
        self.work.mkdir()
        self.root = folder / "root"
        self.root.mkdir()
        self.done = folder / "done"

    def seen(self):
        """Every file, with size and time, that no call may make or change."""
        found = [path for path in self.folder.rglob("*") if self.out not in path.parents]
        states = [(str(path), path.lstat()) for path in found if not path.is_dir()]
        return {(name, state.st_size, state.st_mtime_ns) for name, state in states}

    def tidy(self):
        """The working folder is empty again."""
        shutil.rmtree(self.work)
        self.work.mkdir()
        os.chdir(self.work)

    def explained(self, *more, model=None, out=None):
        return [
            "explain", self.picture, "--model", model or self.model, "--config", self.quick,
            "--out", out or self.out, "--device", "cpu", *more,
        ]  # fmt: skip


def settings_of(section=Config, prefix=()):
    """Every setting by its path, sections too."""
    kinds = get_type_hints(section)
    for field in fields(section):
        path = (*prefix, field.name)
        yield path
        if is_dataclass(kinds[field.name]):
            yield from settings_of(kinds[field.name], path)


def calls(home):
    """Every call there is."""
    yield from option_calls(home)
    for path in settings_of():
        for name, value in VALUES.items():
            text = in_place(QUICK, path, value)
            file = home.folder / "silly.toml"
            arguments = [*home.explained("--config", file)]
            yield Call(".".join(path), name, arguments, {file: text})
    for key in READERS:
        for name, value in VALUES.items():
            kept = [line for line in TOML.splitlines() if not line.startswith(f"{key} =")]
            model = home.folder / "silly"
            files = {
                model / "classifier.toml": "\n".join([f"{key} = {value}", *kept]),
                model / "net.py": NET,
                model / "model.safetensors": (home.model / "model.safetensors").read_bytes(),
            }
            yield Call(f"classifier.toml {key}", name, home.explained(model=model), files)


def option_calls(home):
    """Every option of every command that takes a value."""
    for command, options in COMMANDS.items():
        hints = get_type_hints(options, include_extras=True)
        for key in [key for key, hint in hints.items() if takes_value(hint)]:
            for name, value in VALUES.items():
                option = f"--{key.replace('_', '-')}"
                text = value.strip('"')[:100_000]  # an argument of the system is not longer
                yield Call(
                    f"{command} {option}", name, [*base_of(command, home), f"{option}={text}"], {}
                )


def takes_value(hint):
    """An option, not an argument or a switch."""
    kind, *marks = get_args(hint)
    option = any(isinstance(mark, typer.models.OptionInfo) for mark in marks)
    return option and bool not in (kind, *get_args(kind))


def base_of(command, home):
    """A call of the command that works, or is refused for its data set at once."""
    study = ["bach", "--root", home.root]
    made = ["--out", home.out, "--device", "cpu"]
    return {
        "explain": home.explained(),
        "audit": [
            "audit",
            home.picture,
            "--model",
            home.model,
            "--samples",
            "1",
            "--device",
            "cpu",
        ],
        "verify": ["verify", home.done, "--model", home.model, "--device", "cpu"],
        "data": ["data", "check", *study],
        "train": ["train", *study, *made],
        "reproduce": ["reproduce", *study, *made, "--model", home.model],
    }[command]


def in_place(text, path, value):
    """The quick settings with one value set or replaced."""
    *sections, key = path
    if not sections:
        kept = text if key == "seed" else without_section(text, key)
        return f"{key} = {value}\n{kept}"
    head = f"[{'.'.join(sections)}]"
    lines, inside = [], False
    for line in text.splitlines():
        if line.startswith("["):
            inside = line == head
        if not (inside and line.startswith(f"{key} =")):
            lines.append(line)
        if line == head:
            lines.append(f"{key} = {value}")
    return "\n".join(lines if head in text else [*lines, head, f"{key} = {value}"])


def without_section(text, name):
    """The settings without one table."""
    return re.sub(rf"\[{name}\][^\[]*", "", text)


def ended(call, home, seconds):
    """What comes of one call."""
    for file, content in call.files.items():
        file.parent.mkdir(exist_ok=True)
        write = file.write_bytes if isinstance(content, bytes) else file.write_text
        write(content)
    out, err = io.StringIO(), io.StringIO()
    before, watch = home.seen(), Watch(seconds)
    signal.signal(signal.SIGALRM, watch.look)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            status = med_cam([str(argument) for argument in call.arguments])
        wrong = faults(status, out.getvalue(), err.getvalue())
    except TooLong as error:
        status, wrong = -1, str(error)
    except BaseException as error:  # noqa: BLE001  that is what is looked for
        status, wrong = -2, f"{type(error).__name__}: {error}"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    used = time.process_time() - watch.begun
    if call.place.endswith("--out"):  # NaN is the name of a folder, and that is made
        wrong = wrong.replace("prints NaN", "")
    elif changed := home.seen() ^ before:
        wrong = wrong or f"changed outside --out: {sorted(changed)[0][0][-80:]}"
    home.tidy()
    return End(call.place, call.value, status, used, wrong)


def faults(status, out, err):
    """What is wrong with an end, in words; "" if nothing is."""
    sentences = [line for line in err.splitlines() if line.strip()]
    for word in ("Traceback", "internal error", "nexpected"):
        if word in err or word in out:
            return f"status {status}: {' '.join(sentences)[:200]}"
    if status in DONE:
        return "prints NaN" if re.search(r"\bnan\b", out, re.IGNORECASE) else ""
    one = len(sentences) == 1 and len(err) < 1000
    return "" if status == 2 and one else f"status {status}, {len(err)} characters: {err[:200]}"


COLUMNS = {
    "values": lambda ends: str(len(ends)),
    "refused in a sentence": lambda ends: str(sum(e.status == 2 and not e.wrong for e in ends)),
    "done": lambda ends: str(sum(e.status in DONE and not e.wrong for e in ends)),
    "wrong": lambda ends: str(sum(bool(e.wrong) for e in ends)),
    "slowest": lambda ends: f"{max(e.seconds for e in ends):.1f} s",
}


def kind_of(end):
    """The row of the table that a place belongs to."""
    first, *more = end.place.split(" ")
    return first if more else "settings in a file"


def report(ends):
    """The table, and what is wrong."""
    rows = {}
    for end in ends:
        rows.setdefault(kind_of(end), []).append(end)
    wrong = [f"{e.place} = {e.value}: {e.wrong}" for e in ends if e.wrong]
    return "\n".join([table(COLUMNS, rows, name="place"), "", *wrong])


def main() -> int:
    """Print the table; 1 if anything is wrong."""
    parser = parser_of(__doc__)
    parser.add_argument("--only", default="", help="places that hold this text")
    parser.add_argument("--seconds", type=float, default=20.0, help="the most a call may compute")
    parser.add_argument("--verbose", action="store_true", help="every call as it ends, on stderr")
    options = parser.parse_args()
    torch.set_num_threads(1)
    ends = []
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        os.chdir(home.work)
        with redirect_stdout(io.StringIO()):  # everything is imported before memory is limited
            if med_cam([str(a) for a in home.explained(out=home.done)]) != 0:
                raise RuntimeError("the made-up classifier cannot be explained")
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + MORE, size + MORE))
        for call in calls(home):
            if options.only in call.place:
                ends.append(ended(call, home, options.seconds))
                if options.verbose or ends[-1].wrong:
                    print(ends[-1], file=sys.stderr, flush=True)
        os.chdir("/")
    print(report(ends))
    return int(any(end.wrong for end in ends))


if __name__ == "__main__":
    raise SystemExit(main())
