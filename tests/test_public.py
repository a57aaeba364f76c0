"""What `import med_cam` gives, and what it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import med_cam


def in_a_process(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", med_cam.__all__)
def test_every_public_name_is_there_and_called_so(name):
    value = getattr(med_cam, name)
    assert value is not None
    if callable(value):
        assert value.__name__ == name


def test_the_list_of_names_is_complete():
    """Type checkers read the imports; the interpreter reads the list: they must not differ."""
    tree = ast.parse(Path(med_cam.__file__).read_text(encoding="utf-8"))
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    listed = {alias.asname: node.module for node in block.body for alias in node.names}
    assert {name: f"med_cam.{place}" for name, place in med_cam.PLACES.items()} == listed
    assert set(med_cam.__all__) == set(listed)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="explian"):
        _ = med_cam.explian


def test_the_import_alone_needs_no_torch():
    heavy = "{'torch', 'numpy', 'timm', 'torchvision', 'matplotlib', 'scipy'}"
    assert in_a_process(f"import sys, med_cam; print({heavy} & set(sys.modules))") == "set()"


def test_explain_is_the_function_after_any_import():
    code = """
import med_cam.pipeline.explain
import med_cam.cli.explain
import med_cam.notebook.explain
from med_cam import explain, explain_all
import med_cam
same = explain is med_cam.explain is med_cam.notebook.explain.explain
print(callable(explain), same, callable(explain_all))
"""
    assert in_a_process(code) == "True True True"


def test_everything_can_be_imported_by_a_star():
    code = "from med_cam import *; import med_cam; print(set(med_cam.__all__) - set(globals()))"
    assert in_a_process(code) == "set()"
