"""Programs in files, read as text before torch sees them: what they may not hold is refused.

torch evaluates some texts of a torch.export file as Python while it loads it, and the operators
of a TorchScript archive can write files.
"""

import ast
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from med_cam.errors import ClassifierError

FILES = re.compile(r"\b(save|from_file)\s*\(")  # operators that write or map files
OPERATORS = re.compile(
    r"torch\.ops\.(aten|prims|torchvision)\.(?!(save|from_file)\b)\w+(\.\w+)?"
    r"|torch\.ops\.higher_order\.(wrap_with_\w+|cond)"
    r"|torch\.sym_\w+|_operator\.\w+|math\.\w+"
)
SYMBOL = re.compile(r"[suzf]\d+")  # how torch names sizes that are free
SIZES = (  # what an expression of sizes is made of
    *(ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.operator),
    *(ast.BinOp, ast.UnaryOp, ast.unaryop, ast.Compare, ast.cmpop, ast.BoolOp, ast.boolop),
)


def refuse_file_operators(path: Path) -> None:
    """Raise if the code in a TorchScript archive names an operator that writes or maps files.

    Raises:
        ClassifierError: naming the operator.
    """
    with zipfile.ZipFile(path) as archive:
        for name in (n for n in archive.namelist() if n.endswith(".py")):
            found = FILES.search(archive.read(name).decode(errors="replace"))
            if found:
                raise ClassifierError(
                    f"{path} has the operator {found[1]!r} in its code, which writes or maps "
                    "files; a classifier needs none, so it is not run."
                )


def refuse_foreign_program(path: Path) -> None:
    """Raise if a torch.export file holds an operator or a text that is no part of a network.

    Raises:
        ClassifierError: naming it.
    """
    with zipfile.ZipFile(path) as archive:
        for name in (n for n in archive.namelist() if n.endswith(".json")):
            try:
                wrong = next(_foreign(json.loads(archive.read(name))), None)
            except (ValueError, RecursionError) as error:
                raise ClassifierError(
                    f"{path} is damaged: {name} is no JSON ({error})."
                ) from error
            if wrong is not None:
                raise ClassifierError(
                    f"{path} holds {wrong[:80]!r}, which is no part of a network, so it is not "
                    "run; export the classifier again."
                )


def _foreign(content: Any) -> Iterator[str]:  # noqa: ANN401  as JSON has it
    """Operators and expressions, anywhere in the content, that are not known to be harmless."""
    pending = [content]
    while pending:
        part = pending.pop()
        if isinstance(part, dict):
            pending += part.values()
            target, size = part.get("target"), part.get("expr_str")
            if isinstance(target, str) and "inputs" in part and not OPERATORS.fullmatch(target):
                yield target
            if size is not None and not _is_size(size):
                yield str(size)
        elif isinstance(part, list):
            pending += part


def _is_size(text: object) -> bool:
    """Whether it is a sum, a product or a function of sizes, as sympy writes them."""
    try:
        tree = ast.parse(str(text), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(isinstance(node, SIZES) and _is_known(node) for node in ast.walk(tree))


def _is_known(node: ast.AST) -> bool:
    """Whether one part of an expression is a size, a number, or a function of sympy's."""
    match node:
        case ast.Name(id=name):
            known = SYMBOL.fullmatch(name) is not None or (name[0].isupper() and name.isalnum())
        case ast.keyword(arg=name, value=ast.Constant(value=value)):
            known = name is not None and isinstance(value, bool | int)
        case ast.Constant(value=str(text)):
            known = SYMBOL.fullmatch(text) is not None
        case ast.Constant(value=value):
            known = isinstance(value, bool | int | float)
        case ast.Call(func=called):
            known = isinstance(called, ast.Name)
        case _:
            known = True
    return known
