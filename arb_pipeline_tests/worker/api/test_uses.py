"""How much of each limit is used, from what the worker said last."""

from collections import deque
from typing import Any

import msgspec
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.api.reading.uses import uses
from streaming_worker.api.schemas.market import Link
from streaming_worker.core.outputs import RiskCause, RiskState
from streaming_worker.engine.settings import Limits
from streaming_worker.service.live import LiveRisk

ACTIVE = LiveRisk(
    state=RiskState.ACTIVE,
    cause=None,
    daily_net_usd_e8=0,
    open_usd_e8=0,
    cools_until_ns=0,
    pending_trades=0,
    limits=Limits(),
)


def used(api: Api, name: str) -> tuple[int, str] | None:
    found = uses(api.services.view, (), NOW_NS).get(name)
    return None if found is None else (found.value, found.what)


@pytest.fixture
def live(api: Api) -> Api:
    """Return an application whose worker is up."""
    api.services.view.link, api.services.view.risk = Link.UP, ACTIVE
    return api


def test_the_thinnest_of_the_newest_openings_is_held_against_the_threshold(live: Api) -> None:
    rows: list[dict[str, Any]] = [
        {"opening_net_edge_centibps": edge, "opening_notional_usd_e8": edge * 10} for edge in (900, 2_500, 4_000)
    ]
    live.services.view.rows["opportunity_openings"] = deque(rows)
    assert used(live, "threshold_bps") == (900, "thinnest edge of the newest openings")
    assert used(live, "max_position_usd") == (40_000, "largest of the newest openings")


def test_a_swap_that_gave_less_than_planned_uses_the_tolerance(live: Api) -> None:
    better = {"predicted_price_impact_usd_e8": -50, "realised_price_impact_usd_e8": -20}
    worse = {"predicted_price_impact_usd_e8": -50, "realised_price_impact_usd_e8": -150}
    rows = [one | {"predicted_notional_usd_e8": 300_000} for one in (better, worse)]
    live.services.view.rows["simulated_trades"] = deque([*rows, worse | {"predicted_notional_usd_e8": 0}])
    # 100 of 300,000 are 333.3 millionths, which count as 334
    assert used(live, "min_output_tolerance_bps") == (334, "largest shortfall of the newest swaps")


def test_the_later_of_queue_and_loop_counts(live: Api) -> None:
    live.services.view.metrics = {"queue_age": {"p99_ns": 7_000}, "loop_lateness": {"p99_ns": 9_000}}
    assert used(live, "max_late_ms") == (9_000, "99 % of events waited less in the worker")


@pytest.mark.parametrize(
    ("state", "cause", "healthy_since_ns", "expected"),
    [
        (RiskState.ACTIVE, None, NOW_NS - 700, (0, "no pause waits for it")),
        (RiskState.PAUSED, RiskCause.STALE_FEED.value, None, (0, "health so far of the pause")),
        (RiskState.PAUSED, RiskCause.STALE_FEED.value, NOW_NS - 700, (700, "health so far of the pause")),
        (RiskState.PAUSED, RiskCause.OPERATOR.value, NOW_NS - 700, (0, "no pause waits for it")),
    ],
)
def test_only_a_pause_that_ends_by_itself_waits_for_health(
    live: Api, state: RiskState, cause: str | None, healthy_since_ns: int | None, expected: tuple[int, str]
) -> None:
    live.services.view.risk = msgspec.structs.replace(
        ACTIVE, state=state, cause=cause, healthy_since_ns=healthy_since_ns
    )
    assert used(live, "resume_after_ms") == expected


def test_what_is_left_of_the_wait_after_a_resume_counts_down(live: Api) -> None:
    live.services.view.risk = msgspec.structs.replace(ACTIVE, cools_until_ns=NOW_NS + 400)
    assert used(live, "cooldown_ms") == (400, "what is left of the wait")


def test_nothing_is_known_of_a_worker_that_is_down(live: Api) -> None:
    live.services.view.link = Link.DOWN
    assert used(live, "resume_after_ms") is None
    assert used(live, "threshold_bps") is None
