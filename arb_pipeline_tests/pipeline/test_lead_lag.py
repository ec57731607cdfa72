"""Lead and lag on recorded prices of two exchanges, and the contrast against its definition."""

from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from arb_pipeline.analytics.lead_lag import LeadLag, contrast_curve, lead_lag

SECOND = 1_000_000_000


def ticks(rows: list[tuple[int, float]]) -> pl.DataFrame:
    """Return ticks from (time, price)."""
    return pl.DataFrame(rows, schema={"received_ns": pl.Int64, "price": pl.Float64}, orient="row")


def recorded(path: Path) -> pl.DataFrame:
    """Read last prices stamped to the second."""
    stamp = pl.col("date").str.to_datetime("%Y-%m-%d %H:%M:%S").dt.epoch("ns")
    return pl.read_csv(path).select(received_ns=stamp, price=pl.col("last").cast(pl.Float64))


def test_bitflyer_leads_btcbox_by_15_seconds(shared_dir: Path) -> None:
    folder = shared_dir / "captures" / "leadlag"
    bitflyer = recorded(folder / "bitflyer_btcjpy_20180812.csv.gz")
    btcbox = recorded(folder / "btcbox_btcjpy_20180812.csv.gz")
    assert (len(bitflyer), len(btcbox)) == (9_107, 5_297)
    lags = [second * SECOND for second in range(-60, 61)]
    found = lead_lag(contrast_curve(bitflyer, btcbox, lags))
    assert found is not None
    assert found.lag_ns == 15 * SECOND
    assert found.contrast == pytest.approx(0.154, abs=0.0005)
    assert found.contrast_at_zero == pytest.approx(0.034, abs=0.0005)
    assert found.ratio is not None
    assert found.ratio > 5
    turned = lead_lag(contrast_curve(btcbox, bitflyer, lags))
    assert turned is not None
    assert turned.lag_ns == -15 * SECOND
    assert turned.contrast == pytest.approx(found.contrast)


def test_a_market_that_repeats_another_later_is_found_at_its_delay() -> None:
    dice = Random(7)
    price, rows = 100.0, []
    for step in range(2_000):
        price *= 1 + dice.gauss(0, 1e-4)
        rows.append((step * SECOND + dice.randrange(SECOND), price))
    late = ticks([(time + 3 * SECOND, price) for time, price in rows[::2]])
    found = lead_lag(contrast_curve(ticks(rows), late, [lag * SECOND for lag in range(-6, 7)]))
    assert found is not None
    assert found.lag_ns == 3 * SECOND
    assert found.contrast > 0.6


def test_on_the_same_ticks_the_contrast_at_zero_is_one() -> None:
    rows = ticks([(1, 100.0), (5, 101.0), (9, 99.0)])
    curve = contrast_curve(rows, rows, [-100, 0, 100])
    assert curve["contrast"].to_list() == pytest.approx([0.0, 1.0, 0.0])
    assert curve["overlaps"].to_list() == [0, 2, 0]


def test_intervals_that_touch_do_not_overlap() -> None:
    first, second = ticks([(0, 100.0), (10, 101.0)]), ticks([(10, 100.0), (20, 101.0)])
    curve = contrast_curve(first, second, [0, 1])
    assert curve["overlaps"].to_list() == [0, 1]
    assert curve["contrast"].to_list() == pytest.approx([0.0, 1.0])


def test_of_equal_times_the_last_price_counts() -> None:
    twice = ticks([(0, 100.0), (10, 150.0), (10, 101.0), (20, 102.0)])
    once = ticks([(0, 100.0), (10, 101.0), (20, 102.0)])
    assert contrast_curve(twice, once, [0]).equals(contrast_curve(once, once, [0]))


@pytest.mark.parametrize("rows", [[], [(5, 100.0)], [(5, 100.0), (6, 100.0)]])
def test_a_market_without_a_move_has_no_contrast(rows: list[tuple[int, float]]) -> None:
    curve = contrast_curve(ticks(rows), ticks([(0, 100.0), (9, 101.0)]), [0, 1])
    assert curve["contrast"].to_list() == [None, None]
    assert lead_lag(curve) is None


def test_a_curve_is_read_by_size_then_by_nearness() -> None:
    schema = {"lag_ns": pl.Int64, "contrast": pl.Float64}
    curve = pl.DataFrame([(-4, 0.3), (-2, -0.5), (2, 0.5), (9, None)], schema=schema, orient="row")
    assert lead_lag(curve) == LeadLag(-2, -0.5, None, pytest.approx(0.25 / 0.34))
    ahead = pl.DataFrame([(0, 0.1), (2, 0.5)], schema=schema, orient="row")
    assert lead_lag(ahead) == LeadLag(2, 0.5, 0.1, None)


TICKS = st.lists(
    st.tuples(st.integers(0, 60), st.floats(90, 110)), min_size=2, max_size=12, unique_by=lambda tick: tick[0]
).map(sorted)


@hypothesis_settings(max_examples=60, deadline=None)
@given(TICKS, TICKS, st.integers(-30, 30))
def test_the_contrast_is_the_sum_over_overlapping_intervals(
    one: list[tuple[int, float]], two: list[tuple[int, float]], lag: int
) -> None:
    first, second = (pl.Series([price for _, price in rows]).log().diff()[1:].to_list() for rows in (one, two))
    total, pairs = 0.0, 0
    for i, move in enumerate(first):
        for j, other in enumerate(second):
            if max(one[i][0], two[j][0] - lag) < min(one[i + 1][0], two[j + 1][0] - lag):
                total += move * other
                pairs += 1
    scale = (sum(move**2 for move in first) * sum(move**2 for move in second)) ** 0.5
    row = contrast_curve(ticks(one), ticks(two), [lag]).row(0, named=True)
    assert row["overlaps"] == pairs
    if scale > 0:
        assert row["contrast"] == pytest.approx(total / scale, abs=1e-9)
