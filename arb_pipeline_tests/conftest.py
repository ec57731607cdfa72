"""Fixtures that every room of the tests may use."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

REPOSITORY = Path(__file__).resolve().parent.parent
# What takes long to make and is shared by modules is made once: the tests that use it run on one worker of the runner.
SHARED = {"evening": "evening", "platform": "browser", "built": "dbt"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests that share something expensive into one group, each on one worker of the test runner.

    The runner reads the group behind the last @ of an id. It would write it there itself for a mark, into an attribute
    that this version of pytest no longer reads: every worker then makes everything.
    """
    if not config.getoption("loadgroup", False):
        return
    for item in items:
        group = group_of(item) if isinstance(item, pytest.Function) else None
        if group is not None and item.parent is not None:
            item._id = item.parent.id.child(f"{item.name}@{group}")


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
