"""Lists, totals and exports are the record, whole and exact, whichever way one asks."""

import csv
import io
import json
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.api.export import flat, safe
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.schemas.base import moment, usd
from streaming_worker.api.schemas.market import Link
from streaming_worker.api.schemas.trading import Trade
from streaming_worker.service.live import LiveEpisode
from streaming_worker.storage.record_reader import open_record

PRIMARY_NS = 250_000_000


async def got(api: Api, path: str, **params: Any) -> Any:
    async with api.client(token=api.token(Role.ADMIN)) as client:
        answer = await client.get(f"/api/v1/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def sql(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with open_record(folder) as record:
        return record.rows(query)


async def every_page(api: Api, path: str, **params: Any) -> list[dict[str, Any]]:
    rows, cursor = [], None
    while True:
        page = await got(api, path, **params, **({} if cursor is None else {"cursor": cursor}))
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            assert page["total"] == len(rows)
            return rows


async def test_opportunities_are_those_of_the_record(reading: Api, record_dir: Path) -> None:
    rows = await every_page(reading, "opportunities", limit=2)
    kept = sql(
        record_dir,
        "SELECT opportunity_id, opened_ns, opening_net_usd_e8, grade FROM opportunities "
        "LEFT JOIN episode_grades USING (run_id, opportunity_id) ORDER BY opened_ns DESC, opportunity_id DESC",
    )
    assert len(kept) >= 4
    assert [(row["id"], int(row["opened_ns"]), row["net_usd"], row["grade"]) for row in rows] == [
        (identity, opened, usd(net), grade) for identity, opened, net, grade in kept
    ]
    for row in rows:
        assert (row["buy_venue"], row["sell_venue"]) == ("gemini", "orca")
        for plan in (row["opening"], row["peak"]):
            costs = sum(Decimal(line["value_usd"]) for line in plan["stack"]["costs"])
            assert Decimal(plan["stack"]["gross_usd"]) + costs == Decimal(plan["stack"]["net_usd"])


@pytest.mark.parametrize("sort", ["-net_usd", "net_usd", "-lifetime_ms", "opened_at", "-realised_net_usd"])
async def test_a_sorted_list_paged_by_two_is_the_list_read_at_once(reading: Api, sort: str) -> None:
    paged = await every_page(reading, "opportunities", limit=2, sort=sort)
    whole = await every_page(reading, "opportunities", limit=500, sort=sort)
    assert [row["id"] for row in paged] == [row["id"] for row in whole]
    name = sort.lstrip("-")
    values = [Decimal(str(row[name])) for row in whole if name != "opened_at" and row[name] is not None]
    assert values == sorted(values, reverse=sort.startswith("-"))


@pytest.mark.parametrize("sort", ["close_reason", "-net_usd,", "net_usd,-opened_at,net_usd,net_usd", "-"])
async def test_a_sort_that_is_none_is_refused(reading: Api, sort: str) -> None:
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        answer = await client.get("/api/v1/opportunities", params={"sort": sort})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


async def test_rows_equal_in_the_first_column_are_sorted_by_the_next(reading: Api) -> None:
    """Seven latencies of each episode have one moment of decision, so the second column decides most of it."""
    sort = "decided_at,-realised_net_usd,latency_ms"
    rows = await every_page(reading, "trades", limit=3, sort=sort)
    keys = [(int(row["decided_ns"]), -Decimal(row["realised_net_usd"]), row["latency_ms"]) for row in rows]
    assert keys == sorted(keys)
    assert len({key[0] for key in keys}) < len(keys) == len({row["id"] for row in rows})
    exported_rows = csv.DictReader(io.StringIO((await exported(reading, "trades.csv", sort=sort)).decode()))
    assert [row["id"] for row in exported_rows] == [row["id"] for row in rows]
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        first = (await client.get("/api/v1/trades", params={"sort": sort, "limit": 2})).json()["next_cursor"]
        other = await client.get("/api/v1/trades", params={"sort": "decided_at", "cursor": first})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "bad_cursor")


async def test_totals_are_the_sums_of_the_whole_filter_to_the_last_unit(reading: Api, record_dir: Path) -> None:
    totals = await got(reading, "trades/totals", latency_ms=250)
    ((count, net, gross, won),) = sql(
        record_dir,
        "SELECT count(*), sum(realised_net_usd_e8), sum(realised_gross_usd_e8), "
        f"count(*) FILTER (WHERE realised_net_usd_e8 > 0) FROM simulated_trades WHERE latency_ns = {PRIMARY_NS}",
    )
    assert (totals["trades"], totals["winning_trades"]) == (count, won)
    assert (totals["realised_net_usd"], totals["realised"]["gross_usd"]) == (usd(net), usd(gross))
    rows = await every_page(reading, "trades", latency_ms=250, limit=3)
    assert sum(Decimal(row["realised_net_usd"]) for row in rows) == Decimal(totals["realised_net_usd"])
    pnl = await got(reading, "pnl", group_by="hour")
    assert pnl["realised_net_usd"] == totals["realised_net_usd"]
    assert pnl["groups"][-1]["cumulative_net_usd"] == totals["realised_net_usd"]
    for group_by in ("day", "venue", "pair", "reason"):
        groups = (await got(reading, "pnl", group_by=group_by))["groups"]
        assert sum(Decimal(one["realised_net_usd"]) for one in groups) == Decimal(totals["realised_net_usd"])


