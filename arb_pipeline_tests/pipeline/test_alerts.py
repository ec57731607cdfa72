"""Alerts out of Dagster: one per trouble that lasts, with its reason; resolved when it is over, and retried."""

import json
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange

from arb_pipeline.clock import now_ns
from arb_pipeline.resources import WorkerHealth
from arb_pipeline.watch.instance import stale_assets
from arb_pipeline_tests.fixtures.mailbox import Mailbox
from arb_pipeline_tests.fixtures.platform import Platform, platform_at
from arb_pipeline_tests.pipeline.test_sensors import tick
from streaming_worker.alerts import AlertHistory
from streaming_worker.alerts.heartbeat import read_heartbeat
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


def say(
    platform: Platform, status: str, *why: str, age_s: int = 0, risk: str = "active", cause: str | None = None,
    net: str = "12.5",
) -> None:  # fmt: skip
    """Write a worker's health."""
    content = {
        "status": status,
        "why": list(why),
        "at_ns": now_ns() - age_s * NANOS_PER_SECOND,
        "risk": {"state": risk, "cause": cause, "daily_net_usd": net},
    }
    (platform.settings.state / "main-health.json").write_text(json.dumps(content))


def ticks(platform: Platform, count: int, cursor: str | None = None) -> str:
    """Evaluate the platform's sensor some times; return its cursor."""
    for _ in range(count):
        data = tick(platform, "platform_alerts", cursor)
        cursor = data.cursor
    assert cursor is not None
    return cursor


def history_of(platform: Platform) -> AlertHistory:
    """Return what was raised."""
    return AlertHistory(platform.settings.state / "alerts.db")


def subjects(box: Mailbox) -> list[str]:
    """Return what was told, without the mark of the platform."""
    return [str(mail["Subject"]).removeprefix("[arb] ") for mail in box.mails]


def text_of(box: Mailbox, index: int = 0) -> str:
    """Return the plain text of a mail."""
    body = box.mails[index].get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_healthy_worker_is_worth_no_alert_and_every_tick_is_a_sign_of_life(watched: Platform, box: Mailbox) -> None:
    say(watched, "ok")
    before_ns = now_ns()
    ticks(watched, 3)
    assert box.mails == []
    beat_ns = read_heartbeat(watched.settings.state)
    assert beat_ns is not None
    assert beat_ns >= before_ns


def test_trouble_that_lasts_is_told_once_with_its_reason_and_its_end(watched: Platform, box: Mailbox) -> None:
    say(watched, "degraded", "gemini: lost, close code 1006")
    cursor = ticks(watched, 4)
    assert subjects(box) == ["WARNING: worker main is degraded"]
    assert "gemini: lost, close code 1006" in text_of(box)
    assert "RUNBOOK.md#worker_state" in text_of(box)
    say(watched, "ok")
    ticks(watched, 3, cursor)
    assert subjects(box)[1:] == ["RESOLVED: worker main is degraded"]


def test_a_reconnect_between_two_ticks_is_not_told(watched: Platform, box: Mailbox) -> None:
    say(watched, "ok")
    cursor = ticks(watched, 1)
    say(watched, "degraded", "coinbase: lost")
    cursor = ticks(watched, 1, cursor)
    say(watched, "ok")
    ticks(watched, 2, cursor)
    assert box.mails == []


@pytest.mark.parametrize(("status", "age_s", "title"), [("ok", 45, "silent"), ("down", 0, "down")])
def test_a_worker_that_captures_nothing_is_critical(
    watched: Platform, box: Mailbox, status: str, age_s: int, title: str
) -> None:
    say(watched, status, age_s=age_s)
    ticks(watched, 2)
    assert subjects(box) == [f"CRITICAL: worker main is {title}"]


def test_a_health_file_that_cannot_be_read_is_trouble(watched: Platform, box: Mailbox) -> None:
    (watched.settings.state / "main-health.json").write_text("{half")
    ticks(watched, 2)
    assert "cannot be read" in text_of(box)


@pytest.mark.parametrize(
    ("risk", "cause", "expected"),
    [
        ("paused", "stale_feed", "WARNING: worker main is paused: stale feed"),
        ("paused", "operator", "INFO: worker main is paused: operator"),
        ("killed", "daily_loss", "CRITICAL: worker main is killed: daily loss"),
    ],
)
def test_a_pause_and_a_kill_are_told_by_what_they_mean(
    watched: Platform, box: Mailbox, risk: str, cause: str, expected: str
) -> None:
    say(watched, "ok", risk=risk, cause=cause)
    cursor = ticks(watched, 3)
    assert subjects(box) == [expected]
    say(watched, "ok")
    ticks(watched, 2, cursor)
    assert subjects(box)[1].startswith("RESOLVED: worker main is ")


@pytest.mark.parametrize(("net", "is_told"), [("-399.99", False), ("-400", True), ("-512.25", True), ("400", False)])
def test_a_day_that_nears_its_loss_limit_is_told_before_the_kill(
    watched: Platform, box: Mailbox, net: str, is_told: bool
) -> None:
    say(watched, "ok", net=net)
    ticks(watched, 2)
    assert [subject.startswith("WARNING: worker main has lost ") for subject in subjects(box)] == [True] * is_told
    if is_told:
        assert "of 500.00 USD today" in subjects(box)[0]


