"""Reports by hand: of a day, a week or any range, over the published file, sent once to each recipient."""

import json
import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from arb_pipeline.report.command import main
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import DAY, Evening
from streaming_worker.cli import run
from streaming_worker.operations.report import mailing


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server of this test's own."""
    with Mailbox() as box:
        yield box


@pytest.fixture
def environ(evening: Evening, box: Mailbox, tmp_path: Path) -> dict[str, str]:
    """A data folder with the evening's published file and manifest, and nothing sent yet."""
    source = evening.platform.settings.data_dir
    shutil.copytree(source / "published", tmp_path / "published")
    (tmp_path / "lake").mkdir()
    shutil.copy(source / "lake" / "manifest.sqlite", tmp_path / "lake")
    return {
        "ARB_DATA_DIR": str(tmp_path),
        "ARB_PORT_SMTP": str(box.port),
        "ARB_SMTP_RECIPIENTS": "desk@example.test,boss@example.test",
        "ARB_REPORT_CONSOLE_URL": "https://console.example.test/",
    }


def answer_of(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return what the program printed."""
    content = json.loads(capsys.readouterr().out)
    assert isinstance(content, dict)
    return content


def test_a_range_is_kept_and_sent_once_and_again_when_asked(
    environ: dict[str, str], box: Mailbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    days = ["--from", "2025-03-03", "--to", "2025-03-09"]
    assert main(days, environ) == 0
    assert answer_of(capsys)["sent_to"] == []
    folder = tmp_path / "reports" / "2025-03-03_2025-03-09"
    assert "https://console.example.test/opportunities?id=" in (folder / "report.html").read_text()
    assert main([*days, "--send"], environ) == 0
    assert answer_of(capsys)["sent_to"] == ["desk@example.test", "boss@example.test"]
    assert main([*days, "--send"], environ) == 0
    assert answer_of(capsys)["sent_to"] == []
    assert main([*days, "--resend", "--recipient", "boss@example.test"], environ) == 0
    assert len(box.mails) == 3
    assert str(box.mails[0]["Subject"]).startswith("Arbitrage report week 10 of 2025 (2025-03-03 to 2025-03-09): ")
    names = [part.get_filename() for part in box.mails[0].iter_attachments()]
    assert names == ["2025-03-03_2025-03-09-trades.csv", "2025-03-03_2025-03-09-report.xlsx"]


def test_a_refused_mail_is_a_finding_that_names_the_server(
    environ: dict[str, str], box: Mailbox, capsys: pytest.CaptureFixture[str]
) -> None:
    box.is_refusing = True
    assert main(["--from", DAY, "--send"], environ) == 1
    assert "try again later" in str(answer_of(capsys)["error"])


@pytest.mark.parametrize(
    "days", [["--from", "yesterday"], ["--from", "2025-03-02", "--to", "2025-03-01"], ["--from", "2025-02-30"]]
)
def test_days_that_are_none_are_refused(
    environ: dict[str, str], days: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(days, environ) == 2
    assert "expected days as in 2026-01-31" in capsys.readouterr().err


def test_without_a_published_file_there_is_no_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--from", DAY], {"ARB_DATA_DIR": str(tmp_path)}) == 3
    assert "nothing is published yet" in capsys.readouterr().err


def test_the_command_starts_it_and_says_what_was_done(
    environ: dict[str, str], box: Mailbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {**environ, "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", environ["ARB_DATA_DIR"])}.items():
        monkeypatch.setenv(name, value)
    assert run(["report", "--week", DAY, "--send", "--recipient", "boss@example.test"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("Arbitrage report week 10 of 2025 (2025-03-03 to 2025-03-09): ")
    assert lines[-1] == "sent to boss@example.test"
    assert len(box.mails) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "expected --from with or without --to, or --week"),
        (["--week", DAY, "--from", DAY], "expected --from with or without --to, or --week"),
        (["--from", "8.3.2025"], "expected a day as in 2026-01-31"),
    ],
)
def test_the_command_explains_what_it_takes(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["report", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_the_api_sends_by_the_same_program_and_to_nobody_twice(environ: dict[str, str], box: Mailbox) -> None:
    way = mailing({**os.environ, **environ})
    sent = way.send(date(2025, 3, 3), date(2025, 3, 9))
    assert (sent.error, len(box.mails)) == (None, 2)
    assert "sent to boss@example.test" in sent.lines
    assert "boss@example.test had it already" in way.send(date(2025, 3, 3), date(2025, 3, 9)).lines
    assert len(box.mails) == 2
