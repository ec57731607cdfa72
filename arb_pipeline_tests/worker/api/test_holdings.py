"""How long a balance lasts at its pace, and whether a stable coin keeps its peg."""

from collections import deque
from typing import Any

import msgspec
import pytest

from arb_pipeline_tests.fixtures.api import NOW_NS, Api
from streaming_worker.api.identity.roles import Role
from streaming_worker.api.reading.holdings import pegs
from streaming_worker.api.schemas.base import moment
from streaming_worker.api.schemas.market import Link
from streaming_worker.core.fees import StableBasis
from streaming_worker.core.units import E8
from streaming_worker.service.live import LiveBook

MINUTE_NS = 60 * 10**9
PAR = StableBasis("USDC", "USD", 100, 200, "test", instrument="gemini:USDCUSD")


async def got(api: Api, path: str, **params: Any) -> Any:
    async with api.client(token=api.token(Role.VIEWER)) as client:
        answer = await client.get(f"/api/v1/inventory/{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


def noted(api: Api, venue: str, totals: list[int]) -> None:
    """Note one balance a minute, the last one now."""
    view = api.services.view
    view.run_id = "run-x"
    rows = view.rows.setdefault("inventory_snapshots", deque())
    for number, total in enumerate(totals):
        at_ns = NOW_NS - (len(totals) - 1 - number) * MINUTE_NS
        rows.append(
            {
                "seq": len(rows) + 1, "received_ns": at_ns, "venue": venue, "asset": "SOL", "total_e8": total * E8,
                "reserved_e8": 0, "target_e8": 100 * E8, "drift_e8": 0, "arriving_e8": 0, "price_usd_e8": None,
                "worker": "main", "run_id": "run-x",
            }
        )  # fmt: skip


async def test_a_balance_that_shrinks_runs_dry_when_its_pace_says(api: Api) -> None:
    noted(api, "gemini", [100, 96, 92, 90])
    noted(api, "coinbase", [50, 50, 50, 60])
    noted(api, "orca", [30, 20, 10, 0])
    found = (await got(api, "runway"))["items"]
    assert [(one["venue"], one["hours_left"]) for one in found] == [
        ("orca", "0"),
        ("gemini", "0.45"),
        ("coinbase", None),
    ]
    gemini = found[1]
    assert (gemini["total"], gemini["change"], gemini["change_per_hour"]) == ("90", "-10", "-200")
    # 90 at 10 in three minutes: 27 minutes.
    assert gemini["runs_dry_at"] == moment(NOW_NS + 27 * MINUTE_NS)
    assert (gemini["from_at"], gemini["to_at"]) == (moment(NOW_NS - 3 * MINUTE_NS), moment(NOW_NS))
    assert (found[2]["runs_dry_at"], found[2]["change_per_hour"]) == (None, "200")


async def test_only_the_minutes_asked_for_make_the_pace_and_one_note_makes_none(api: Api) -> None:
    noted(api, "gemini", [100, 10, *([10] * 8), 9])
    (one,) = (await got(api, "runway", minutes=5))["items"]
    assert one["change"] == "-1"
    api.services.view.rows.clear()
    noted(api, "gemini", [100])
    assert (await got(api, "runway", minutes=6))["items"] == []


@pytest.mark.parametrize(
    ("bid", "ask", "state", "deviation"),
    [
        (99_990_000, 100_010_000, "holds", "0"),
        (99_740_000, 99_760_000, "strained", "-25"),
        (101_000_000, 101_020_000, "broken", "101"),
        (98_990_000, 98_999_999, "broken", "-100.51"),
    ],
)
def test_a_peg_is_judged_by_the_middle_of_its_own_book(
    api: Api, bid: int, ask: int, state: str, deviation: str
) -> None:
    view, settings = api.services.view, msgspec.structs.replace(api.services.markets.settings, stable_bases=(PAR,))
    view.link = Link.UP
    book = LiveBook(True, (bid, E8), (ask, E8), 1, 1, 1, False, NOW_NS - 5 * 10**9, None)
    view.books["gemini:USDCUSD"] = book
    (peg,) = pegs(view, settings, NOW_NS).items
    assert (peg.state, peg.deviation_bps, peg.age_ms) == (state, deviation, 5_000)
    assert (peg.receive_cost_bps, peg.pay_cost_bps) == ("1", "2")
    (old,) = pegs(view, settings, NOW_NS + 10**12).items
    assert old.state == "unknown"
    view.books["gemini:USDCUSD"] = msgspec.structs.replace(book, is_synced=False)
    (rebuilt,) = pegs(view, settings, NOW_NS).items
    assert (rebuilt.state, rebuilt.deviation_bps) == ("unknown", None)
    view.books.clear()
    (gone,) = pegs(view, settings, NOW_NS).items
    assert (gone.state, gone.best_bid, gone.age_ms) == ("unknown", None, None)


async def test_without_a_book_of_its_own_a_stable_coin_is_taken_at_its_configured_cost(api: Api) -> None:
    (peg,) = (await got(api, "pegs"))["items"]
    assert (peg["asset"], peg["against"], peg["state"], peg["instrument"]) == ("USDC", "USD", "assumed", None)
    assert peg["source"] != ""