async def test_a_drawdown_is_the_deepest_fall_from_a_peak(reading: Api, record_dir: Path) -> None:
    running = peak = worst = 0
    for (net,) in sql(
        record_dir,
        f"SELECT realised_net_usd_e8 FROM simulated_trades WHERE latency_ns = {PRIMARY_NS} ORDER BY received_ns, seq",
    ):
        running += net
        peak = max(peak, running)
        worst = min(worst, running - peak)
    assert worst < 0
    assert (await got(reading, "pnl"))["max_drawdown_usd"] == usd(worst)


async def test_a_range_is_half_open(reading: Api, record_dir: Path) -> None:
    times = [at for (at,) in sql(record_dir, "SELECT received_ns FROM opportunities ORDER BY received_ns")]
    start, end = moment(times[0]), moment(times[1])
    assert times[0] % 1000 == times[1] % 1000 == 0
    rows = (await got(reading, "opportunities", **{"from": start, "to": end}))["items"]
    assert [row["recorded_at"] for row in rows] == [start]
    assert (await got(reading, "opportunities", **{"from": start, "to": start}))["total"] == 0


async def test_filters_choose_what_they_say(reading: Api) -> None:
    trades = await every_page(reading, "trades", limit=500)
    assert {row["latency_ms"] for row in trades} == {0, 50, 100, 250, 500, 1000, 2000}
    chosen = {
        "won": ("true", lambda row: row["has_won"]),
        "status": ("reverted", lambda row: "reverted" in row["statuses"]),
        "primary": ("true", lambda row: row["is_primary"]),
        "min_net": ("0.5", lambda row: Decimal(row["realised_net_usd"]) >= Decimal("0.5")),
        "max_net": ("-0.5", lambda row: Decimal(row["realised_net_usd"]) <= Decimal("-0.5")),
        "venue": ("coinbase", lambda row: "coinbase" in (row["cex_venue"], row["pool_venue"])),
        "pair": ("SOL/USD", lambda row: row["pair"] == "SOL/USD"),
        "q": (trades[0]["id"][:10].upper(), lambda row: row["id"].startswith(trades[0]["id"][:10])),
    }
    for name, (value, fits) in chosen.items():
        found = await every_page(reading, "trades", limit=500, **{name: value})
        assert [row["id"] for row in found] == [row["id"] for row in trades if fits(row)], name
    assert (await got(reading, "trades", pair="BTC/USD"))["total"] == 0
    assert (await got(reading, "trades", instrument="x' OR '1'='1"))["total"] == 0
    assert (await got(reading, "trades", q="%' OR true --"))["total"] == 0


async def test_one_episode_brings_its_samples_and_its_ladder(reading: Api) -> None:
    first = (await got(reading, "opportunities", sort="opened_at", limit=1))["items"][0]
    detail = await got(reading, f"opportunities/{first['id']}")
    assert detail["opportunity"] == first
    assert detail["samples"][0]["net_usd"] == first["net_usd"]
    assert [one["trade"]["latency_ms"] for one in detail["trades"]] == [0, 50, 100, 250, 500, 1000, 2000]
    for one in detail["trades"]:
        assert one["trade"]["opportunity_id"] == first["id"]
        legs = one["legs"]
        assert [leg["position"] for leg in legs] == list(range(len(legs)))
        assert [leg["status"] for leg in legs] == one["trade"]["statuses"]
    primary = next(one["trade"] for one in detail["trades"] if one["trade"]["is_primary"])
    assert first["realised_net_usd"] == primary["realised_net_usd"]
    trade = await got(reading, f"trades/{primary['id']}")
    assert len(trade["ladder"]) == 7
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        assert (await client.get("/api/v1/opportunities/none")).json()["error"]["code"] == "not_found"


async def opened(reading: Api, record_dir: Path) -> dict[str, Any]:
    """Let the worker's stream tell of an episode whose end is nowhere."""
    with open_record(record_dir) as record:
        row = record.arrow("SELECT * FROM opportunity_openings ORDER BY seq DESC LIMIT 1").to_pylist()[0]
    fresh = row | {"seq": row["seq"] + 10, "opportunity_id": "fresh", "received_ns": NOW_NS - 2 * 10**9}
    reading.services.view.run_id = row["run_id"]
    reading.services.view.rows["opportunity_openings"] = deque([fresh])
    return fresh


