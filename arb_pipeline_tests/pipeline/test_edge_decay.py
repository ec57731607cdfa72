"""How an edge decays over the latency ladder."""

import polars as pl
import pytest

from arb_pipeline.analytics.edge_decay import edge_decay, half_life_ns

USD = 10**8
SCHEMA = {"pool": pl.String, "latency_ns": pl.Int64, "notional_usd_e8": pl.Int64, "predicted_net_usd_e8": pl.Int64,
          "realised_net_usd_e8": pl.Int64, "outcome": pl.String}  # fmt: skip


def trades(*rows: tuple[str, int, int, float, float, str]) -> pl.DataFrame:
    """Return trades as (pool, latency, notional, predicted, realised, outcome), money in USD."""
    cents = [(p, ns, n * USD, round(a * USD), round(b * USD), outcome) for p, ns, n, a, b, outcome in rows]
    return pl.DataFrame(cents, schema=SCHEMA, orient="row")


DONE = trades(
    ("p", 500, 1_000, 4.0, 1.0, "both_filled"),
    ("p", 0, 1_000, 4.0, 4.0, "both_filled"),
    ("p", 0, 3_000, 6.0, 2.0, "both_filled"),
    ("p", 500, 3_000, 6.0, -3.0, "unwound"),
    ("q", 0, 500, 0.0, 0.0, "nothing_filled"),
)


def test_each_latency_has_its_edge_over_all_notional() -> None:
    start, late = edge_decay(DONE.filter(pl.col("pool") == "p")).rows(named=True)
    assert (start["latency_ns"], start["trades"], start["winning_share"], start["both_filled_share"]) == (
        0,
        2,
        1.0,
        1.0,
    )
    assert start["predicted_edge_bps"] == pytest.approx(25.0)
    assert start["realised_edge_bps"] == pytest.approx(15.0)
    assert start["kept_share"] == pytest.approx(0.6)
    assert (late["latency_ns"], late["winning_share"], late["both_filled_share"]) == (500, 0.5, 0.5)
    assert late["realised_edge_bps"] == pytest.approx(-5.0)
    assert late["kept_share"] == pytest.approx(-0.2)
    spread = [late[f"realised_edge_bps_p{percent}"] for percent in (10, 50, 90)]
    assert spread == pytest.approx([-8.0, 0.0, 8.0])


def test_groups_stand_apart_and_nothing_predicted_has_no_share() -> None:
    rows = edge_decay(DONE, by=["pool"]).select("pool", "latency_ns", "kept_share").rows()
    assert [(pool, latency) for pool, latency, _ in rows] == [("p", 0), ("p", 500), ("q", 0)]
    assert rows[2][2] is None


def test_the_half_life_lies_between_two_rungs() -> None:
    assert half_life_ns(edge_decay(DONE.filter(pl.col("pool") == "p"))) == pytest.approx(500 * 7.5 / 20)


@pytest.mark.parametrize("edges", [[], [(0, 0.0), (5, -1.0)], [(0, 8.0), (5, 4.1)]])
def test_without_an_edge_or_a_halving_there_is_no_half_life(edges: list[tuple[int, float]]) -> None:
    decay = pl.DataFrame(edges, schema={"latency_ns": pl.Int64, "realised_edge_bps": pl.Float64}, orient="row")
    assert half_life_ns(decay) is None


def test_an_empty_hour_decays_to_nothing() -> None:
    assert edge_decay(DONE.clear()).is_empty()
