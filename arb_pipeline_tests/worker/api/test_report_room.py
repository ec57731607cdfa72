"""Reports sent by hand: once for each order, audited from beginning to end; and what changed since one was here."""

import threading
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api, make_api
from arb_pipeline_tests.fixtures.scripted_venue import until
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.report_room import Mailing, Sent
from streaming_worker.api.schemas.base import moment, usd
from streaming_worker.errors import ConfigError, OperationError
from streaming_worker.operations.report import mailing
from streaming_worker.storage.record_reader import open_record

ORDER = {"send_id": "console-1", "first": "2026-01-01", "last": "2026-01-31"}


class PostOffice:
    """Where reports go out; holds them back until it may go."""

    def __init__(self) -> None:
        self.may_go = threading.Event()
        self.orders: list[tuple[date, date]] = []
        self.answer: Sent | OperationError = Sent(("sent to boss@example.com",), None)

    def __call__(self, first: date, last: date) -> Sent:
        self.orders.append((first, last))
        assert self.may_go.wait(30)
        if isinstance(self.answer, OperationError):
            raise self.answer
        return self.answer


@pytest.fixture
def office() -> PostOffice:
    return PostOffice()


@pytest.fixture
def sending(tmp_path: Path, office: PostOffice) -> Iterator[Api]:
    """Return an application that can send reports."""
    made = make_api(tmp_path / "data", mailing=Mailing(office, "06:30", "America/New_York"))
    yield made
    made.close()


async def sent(api: Api, role: Role, method: str, path: str, **options: Any) -> tuple[int, Any]:
    async with api.client(token=api.token(role)) as client:
        answer = await client.request(method, f"/api/v1/{path}", **options)
    return answer.status_code, answer.json()


def statuses(api: Api) -> list[str]:
    return [one.status for one in api.services.report_room.newest()]


def audited(api: Api) -> list[tuple[str, str]]:
    with api.services.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT action, outcome FROM audit ORDER BY seq").all()
    return [(row[0], row[1]) for row in rows]


async def test_an_order_is_carried_out_once_however_often_it_is_given(sending: Api, office: PostOffice) -> None:
    first = await sent(sending, Role.OPERATOR, "POST", "reports/send", json=ORDER)
    again = await sent(sending, Role.ADMIN, "POST", "reports/send", json=ORDER)
    assert (first[0], first[1]["status"]) == (again[0], again[1]["status"]) == (202, "running")
    assert again[1]["actor"] == "operator"
    office.may_go.set()
    await until(lambda: statuses(sending) == ["done"], "the report is sent")
    assert office.orders == [(date(2026, 1, 1), date(2026, 1, 31))]
    _, schedule = await sent(sending, Role.VIEWER, "GET", "reports/schedule")
    (order,) = schedule["sends"]
    assert (order["detail"], order["first"], order["last"]) == ("sent to boss@example.com", "2026-01-01", "2026-01-31")
    assert audited(sending) == [("report.send", "done"), ("report.sent", "done")]


async def test_the_next_report_is_due_by_the_schedules_own_zone(sending: Api) -> None:
    _, schedule = await sent(sending, Role.VIEWER, "GET", "reports/schedule")
    assert (schedule["time"], schedule["timezone"], schedule["may_send"]) == ("06:30", "America/New_York", True)
    # New York is four hours behind in September.
    assert schedule["next_at"].endswith("T10:30:00.000000Z")
    assert moment(NOW_NS) < schedule["next_at"] < moment(NOW_NS + 24 * 3600 * 10**9)
    assert schedule["next_week_at"] >= schedule["next_at"]


@pytest.mark.parametrize("answer", [Sent(("kept",), "the server refused boss@example.com"), OperationError("not made")])
async def test_what_was_refused_is_told(sending: Api, office: PostOffice, answer: Sent | OperationError) -> None:
    office.answer = answer
    office.may_go.set()
    await sent(sending, Role.OPERATOR, "POST", "reports/send", json=ORDER)
    await until(lambda: statuses(sending) == ["failed"], "the failure is known")
    (order,) = sending.services.report_room.newest()
    assert order.detail in ("kept; the server refused boss@example.com", "not made")
    assert audited(sending)[-1] == ("report.sent", "failed")