async def test_an_open_opportunity_shows_what_is_known_so_far(reading: Api, record_dir: Path) -> None:
    fresh, view = await opened(reading, record_dir), reading.services.view
    live = LiveEpisode(
        opportunity_id="fresh",
        instrument=fresh["instrument"],
        pool=fresh["pool"],
        direction=fresh["direction"],
        opened_ns=fresh["received_ns"],
        updates=7,
        opening_net_usd_e8=fresh["opening_net_usd_e8"],
        opening_edge_centibps=fresh["opening_net_edge_centibps"],
        peak_net_usd_e8=fresh["opening_net_usd_e8"] + 1,
        peak_edge_centibps=fresh["opening_net_edge_centibps"],
    )
    view.episodes, view.link = (live,), Link.UP
    found = (await got(reading, "opportunities/fresh"))["opportunity"]
    assert (found["is_open"], found["updates"], found["lifetime_ms"], found["closed_at"]) == (True, 7, 2_000, None)
    assert Decimal(found["peak_net_usd"]) - Decimal(found["net_usd"]) == Decimal("0.00000001")
    costs = sum(Decimal(line["value_usd"]) for line in found["opening"]["stack"]["costs"])
    assert Decimal(found["opening"]["stack"]["gross_usd"]) + costs == Decimal(found["net_usd"])


async def test_one_whose_run_ended_before_it_did_is_not_called_open(reading: Api, record_dir: Path) -> None:
    await opened(reading, record_dir)
    found = (await got(reading, "opportunities/fresh"))["opportunity"]
    assert (found["is_open"], found["lifetime_ms"], found["close_reason"]) == (False, None, None)
    assert found["opening"]["stack"]["net_usd"] == found["net_usd"] == found["peak_net_usd"]


async def test_rejections_are_summed_by_reason(reading: Api, record_dir: Path) -> None:
    summary = await got(reading, "rejections/summary")
    kept = dict(sql(record_dir, "SELECT reason, sum(count) FROM rejections GROUP BY reason"))
    assert {one["reason"]: one["count"] for one in summary["reasons"]} == kept
    assert summary["evaluations"] == sum(kept.values())
    assert (
        len(await every_page(reading, "rejections", limit=100, reason="no_edge"))
        == sql(record_dir, "SELECT count(*) FROM rejections WHERE reason = 'no_edge'")[0][0]
    )


async def test_gaps_are_those_of_the_record(reading: Api, record_dir: Path) -> None:
    rows = await every_page(reading, "gaps", limit=1)
    kept = sql(record_dir, "SELECT start_ns, end_ns, feed FROM gaps ORDER BY start_ns DESC, end_ns DESC")
    assert len(kept) >= 2
    assert [(int(row["started_ns"]), int(row["ended_ns"]), row["feed"]) for row in rows] == kept


async def test_every_figure_answers_over_the_record(reading: Api) -> None:
    decay = await got(reading, "analytics/edge-decay")
    assert [rung["latency_ms"] for rung in decay["rungs"]] == [0, 50, 100, 250, 500, 1000, 2000]
    assert sum(decay["grades"].values()) >= 4
    lifetimes = await got(reading, "analytics/lifetimes")
    assert sum(bucket["episodes"] for bucket in lifetimes["buckets"]) == lifetimes["episodes"] >= 4
    heat = await got(reading, "analytics/heatmap")
    assert sum(cell["opportunities"] for cell in heat["cells"]) == lifetimes["episodes"]
    slippage = await got(reading, "slippage", latency_ms=250)
    assert sum(one["trades"] for one in slippage["items"]) == decay["rungs"][3]["trades"]
    status = await got(reading, "status")
    assert (status["mode"], status["health"], status["worker"]["state"]) == ("OBSERVE_ONLY", "down", "down")
    assert status["today"]["opportunities"] == lifetimes["episodes"]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=abc",
        "cursor=WyJ4IiwxLCJ5Il0",
        "from=yesterday",
        "from=2030-01-01&to=2029-01-01",
        "limit=501",
        "sort=net",
        "min_net=1e5",
    ],
)
async def test_a_question_that_makes_no_sense_is_refused(reading: Api, query: str) -> None:
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        answer = await client.get(f"/api/v1/opportunities?{query}")
    assert (answer.status_code, "error" in answer.json()) == (422, True)


async def exported(api: Api, path: str, **params: Any) -> bytes:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        answer = await client.get(f"/api/v1/exports/{path}", params=params)
        assert answer.status_code == 200, answer.text
        assert f'filename="{path}"' in answer.headers["content-disposition"]
        return answer.content


