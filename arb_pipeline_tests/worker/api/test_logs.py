"""Operators read the programs' own lines, newest first, by level and program, and never a secret."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from arb_pipeline_tests.fixtures.api import Api
from streaming_worker.api.identity.roles import Role
from streaming_worker.service.log import configure


@pytest.fixture
def root_logging() -> Iterator[None]:
    """Put the root logger back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def write_lines(folder: Path) -> None:
    """Log as the worker does under the supervisor, then a line that is none of ours."""
    folder.mkdir(parents=True)
    with (folder / "worker.log").open("w", encoding="utf-8") as log:
        configure(level="DEBUG", form="json", stream=log)
        lines = structlog.get_logger("capture")
        lines.info("feed_connected", feed="gemini")
        lines.warning("feed_lost", feed="coinbase", url="https://user:hunter2@host/x?api_key=abcdef0123456789")
        lines.debug("frame", size=12)
    (folder / "dagster.log").write_text("Serving on http://127.0.0.1:3000 in process 7\n", encoding="utf-8")


async def test_lines_come_back_as_they_were_written_without_their_secrets(api: Api, root_logging: None) -> None:
    write_lines(api.services.config.paths.logs)
    async with api.client(token=api.token(Role.OPERATOR)) as client:
        everything = (await client.get("/api/v1/logs", params={"level": "debug"})).json()["items"]
        warnings = (await client.get("/api/v1/logs", params={"level": "warning"})).json()["items"]
        of_dagster = (await client.get("/api/v1/logs", params={"program": "dagster"})).json()["items"]
    assert [(line["program"], line["event"], line["level"]) for line in everything] == [
        ("worker", "frame", "debug"),
        ("worker", "feed_lost", "warning"),
        ("worker", "feed_connected", "info"),
        ("dagster", "Serving on http://127.0.0.1:3000 in process 7", "info"),
    ]
    (lost,) = warnings
    assert lost["fields"]["feed"] == "coinbase"
    assert "hunter2" not in str(everything)
    assert "abcdef0123456789" not in str(everything)
    assert lost["at"].endswith("Z")
    assert [line["program"] for line in of_dagster] == ["dagster"]


async def test_a_viewer_reads_no_lines(api: Api) -> None:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        assert (await client.get("/api/v1/logs")).status_code == 403
