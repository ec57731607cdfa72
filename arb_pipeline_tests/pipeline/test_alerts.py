"""Mails about trouble: one per change that lasts, naming the reason; a failed run names its step and error."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from arb_pipeline.clock import now_ns
from arb_pipeline.mail import SmtpServer, text_mail
from arb_pipeline.resources import WorkerHealth
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import Platform, platform_at
from arb_pipeline_tests.pipeline.test_sensors import tick
from streaming_worker.core.units import NANOS_PER_SECOND


@pytest.fixture
def box() -> Iterator[Mailbox]:
    """A mail server of this test's own."""
    with Mailbox() as box:
        yield box


@pytest.fixture
def watched(tmp_path: Path, box: Mailbox) -> Iterator[Platform]:
    """A platform whose worker writes its health by hand."""
    platform = platform_at(tmp_path, smtp_port=box.port)
    platform.settings.state.mkdir()
    with platform.instance:
        yield platform


def say(platform: Platform, status: str, *why: str, age_s: int = 0) -> None:
    """Write a worker's health."""
    content = {"status": status, "why": list(why), "at_ns": now_ns() - age_s * NANOS_PER_SECOND}
    (platform.settings.state / "main-health.json").write_text(json.dumps(content))


def ticks(platform: Platform, count: int, cursor: str | None = None) -> str:
    """Evaluate the staleness sensor some times; return its cursor."""
    for _ in range(count):
        data = tick(platform, "worker_staleness", cursor)
        cursor = data.cursor
    assert cursor is not None
    return cursor


def test_a_healthy_worker_is_worth_no_mail(watched: Platform, box: Mailbox) -> None:
    say(watched, "ok")
    ticks(watched, 3)
    assert box.mails == []


def test_trouble_that_lasts_is_told_once_with_its_reason_and_its_end(watched: Platform, box: Mailbox) -> None:
    say(watched, "degraded", "gemini: lost, close code 1006")
    cursor = ticks(watched, 4)
    (mail,) = box.mails
    assert mail["Subject"] == "[arb] worker main is degraded"
    assert "gemini: lost, close code 1006" in mail.get_content()
    say(watched, "ok")
    ticks(watched, 3, cursor)
    assert [mail["Subject"] for mail in box.mails][1:] == ["[arb] worker main is ok"]


def test_a_reconnect_between_two_ticks_is_not_told(watched: Platform, box: Mailbox) -> None:
    say(watched, "ok")
    cursor = ticks(watched, 1)
    say(watched, "degraded", "coinbase: lost")
    cursor = ticks(watched, 1, cursor)
    say(watched, "ok")
    ticks(watched, 2, cursor)
    assert box.mails == []


def test_a_worker_that_says_nothing_any_more_is_silent(watched: Platform, box: Mailbox) -> None:
    say(watched, "ok", age_s=45)
    ticks(watched, 2)
    (mail,) = box.mails
    assert mail["Subject"] == "[arb] worker main is silent"


def test_a_health_file_that_cannot_be_read_is_trouble(watched: Platform, box: Mailbox) -> None:
    (watched.settings.state / "main-health.json").write_text("{half")
    ticks(watched, 2)
    assert "cannot be read" in box.mails[0].get_content()


def test_a_mail_that_was_refused_is_sent_by_the_next_tick(watched: Platform, box: Mailbox) -> None:
    say(watched, "down", "no feed is alive")
    cursor = ticks(watched, 1)
    box.is_refusing = True
    with pytest.raises(Exception, match="did not take the mail"):
        tick(watched, "worker_staleness", cursor)
    box.is_refusing = False
    ticks(watched, 1, cursor)
    assert len(box.mails) == 1


def test_readings_name_every_worker(tmp_path: Path) -> None:
    for worker in ("b", "a"):
        (tmp_path / f"{worker}-health.json").write_text('{"status": "ok", "why": [], "at_ns": 1000000000}')
    readings = WorkerHealth(state_dir=str(tmp_path)).readings(now_ns=3_000_000_000)
    assert [(reading.worker, reading.age_seconds) for reading in readings] == [("a", 2.0), ("b", 2.0)]


def test_a_failed_run_names_its_step_and_error(watched: Platform, box: Mailbox) -> None:
    @dg.op
    def sums() -> None:
        raise dg.Failure("two and two are five")

    @dg.job
    def arithmetic() -> None:
        sums()

    result = arithmetic.execute_in_process(instance=watched.instance, raise_on_error=False)
    sensor = watched.definitions.get_repository_def().get_sensor_def("run_failure_mail")
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_instance=watched.instance,
        dagster_run=result.dagster_run,
        dagster_event=result.get_run_failure_event(),
        resources={"mailer": watched.definitions.resources["mailer"]},
    ).for_run_failure()
    sensor(context)
    (mail,) = box.mails
    assert mail["Subject"] == "[arb] run of arithmetic failed"
    assert "- sums: " in mail.get_content()
    assert "two and two are five" in mail.get_content()
    assert result.run_id in mail.get_content()


def test_a_subject_is_one_line_whatever_it_was_made_of(box: Mailbox) -> None:
    mail = text_mail(
        sender="a@example.test", recipients=["b@example.test"], subject="x\r\nBcc: c@example.test", text="é"
    )
    SmtpServer(host="127.0.0.1", port=box.port).send(mail)
    (received,) = box.mails
    assert received["Subject"] == "x Bcc: c@example.test"
    assert received["Bcc"] is None
    assert received.get_content().strip() == "é"
