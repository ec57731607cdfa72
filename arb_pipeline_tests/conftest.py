"""Fixtures that every room of the tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

REPOSITORY = Path(__file__).resolve().parent.parent
# What takes long to make and is shared by modules is made once: the tests that use it run on one worker of the runner.
SHARED = {"evening": "evening", "platform": "browser", "built": "dbt"}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that share something expensive into one group, before the test runner looks for groups."""
    for item in items:
        group = group_of(item) if isinstance(item, pytest.Function) else None
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


def group_of(item: pytest.Function) -> str | None:
    """Return what the test shares with others: one of the above, or what its module makes once."""
    shared = next((SHARED[name] for name in item.fixturenames if name in SHARED), None)
    made = item._fixtureinfo.name2fixturedefs.values()
    has_own = any(definitions[-1].scope == "module" for definitions in made)
    return shared or (item.path.stem if has_own else None)


@pytest.fixture(autouse=True)
def own_log() -> Iterator[None]:
    """Undo what a test set up for the log: a level set by a command would hide lines from the next test."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def repository() -> Path:
    """Return the folder that holds pyproject.toml."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Return the folder of real captures and vectors; skip where it is absent."""
    folder = Path(os.environ.get("ARB_SHARED_DIR", REPOSITORY.parent / "shared"))
    if not (folder / "captures").is_dir():
        pytest.skip(f"needs the recorded captures and vectors (ARB_SHARED_DIR), not found at {folder}")
    return folder
