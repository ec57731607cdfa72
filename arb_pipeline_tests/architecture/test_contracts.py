"""The walls between the rooms, and the size of what stands in them."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LONGEST_FILE = 400
FORBIDDEN_MODULE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
DETERMINISTIC = ("core", "engine", "protocols")
# where a process starts, and where Dagster loads the code location
MAY_READ_THE_ENVIRONMENT = (
    "streaming_worker/cli/",
    "arb_pipeline/definitions.py",
    "arb_pipeline/manifest.py",
    "arb_pipeline/partitions.py",
    "arb_pipeline/report/__main__.py",
)


def test_every_import_contract_is_kept(repository: Path) -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    result = subprocess.run([*command, "--no-cache"], cwd=repository, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 broken" in result.stdout


def test_no_file_is_longer_than_the_limit(project_files: tuple[Path, ...]) -> None:
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in project_files if path.suffix == ".py"}
    assert {str(path): length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_every_module_has_a_name_that_says_what_it_does(project_files: tuple[Path, ...]) -> None:
    named = [path for path in project_files if path.suffix == ".py" and path.stem in FORBIDDEN_MODULE_NAMES]
    named += [path for path in project_files if FORBIDDEN_MODULE_NAMES & set(path.parts)]
    assert named == []


def _modules(repository: Path, *packages: str) -> Iterator[tuple[str, ast.Module]]:
    for package in packages:
        for path in sorted((repository / package).rglob("*.py")):
            if "node_modules" in path.parts:  # what the console is built with
                continue
            yield path.relative_to(repository).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def test_every_module_says_why_it_exists(repository: Path) -> None:
    silent = [
        name for name, tree in _modules(repository, "streaming_worker", "arb_pipeline") if not ast.get_docstring(tree)
    ]
    assert silent == []


@pytest.mark.parametrize("room", DETERMINISTIC)
def test_the_deterministic_rooms_hold_no_float(repository: Path, room: str) -> None:
    found = []
    for name, tree in _modules(repository, f"streaming_worker/{room}"):
        for node in ast.walk(tree):
            is_literal = isinstance(node, ast.Constant) and isinstance(node.value, float)
            is_name = isinstance(node, ast.Name) and node.id == "float"
            is_division = isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)
            if is_literal or is_name or is_division:
                found.append(f"{name}:{node.lineno}")
    assert found == []


def test_only_the_edges_read_the_environment(repository: Path) -> None:
    found = []
    for name, tree in _modules(repository, "streaming_worker", "arb_pipeline"):
        reads = [n for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in ("environ", "getenv")]
        if any(isinstance(n.value, ast.Name) and n.value.id == "os" for n in reads):
            found.append(name)
    assert [name for name in found if not name.startswith(MAY_READ_THE_ENVIRONMENT)] == []


def test_only_the_supervisor_catches_everything(repository: Path) -> None:
    found = []
    for name, tree in _modules(repository, "streaming_worker", "arb_pipeline"):
        for node in ast.walk(tree):
            if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
                found.append(name)
    assert sorted(set(found)) == ["streaming_worker/service/capture.py"]
