"""Nothing in the pool arithmetic can make a float: no literal, no name, no true division, no inexact function."""

import ast
from pathlib import Path

import pytest

EXACT_IMPORTS = {
    "math": {"isqrt"},
    "bisect": {"bisect_left", "bisect_right"},
    "operator": {"attrgetter"},
    "functools": {"lru_cache"},
    "types": set(),
}
INEXACT_NAMES = {"float", "complex", "Decimal", "Fraction", "pow", "round", "sum_floats"}
PURE_MODULES = {"collections.abc", "dataclasses", "enum", "typing", "msgspec"}


@pytest.fixture(scope="session")
def module_tree(repository: Path) -> list[Path]:
    return sorted((repository / "streaming_worker" / "core" / "amm").rglob("*.py"))


def float_sources(tree: ast.AST) -> list[str]:
    """Return every construct of a module that can give a float."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, float | complex):
            found.append(f"literal {node.value!r}")
        elif isinstance(node, ast.Name) and node.id in INEXACT_NAMES:
            found.append(f"name {node.id}")
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            found.append("true division")
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and not _is_constant_power(node):
            found.append("a power that may have a negative exponent")
        elif isinstance(node, ast.Import | ast.ImportFrom):
            found.extend(_inexact_imports(node))
    return found


def _is_constant_power(node: ast.BinOp) -> bool:
    return isinstance(node.right, ast.Constant) and isinstance(node.right.value, int) and node.right.value >= 0


def _inexact_imports(node: ast.Import | ast.ImportFrom) -> list[str]:
    module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
    if module in PURE_MODULES or module.startswith("streaming_worker."):
        return []
    allowed = EXACT_IMPORTS.get(module, set())
    return [f"import {module}.{alias.name}" for alias in node.names if alias.name not in allowed]


def test_no_float_anywhere_in_the_pool_arithmetic(module_tree: list[Path]) -> None:
    found = {path.name: float_sources(ast.parse(path.read_text(encoding="utf-8"))) for path in module_tree}
    assert len(found) > 20
    assert {name: sources for name, sources in found.items() if sources} == {}


@pytest.mark.parametrize(
    "source",
    ["x = 1.5", "x = 1e9", "x = a / b", "x /= 2", "x = float(1)", "x = 10 ** -1", "x = 2 ** n", "import math",
     "from math import sqrt", "from decimal import Decimal", "x = round(y, 2)"],
)  # fmt: skip
def test_the_check_finds_what_it_looks_for(source: str) -> None:
    assert float_sources(ast.parse(source))