async def test_every_export_is_the_list_with_its_filter(reading: Api) -> None:
    filters = {"won": "true", "sort": "-realised_net_usd"}
    rows = await every_page(reading, "trades", limit=500, **filters)
    lines = list(csv.DictReader(io.StringIO((await exported(reading, "trades.csv", **filters)).decode())))
    assert [(one["id"], one["realised_net_usd"]) for one in lines] == [
        (row["id"], row["realised_net_usd"]) for row in rows
    ]
    jsonl = [json.loads(line) for line in (await exported(reading, "trades.jsonl", **filters)).splitlines()]
    assert jsonl == rows
    book = openpyxl.load_workbook(io.BytesIO(await exported(reading, "trades.xlsx", **filters)), read_only=True)
    table = list(book.active.iter_rows(values_only=True))
    book.close()
    net = table[0].index("realised_net_usd")
    assert [(row[0], row[net]) for row in table[1:]] == [(row["id"], row["realised_net_usd"]) for row in rows]


async def test_every_list_can_be_exported_and_an_empty_one_has_its_header(reading: Api) -> None:
    for name in ("opportunities", "rejections", "gaps", "pnl", "slippage"):
        assert len((await exported(reading, f"{name}.csv")).splitlines()) > 1, name
        empty = await exported(reading, f"{name}.csv", **{"from": "2020-01-01", "to": "2020-01-02"})
        assert len(empty.splitlines()) == 1, name
    async with reading.client(token=reading.token(Role.ADMIN)) as client:
        audit = await client.get("/api/v1/exports/audit.csv", params={"action": "export"})
    assert audit.text.count("pnl.csv") == 2


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "-1e3x"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_text(text: str) -> None:
    assert safe(text) == f"'{text}"


@pytest.mark.parametrize("text", ["-12.5", "-0.00000001", "12", "", "gemini:SOLUSD", "2026-01-31T12:00:00.000000Z"])
def test_a_number_and_plain_text_stay_as_they_are(text: str) -> None:
    assert safe(text) == text


async def test_a_row_is_flat_in_a_table(reading: Api) -> None:
    row = flat(Trade.model_validate((await got(reading, "trades", limit=1))["items"][0]))
    assert {"predicted_gross_usd", "predicted_taker_fee_usd", "realised_rebalancing_usd", "statuses"} <= set(row)
    assert not any(isinstance(value, dict | list) for value in row.values())


async def test_the_newest_rows_are_there_before_they_are_sealed(reading: Api) -> None:
    view = reading.services.view
    before = await got(reading, "trades/totals", latency_ms=250)
    with open_record(reading.services.config.paths.data_dir) as record:
        newest = record.arrow(
            f"SELECT * FROM simulated_trades WHERE latency_ns = {PRIMARY_NS} ORDER BY seq DESC LIMIT 1"
        ).to_pylist()[0]
    view.run_id = newest["run_id"]
    fresh = newest | {"seq": newest["seq"] + 10, "trade_id": "fresh", "received_ns": NOW_NS - 10**9}
    view.rows["simulated_trades"] = deque([newest, fresh])
    reading.clock.advance(2.001)
    after = await got(reading, "trades/totals", latency_ms=250)
    assert after["trades"] == before["trades"] + 1
    assert Decimal(after["realised_net_usd"]) - Decimal(before["realised_net_usd"]) == Decimal(
        usd(newest["realised_net_usd_e8"])
    )
    assert (await got(reading, "trades", limit=1, sort="-decided_at", q="fresh"))["items"][0]["id"] == "fresh"


async def test_a_trade_of_a_minute_ago_is_found_however_many_came_after_it(reading: Api) -> None:
    view = reading.services.view
    with open_record(reading.services.config.paths.data_dir) as record:
        newest = record.arrow("SELECT * FROM simulated_trades ORDER BY seq DESC LIMIT 1").to_pylist()[0]
    view.run_id = newest["run_id"]
    wide = 2**62 + 1  # a number that a float would not hold
    view.rows["simulated_trades"] = deque(
        newest
        | {"seq": newest["seq"] + n, "trade_id": f"burst-{n}", "received_ns": NOW_NS - 60 * 10**9 + n * 10**7}
        | {"realised_net_usd_e8": wide}
        for n in range(1, 701)
    )
    found = await got(reading, "trades/burst-1")
    assert found["trade"]["id"] == "burst-1"
    assert found["trade"]["realised"]["net_usd"] == usd(wide)


@pytest.mark.parametrize("name", ["instrument", "pool", "venue", "q"])
async def test_text_that_no_query_can_hold_is_refused(reading: Api, name: str) -> None:
    async with reading.client(token=reading.token(Role.VIEWER)) as client:
        answer = await client.get("/api/v1/exports/opportunities.jsonl", params={name: "a\0b"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")