def test_a_broken_mail_server_is_visible_and_what_it_refused_is_sent_later(watched: Platform, box: Mailbox) -> None:
    box.is_refusing = True
    say(watched, "down", "no feed is alive")
    cursor = ticks(watched, 1)
    data = tick(watched, "platform_alerts", cursor)
    assert "1 messages wait or are given up" in str(data.skip_message)
    assert "did not take the mail" in str(data.skip_message)
    ((channel, messages, error),) = history_of(watched).unsent()
    assert (channel, messages) == ("mail", 1)
    assert "try again later" in error
    box.is_refusing = False
    (row,) = history_of(watched).recent()
    assert row.deliveries[0].status == "waiting"
    assert row.deliveries[0].due_ns > now_ns()


def test_a_disk_without_room_is_told(watched: Platform, box: Mailbox) -> None:
    lacking = platform_at(
        watched.settings.data_dir, smtp_port=box.port, ARB_DISK_WARN_FREE_MB="1000000000",
        ARB_DISK_RAW_FRAMES_FREE_MB="0", ARB_DISK_CAPTURE_FREE_MB="0",
    )  # fmt: skip
    with lacking.instance:
        ticks(lacking, 1)
    assert subjects(box)[0].endswith("MB are left for the record")
    ticks(watched, 1)
    assert subjects(box)[1].startswith("RESOLVED: ")


def test_readings_name_every_worker(tmp_path: Path) -> None:
    for worker in ("b", "a"):
        (tmp_path / f"{worker}-health.json").write_text('{"status": "ok", "why": [], "at_ns": 1000000000}')
    readings = WorkerHealth(state_dir=str(tmp_path)).readings(now_ns=3_000_000_000)
    assert [(reading.worker, reading.age_seconds) for reading in readings] == [("a", 2.0), ("b", 2.0)]


@dg.op(config_schema={"is_wrong": bool})
def sums(context: dg.OpExecutionContext) -> None:
    """Fail where told to."""
    if context.op_config["is_wrong"]:
        raise dg.Failure("two and two are five")


@dg.job
def arithmetic() -> None:
    """One step."""
    sums()


def run_arithmetic(platform: Platform, *, is_wrong: bool) -> dg.ExecuteInProcessResult:
    """Run the job, and hand its end to the sensor that watches for it."""
    result = arithmetic.execute_in_process(
        instance=platform.instance,
        raise_on_error=False,
        run_config={"ops": {"sums": {"config": {"is_wrong": is_wrong}}}},
    )
    name = "run_failure_alert" if is_wrong else "run_success_resolves"
    sensor = platform.definitions.get_repository_def().get_sensor_def(name)
    event = result.get_run_failure_event() if is_wrong else result.get_run_success_event()
    context = dg.build_run_status_sensor_context(
        sensor_name=name, dagster_instance=platform.instance, dagster_run=result.dagster_run, dagster_event=event
    )
    sensor(context.for_run_failure() if is_wrong else context)
    return result


def test_a_failed_run_names_its_step_and_error_and_the_next_good_one_ends_it(watched: Platform, box: Mailbox) -> None:
    result = run_arithmetic(watched, is_wrong=True)
    assert subjects(box) == ["WARNING: run of arithmetic failed"]
    for expected in ("- sums: ", "two and two are five", result.run_id):
        assert expected in text_of(box)
    run_arithmetic(watched, is_wrong=True)
    assert len(box.mails) == 1
    assert history_of(watched).recent()[0].seen_count == 2
    good = run_arithmetic(watched, is_wrong=False)
    ticks(watched, 1)
    assert subjects(box)[1:] == ["RESOLVED: run of arithmetic failed"]
    assert f"run {good.run_id} succeeded" in text_of(box, 1)


def check_says(platform: Platform, *, passed: bool) -> None:
    """Let the check of a lake table find something, or nothing."""
    platform.instance.report_runless_asset_event(
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(["lake", "book_updates"]),
            check_name="rows_verified",
            passed=passed,
            severity=dg.AssetCheckSeverity.ERROR,
            description="3 rows are missing",
            blocking=True,
        )
    )


def test_a_failed_check_is_told_with_its_words_until_it_passes_again(watched: Platform, box: Mailbox) -> None:
    tick(watched, "pipeline_alerts")
    ticks(watched, 1)
    assert box.mails == []
    check_says(watched, passed=False)
    tick(watched, "pipeline_alerts")
    ticks(watched, 1)
    assert subjects(box) == ["CRITICAL: lake/book_updates: rows_verified failed"]
    assert "3 rows are missing" in text_of(box)
    assert "/assets/lake/book_updates?view=checks" in text_of(box)
    check_says(watched, passed=True)
    tick(watched, "pipeline_alerts")
    ticks(watched, 1)
    assert subjects(box)[1:] == ["RESOLVED: lake/book_updates: rows_verified failed"]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (FreshnessState.PASS, []),
        (FreshnessState.WARN, [("info", "lake/gaps is getting old")]),
        (FreshnessState.FAIL, [("warning", "lake/gaps is too old")]),
    ],
)
def test_an_asset_that_misses_its_freshness_policy_is_an_alert(
    watched: Platform, state: FreshnessState, expected: list[tuple[str, str]]
) -> None:
    key = dg.AssetKey(["lake", "gaps"])
    watched.instance.report_runless_asset_event(
        FreshnessStateChange(
            key=key, previous_state=FreshnessState.UNKNOWN, new_state=state, state_change_timestamp=1.0
        )
    )
    alerts = stale_assets(watched.instance, [key], url="http://127.0.0.1:3000")
    assert [(alert.severity.value, alert.title) for alert in alerts] == expected
