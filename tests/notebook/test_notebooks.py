"""Each notebook runs from its first cell to its last, and shows what it says.

Cell by cell in one process: to start a kernel for each takes longer than the notebooks do.
"""

import ast
import json
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2] / "docs/notebooks"
BOOKS = sorted(HERE.glob("*.ipynb"))


def cells(path):
    book = json.loads(path.read_text(encoding="utf-8"))
    return [("".join(c["source"]), c) for c in book["cells"] if c["cell_type"] == "code"]


def run(code, names):
    """As a notebook does: the last expression is what is shown."""
    *body, last = ast.parse(code).body
    is_value = isinstance(last, ast.Expr)
    exec(compile(ast.Module(body if is_value else [*body, last], []), "cell", "exec"), names)
    if not is_value:
        return ""
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    return "" if value is None else repr(value)


@pytest.fixture(autouse=True)
def without_windows(monkeypatch):
    from matplotlib import pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: None)
    backend = plt.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(backend)


def shown(name):
    """All that a notebook prints and shows."""
    names, printed = {}, StringIO()
    with redirect_stdout(printed):
        for code, _ in cells(HERE / f"{name}.ipynb"):
            printed.write(f"{run(code, names)}\n")
    return printed.getvalue(), names


def test_there_are_three_and_none_holds_outputs():
    assert [book.stem for book in BOOKS] == [
        "a-classifier-audited", "how-to-read-a-claim", "your-own-model",
    ]  # fmt: skip
    held = [cell for book in BOOKS for _, cell in cells(book)]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in held)


def test_your_own_model():
    text, names = shown("your-own-model")
    found = names["found"]
    assert found.label == "lesion"
    assert "<Explanation of lesion: " in text
    assert "(32, 32)" in text
    bright = names["scan"] > 140
    assert (found.mask_array & bright).sum() > found.mask_array.sum() / 3


def test_how_to_read_a_claim():
    text, names = shown("how-to-read-a-claim")
    assert names["found"].verified
    assert "yes   sufficient" in text
    assert "samples without the mask" in text
    inside = names["found"].mask[8:16, 8:16].sum() / names["found"].mask.sum()
    assert f"{inside:.0%} of the mask lies in the middle square" in text
    assert inside > 0.5
    assert "<Explanation of dark: cannot be explained" in text


def test_a_classifier_audited():
    _, names = shown("a-classifier-audited")
    assert names["advice"].choice.removal
    for each in names["found"]:
        assert each.label == "ill"
        assert each.mask[:8, :8].sum() > 0.8 * each.mask.sum()