async def test_an_order_whose_program_ended_is_lost_and_not_running_for_ever(sending: Api, office: PostOffice) -> None:
    await sent(sending, Role.OPERATOR, "POST", "reports/send", json=ORDER)
    sending.clock.advance(21 * 60)
    assert statuses(sending) == ["lost"]
    office.may_go.set()
    await until(lambda: statuses(sending) == ["done"], "it ended after all")


@pytest.mark.parametrize(
    "change", [{"first": "2026-02-01"}, {"first": "2025-01-01"}, {"last": "2026-02-30"}, {"send_id": "x"}]
)
async def test_days_that_make_no_report_are_refused(sending: Api, change: dict[str, str]) -> None:
    assert (await sent(sending, Role.OPERATOR, "POST", "reports/send", json=ORDER | change))[0] == 422
    assert (audited(sending), statuses(sending)) == ([], [])


async def test_without_a_way_to_send_it_says_so(api: Api) -> None:
    status, error = await sent(api, Role.OPERATOR, "POST", "reports/send", json=ORDER)
    assert (status, error["error"]["code"]) == (503, "no_reports")
    _, schedule = await sent(api, Role.VIEWER, "GET", "reports/schedule")
    assert (schedule["may_send"], schedule["next_at"], schedule["next_week_at"]) == (False, None, None)


@pytest.mark.parametrize("environ", [{"ARB_REPORT_TIME": "25:00"}, {"ARB_REPORT_TIMEZONE": "Mars/Olympus"}])
def test_a_schedule_that_is_none_is_refused_by_name(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match=next(iter(environ))):
        mailing(environ)


async def test_a_visit_ends_with_half_an_hour_of_silence(api: Api) -> None:
    async def left(role: Role) -> str | None:
        return (await sent(api, role, "POST", "visit"))[1]["left_at"]  # type: ignore[no-any-return]  # JSON

    assert await left(Role.VIEWER) is None
    api.clock.advance(10 * 60)
    assert await left(Role.VIEWER) is None
    last_seen = moment(api.clock.now_ns())
    api.clock.advance(45 * 60)
    assert await left(Role.VIEWER) == last_seen
    api.clock.advance(60)
    assert await left(Role.VIEWER) == last_seen
    assert await left(Role.OPERATOR) is None


async def test_what_changed_since_then_is_counted_over_the_record(reading: Api, record_dir: Path) -> None:
    with open_record(record_dir) as record:
        times = [at for (at,) in record.rows("SELECT received_ns FROM opportunities ORDER BY received_ns")]
        since = times[1]
        ((trades, net),) = record.rows(
            "SELECT count(*), coalesce(sum(realised_net_usd_e8), 0)::BIGINT FROM simulated_trades "
            f"WHERE received_ns >= {since} AND latency_ns = 250000000"
        )
        ((gaps,),) = record.rows(f"SELECT count(*) FROM gaps WHERE received_ns >= {since}")
    _, found = await sent(reading, Role.VIEWER, "GET", "changes", params={"from": moment(since)})
    assert (found["opportunities"], found["trades"], found["gaps"]) == (len(times) - 1, trades, gaps)
    assert found["realised_net_usd"] == usd(net)
    assert 0 <= found["real"] <= found["opportunities"]
    status, _ = await sent(reading, Role.VIEWER, "GET", "changes", params={"from": "2190-01-01"})
    assert status == 422


@pytest.mark.parametrize(
    ("now", "day", "week"),
    [
        ("2026-03-07T12:00:00+00:00", "2026-03-08T10:30:00+00:00", "2026-03-09T10:30:00+00:00"),  # summer time begins
        ("2026-10-31T12:00:00+00:00", "2026-11-01T11:30:00+00:00", "2026-11-02T11:30:00+00:00"),  # and ends
        ("2026-06-01T10:29:59+00:00", "2026-06-01T10:30:00+00:00", "2026-06-01T10:30:00+00:00"),
        ("2026-06-01T10:30:00+00:00", "2026-06-02T10:30:00+00:00", "2026-06-08T10:30:00+00:00"),
    ],
)
def test_day_and_week_are_due_at_the_same_local_time(office: PostOffice, now: str, day: str, week: str) -> None:
    now_ns, day_ns, week_ns = (int(datetime.fromisoformat(text).timestamp()) * 10**9 for text in (now, day, week))
    leaving = Mailing(office, "06:30", "America/New_York")
    assert (leaving.next_ns(now_ns), leaving.next_week_ns(now_ns)) == (day_ns, week_ns)
