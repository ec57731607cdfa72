"""Rows of the newest minutes straight from the worker's stream, in the shapes of the lists."""

import hashlib
from collections.abc import Collection

from streaming_worker.api.reading import shaping
from streaming_worker.api.reading.markets import Markets
from streaming_worker.api.schemas.trading import Opportunity, Rejection, Trade
from streaming_worker.api.worker_link import Row, WorkerView

MOST = 100
_UNGRADED = dict.fromkeys(
    ("grade", "reach_ns", "kept_millionths", "captured_rungs", "failed_rungs", "rungs", "reconciliation")
)


def opportunities(view: WorkerView, markets: Markets, only: Collection[str] | None = None) -> list[Opportunity]:
    """Return closed episodes, newest first: the newest, or those with the given ids."""
    rows = [row for row in reversed(view.recent("opportunities")) if only is None or row["opportunity_id"] in only]
    grades = {row["opportunity_id"]: row for row in view.recent("episode_grades")}
    primary = {
        row["opportunity_id"]: row["realised_net_usd_e8"]
        for row in view.recent("simulated_trades")
        if row["latency_ns"] == markets.primary_ns and row["latency_model"] == "fixed"
    }
    return [
        shaping.closed_opportunity(
            {
                **row,
                **_UNGRADED,
                **_grade(grades.get(row["opportunity_id"])),
                "primary_net_usd_e8": primary.get(row["opportunity_id"]),
            },
            markets,
        )
        for row in rows[:MOST]
    ]


def open_opportunities(view: WorkerView, markets: Markets, now_ns: int) -> list[Opportunity]:
    """Return the episodes that are open now, newest first."""
    if not view.is_up:
        return []
    openings, worker, run_id = _openings(view), view.worker or "", view.run_id or ""
    return [
        shaping.open_opportunity(
            one, markets, worker=worker, run_id=run_id, now_ns=now_ns, opening=openings.get(one.opportunity_id)
        )
        for one in sorted(view.episodes, key=lambda one: (-one.opened_ns, one.opportunity_id))
    ]


def _openings(view: WorkerView) -> dict[str, Row]:
    """Return the openings of what is open now; one from before the stream's memory is missing."""
    wanted, found = {one.opportunity_id for one in view.episodes}, dict[str, Row]()
    for row in reversed(view.rows.get("opportunity_openings", ())):
        if len(found) == len(wanted):
            break
        if row["opportunity_id"] in wanted:
            found[row["opportunity_id"]] = row
    return found


def trades(view: WorkerView, markets: Markets, only: Collection[str] | None = None) -> list[Trade]:
    """Return simulated trades, newest first."""
    rows = [row for row in reversed(view.recent("simulated_trades")) if only is None or row["trade_id"] in only][:MOST]
    wanted = {row["trade_id"] for row in rows}
    legs: dict[str, list[Row]] = {}
    for leg in view.recent("simulated_legs"):
        if leg["trade_id"] in wanted:
            legs.setdefault(leg["trade_id"], []).append(leg)
    grades = {row["opportunity_id"]: row["grade"] for row in view.recent("episode_grades")}
    return [
        shaping.trade(
            row
            | {
                "leg_statuses": [leg["status"] for leg in legs.get(row["trade_id"], [])],
                "leg_kinds": [leg["kind"] for leg in legs.get(row["trade_id"], [])],
                "grade": grades.get(row["opportunity_id"]),
            },
            markets,
        )
        for row in rows
    ]


def rejections(view: WorkerView, markets: Markets, after_seq: int = -1) -> list[Rejection]:
    """Return refusals, newest first."""
    rows = [row for row in reversed(view.recent("rejections")) if row["seq"] > after_seq]
    return [shaping.rejection(row | {"id": rejection_id(row)}, markets) for row in rows[:MOST]]


def rejection_id(row: Row) -> str:
    """Return the id that the record's query gives the row."""
    route = hashlib.md5(f"{row['instrument']}{row['pool']}{row['direction']}".encode(), usedforsecurity=False)
    return f"{row['run_id']}-{row['seq']}-{row['reason']}-{route.hexdigest()[:8]}"


def _grade(row: Row | None) -> Row:
    return {} if row is None else {name: row[name] for name in _UNGRADED if name in row}
