"""One captured evening, worked once by the real jobs; tests that break something get their own copy of it."""

import shutil
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import duckdb
import pytest

from arb_pipeline.report.document import ReportDocument, make_report
from arb_pipeline.report.period import Period
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import (
    DAY,
    FIRST,
    LAST,
    LINKS,
    MONDAY,
    STRETCH,
    Evening,
    Platform,
    platform_at,
)
from arb_pipeline_tests.fixtures.recorded import capture


@pytest.fixture(scope="session")
def mailbox() -> Iterator[Mailbox]:
    """A real SMTP server on a free port of loopback."""
    with Mailbox() as box:
        yield box


@pytest.fixture(scope="session")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with sealed segments and nothing else."""
    folder = tmp_path_factory.mktemp("captured")
    capture(folder, STRETCH)
    return folder


@pytest.fixture(scope="session")
def evening(captured: Path, mailbox: Mailbox, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evening]:
    """Compaction, hours and reports by the real jobs over a copy of the captured folder."""
    folder = tmp_path_factory.mktemp("evening") / "data"
    shutil.copytree(captured, folder)
    platform = platform_at(folder, home=folder.parent / "home", smtp_port=mailbox.port)
    with platform.instance:
        compaction = platform.compact()
        hours = platform.work(FIRST, LAST)
        report = platform.run("send_daily_report", partition_key=DAY)
        weekly = platform.run("send_weekly_report", partition_key=MONDAY)
        yield Evening(platform, compaction, hours, report, weekly)


@pytest.fixture
def compacted(evening: Evening, tmp_path: Path) -> Iterator[Platform]:
    """A copy of the worked evening that a test may damage; mail goes nowhere."""
    folder = tmp_path / "data"
    for name in ("lake", "segments"):
        shutil.copytree(evening.platform.settings.data_dir / name, folder / name)
    platform = platform_at(folder)
    with platform.instance:
        yield platform


@pytest.fixture
def published(evening: Evening) -> Iterator[duckdb.DuckDBPyConnection]:
    """The evening's published file, open for reading."""
    with duckdb.connect(str(evening.platform.settings.published), read_only=True) as connection:
        yield connection


@pytest.fixture
def report(published: duckdb.DuckDBPyConnection) -> ReportDocument:
    """The report of the evening."""
    return make_report(published, Period.of_day(DAY), LINKS, is_final=True)


@pytest.fixture
def mail(evening: Evening, mailbox: Mailbox) -> EmailMessage:
    """The mail as it arrived."""
    assert evening.report.success
    return next(mail for mail in mailbox.to("desk@example.test") if DAY in mail["Subject"])
