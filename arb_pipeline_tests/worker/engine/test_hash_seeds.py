"""One digest whatever the interpreter, its hash seed, and however the events come in: order of sets reaches nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.interpreters import other_python, with_msgspec

WHOLE = 10**9
OTHERS = tuple(name for name in ("3.11", "3.12", "3.13") if name != f"{sys.version_info[0]}.{sys.version_info[1]}")


@pytest.fixture(scope="module")
def digest(repository: Path) -> str:
    """Return what a run with hash seed 0 in one piece prints."""
    return run(repository, seed="0", chunk=WHOLE)


def run(repository: Path, *, seed: str, chunk: int, python: str = sys.executable, packages: Path | None = None) -> str:
    """Fold fixed markets in a fresh interpreter, resumed from its own keyframe after each chunk."""
    path = str(repository) if packages is None else f"{repository}{os.pathsep}{packages}"
    done = subprocess.run(
        [python, "-m", "arb_pipeline_tests.fixtures.fold_digest", str(chunk)],
        env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=repository, capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_markets_are_worth_comparing(digest: str) -> None:
    routes, cycles = (line.split() for line in digest.splitlines())
    assert int(routes[2]) > 50
    assert int(cycles[2]) > 10


@pytest.mark.parametrize(("seed", "chunk"), [("0", WHOLE), ("1", WHOLE), ("4294967295", 97), ("12345", 200), ("7", 1)])
def test_hash_seeds_and_chunk_sizes_do_not_change_the_digest(
    repository: Path, digest: str, seed: str, chunk: int
) -> None:
    assert run(repository, seed=seed, chunk=chunk) == digest


@pytest.mark.parametrize("other", OTHERS)
def test_another_python_gives_the_same_digest(repository: Path, digest: str, other: str, tmp_path: Path) -> None:
    python = other_python(other)
    packages = with_msgspec(python, tmp_path / "packages")
    assert run(repository, seed="3", chunk=97, python=python, packages=packages) == digest
