"""What the console shows and exports is what the record holds: filters, totals and files against plain SQL."""

import csv
import io
import json
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import httpx
import openpyxl

from arb_pipeline_tests.e2e.conftest import OpenPage
from arb_pipeline_tests.e2e.running_platform import RunningPlatform, until
from arb_pipeline_tests.e2e.watched_page import WatchedPage

_E8 = Decimal(10) ** 8
_LATENCY_MS = 250


@dataclass(frozen=True)
class Truth:
    """What the sealed segments hold of one venue at one latency up to one moment."""

    to_at: str
    trades: int
    won: int
    net_usd: Decimal


def _sql(data_dir: Path, to_at: str) -> Truth:
    trades = won = net_e8 = 0
    for path in sorted((data_dir / "segments").glob("*/*.duckdb")):
        with duckdb.connect(str(path), read_only=True) as segment:
            row = segment.execute(
                "SELECT count(*), count(*) FILTER (realised_net_usd_e8 > 0), coalesce(sum(realised_net_usd_e8), 0)"
                " FROM simulated_trades WHERE latency_ns = ? AND latency_model = 'fixed'"
                " AND instrument LIKE 'coinbase:%' AND received_ns < epoch_ns(?::TIMESTAMPTZ)",
                [_LATENCY_MS * 1_000_000, to_at],
            ).fetchone()
            assert row is not None
            trades, won, net_e8 = trades + row[0], won + row[1], net_e8 + int(row[2])
    return Truth(to_at, trades, won, Decimal(net_e8) / _E8)


def _settled(platform: RunningPlatform) -> Truth:
    """Return the truth of a stretch that is whole: its last trade was sealed some segments ago."""
    with platform.signed_in("vic") as client:
        until(lambda: _count(client) >= 3, "three trades were simulated", bound_s=90)
        newest = client.get("/trades", params=_query()).json()["items"][0]["recorded_at"]
        until(lambda: _sql(platform.data_dir, newest).trades >= 2, "they are sealed")
        segments = _segments(platform.data_dir)
        until(lambda: len(_segments(platform.data_dir) - segments) >= 2, "what came with them is sealed")
    return _sql(platform.data_dir, newest)


def _segments(data_dir: Path) -> set[Path]:
    return set((data_dir / "segments").glob("*/*.duckdb"))


def _query(**more: str) -> dict[str, str]:
    return {"venue": "coinbase", "latency_ms": str(_LATENCY_MS), "latency_model": "fixed", **more}


def _count(client: httpx.Client) -> int:
    return int(client.get("/trades/totals", params=_query()).json()["trades"])


def _download(watched: WatchedPage, label: str) -> bytes:
    watched.page.get_by_role("button", name="Export").click()
    with watched.page.expect_download() as waiting:
        watched.page.get_by_role("menuitem", name=label).click()
    return Path(waiting.value.path()).read_bytes()


def _shown(watched: WatchedPage, name: str) -> str:
    kpi = watched.page.locator(".kpi").filter(has=watched.page.get_by_text(name, exact=True))
    return kpi.locator(".value").inner_text()


def test_totals_and_exports_of_a_filter_equal_sql(platform: RunningPlatform, open_page: OpenPage) -> None:
    truth = _settled(platform)
    viewer = open_page("vic")
    # a range that names no start is a day long
    filters = f"venue=coinbase&latency_ms={_LATENCY_MS}&latency_model=fixed"
    viewer.page.goto(f"{platform.url}/trades?range=custom&to={truth.to_at}&{filters}")
    viewer.settled("Simulated trades")
    assert truth.trades > 0
    assert _shown(viewer, "Trades in the filter") == f"{truth.trades:,}"
    assert _shown(viewer, "Won").split("/")[0].strip() == str(truth.won)
    title = viewer.page.locator(".kpi").filter(has_text="Realised net").locator("[title$=USD]").first
    assert Decimal((title.get_attribute("title") or "").removesuffix(" USD")) == truth.net_usd
    rows = list(csv.DictReader(io.StringIO(_download(viewer, "CSV").decode("utf-8-sig"))))
    assert len(rows) == truth.trades
    assert sum(Decimal(row["realised_net_usd"]) for row in rows) == truth.net_usd
    book = openpyxl.load_workbook(io.BytesIO(_download(viewer, "Excel")), read_only=True)
    head, *cells = book.worksheets[0].iter_rows(values_only=True)
    column = head.index("realised_net_usd")
    assert len(cells) == truth.trades
    # a cell of a sheet is a double: not exact to the last of eight digits
    assert abs(sum(Decimal(str(row[column])) for row in cells) - truth.net_usd) < Decimal("0.000001")
    lines = [json.loads(line) for line in _download(viewer, "JSON lines").splitlines()]
    assert len(lines) == truth.trades
    assert sum(Decimal(line["realised_net_usd"]) for line in lines) == truth.net_usd
    assert viewer.complaints() == []


def test_a_filter_is_a_link(platform: RunningPlatform, open_page: OpenPage) -> None:
    viewer = open_page("vic")
    viewer.open("Simulated trades")
    viewer.page.get_by_label("Latency").select_option("500")
    viewer.page.get_by_label("Net at least, $").fill("0.5")
    viewer.page.wait_for_url("**min_net=0.5**")
    address = viewer.page.url
    viewer.open("Overview")
    viewer.page.goto(address)
    viewer.settled("Simulated trades")
    assert viewer.page.get_by_label("Latency").input_value() == "500"
    assert viewer.page.get_by_label("Net at least, $").input_value() == "0.5"
    for cell in viewer.page.get_by_role("region", name="Simulated trades").locator("tbody tr td:nth-child(7)").all():
        assert cell.inner_text() == "500 ms"
    assert viewer.complaints() == []
