"""An application for each test, and one record for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api, make_api
from arb_pipeline_tests.fixtures.recorded import Stretch, capture
from streaming_worker.adapters.clock import HandClock

RECORD_SECONDS = 45 * 60


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """Return an application over an empty folder."""
    made = make_api(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture(scope="session")
def record_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with three quarters of an hour of a hand-made market, which ends a minute before now."""
    folder = tmp_path_factory.mktemp("api-record")
    start_ns = NOW_NS - (RECORD_SECONDS + 60) * 10**9
    capture(folder, Stretch(start_ns=start_ns, seconds=RECORD_SECONDS))
    return folder


@pytest.fixture
def reading(record_dir: Path, tmp_path: Path) -> Iterator[Api]:
    """Return an application over the record, with a database of its own."""
    made = make_api(record_dir, state_dir=tmp_path, clock=HandClock(NOW_NS))
    yield made
    made.close()
