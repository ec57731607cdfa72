"""Who opened a gap and who closed it, from the two markets' own moves."""

from math import log

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline.analytics.attribution import BOTH, CEX, NONE, POOL, attribute, attribution_rows

SECOND = 10**9
OPENED, PEAKED, CLOSED = 100 * SECOND, 103 * SECOND, 110 * SECOND
BUY_CEX, BUY_POOL = "buy_cex_sell_pool", "buy_pool_sell_cex"
OPPORTUNITY = {"opportunity_id": pl.String, "instrument": pl.String, "pool": pl.String, "direction": pl.String,
               "opened_ns": pl.Int64, "peaked_ns": pl.Int64, "closed_ns": pl.Int64}  # fmt: skip
PRICE = {"market": pl.String, "received_ns": pl.Int64, "price": pl.Float64}


def opportunities(*rows: tuple[str, str]) -> pl.DataFrame:
    """Return opportunities as (identity, direction), all over the same time."""
    whole = [(name, "cex:A", "pool:B", direction, OPENED, PEAKED, CLOSED) for name, direction in rows]
    return pl.DataFrame(whole, schema=OPPORTUNITY, orient="row")


def prices(cex: dict[int, float], pool: dict[int, float]) -> pl.DataFrame:
    """Return prices as time in seconds: price, latest first to show that order does not matter."""
    rows = [("cex:A", second * SECOND, price) for second, price in cex.items()]
    rows += [("pool:B", second * SECOND, price) for second, price in pool.items()]
    return pl.DataFrame(rows[::-1], schema=PRICE, orient="row")


def test_the_exchange_falls_and_the_pool_follows() -> None:
    found = attribute(opportunities(("o", BUY_CEX)), prices({90: 100, 100: 99}, {90: 100, 110: 99}))
    (row,) = found.rows(named=True)
    assert row["opening_cex_bps"] == pytest.approx(-log(0.99) * 10_000)
    assert row["opening_pool_bps"] == 0.0
    assert row["closing_pool_bps"] == pytest.approx(-log(0.99) * 10_000)
    assert row["closing_cex_bps"] == 0.0
    assert (row["opened_by"], row["closed_by"]) == (CEX, POOL)


def test_the_other_direction_turns_the_signs() -> None:
    found = attribute(opportunities(("o", BUY_POOL)), prices({90: 100, 110: 99}, {90: 100, 97: 99}))
    (row,) = found.rows(named=True)
    assert row["opening_pool_bps"] == pytest.approx(-log(0.99) * 10_000)
    assert row["closing_cex_bps"] == pytest.approx(-log(0.99) * 10_000)
    assert (row["opened_by"], row["closed_by"]) == (POOL, CEX)


@pytest.mark.parametrize(
    ("cex_after", "pool_after", "who"),
    [(99.0, 101.0, BOTH), (99.0, 100.2, CEX), (99.8, 101.0, POOL), (100.0, 100.0, NONE), (101.0, 99.0, NONE),
     (99.0, 99.5, CEX)],
)  # fmt: skip
def test_a_market_is_the_mover_with_three_quarters_of_the_widening(
    cex_after: float, pool_after: float, who: str
) -> None:
    found = attribute(opportunities(("o", BUY_CEX)), prices({90: 100, 99: cex_after}, {90: 100, 98: pool_after}))
    assert found["opened_by"].to_list() == [who]
    assert found["closed_by"].to_list() == [NONE]


def test_the_share_and_the_lookback_can_be_set() -> None:
    held = prices({90: 100, 94: 99}, {90: 100, 99: 100.5})
    assert attribute(opportunities(("o", BUY_CEX)), held)["opened_by"].to_list() == [POOL]
    assert attribute(opportunities(("o", BUY_CEX)), held, lookback_ns=7 * SECOND)["opened_by"].to_list() == [BOTH]
    strict = attribute(opportunities(("o", BUY_CEX)), held, lookback_ns=7 * SECOND, mover_share=0.6)
    assert strict["opened_by"].to_list() == [CEX]


def test_without_a_price_nobody_is_blamed() -> None:
    found = attribute(opportunities(("o", BUY_CEX)), prices({96: 100, 99: 99}, {90: 100}))
    (row,) = found.rows(named=True)
    assert row["opening_cex_bps"] is None
    assert row["opened_by"] is None
    assert row["closed_by"] == NONE
    assert attribute(opportunities(("o", BUY_CEX)), prices({}, {}))["closed_by"].to_list() == [None]


def test_rows_keep_their_order_and_come_in_whole_hundredths() -> None:
    rows = opportunities(("z", BUY_CEX), ("a", BUY_POOL), ("m", BUY_CEX))
    found = attribute(rows, prices({90: 100, 100: 99}, {90: 100, 110: 99}))
    whole = attribution_rows(found)
    assert whole["opportunity_id"].to_list() == ["z", "a", "m"]
    moved = round(-log(0.99) * 1_000_000)
    assert whole["opening_cex_centibps"].to_list() == [moved, -moved, moved]
    assert whole["opened_by"].to_list() == [CEX, NONE, CEX]


PATH = st.lists(st.floats(50, 200), min_size=4, max_size=4)


@given(PATH, PATH, st.sampled_from([BUY_CEX, BUY_POOL]))
def test_the_parts_add_up_to_the_change_of_the_gap(cex: list[float], pool: list[float], direction: str) -> None:
    seconds = (95, 100, 103, 110)
    held = prices(dict(zip(seconds, cex, strict=True)), dict(zip(seconds, pool, strict=True)))
    (row,) = attribute(opportunities(("o", direction)), held).rows(named=True)
    sign = 1 if direction == BUY_CEX else -1
    gaps = [sign * log(b / a) * 10_000 for a, b in zip(cex, pool, strict=True)]
    assert row["opening_cex_bps"] + row["opening_pool_bps"] == pytest.approx(gaps[1] - gaps[0], abs=1e-6)
    assert row["closing_cex_bps"] + row["closing_pool_bps"] == pytest.approx(gaps[2] - gaps[3], abs=1e-6)
