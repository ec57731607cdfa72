"""Lifetimes of episodes: quantiles of what was seen, survival that knows what was cut off."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from arb_pipeline.analytics.lifetimes import lifetime_quantiles, survival, surviving_share

SCHEMA = {"pool": pl.String, "opened_ns": pl.Int64, "closed_ns": pl.Int64, "close_reason": pl.String}


def episodes(*rows: tuple[int, str], pool: str = "p") -> pl.DataFrame:
    """Return episodes as (lifetime, close reason)."""
    whole = [(pool, 1_000 + rank, 1_000 + rank + lifetime, reason) for rank, (lifetime, reason) in enumerate(rows)]
    return pl.DataFrame(whole, schema=SCHEMA, orient="row")


# Freireich's 6-MP arm in weeks (Cox 1972 after Freireich et al. 1963), with "risk" for the censored.
SIX_MP = episodes(
    *((weeks, "edge_gone") for weeks in (6, 6, 6, 7, 10, 13, 16, 22, 23)),
    *((weeks, "risk") for weeks in (6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35)),
)


def test_survival_is_kaplan_meiers_on_their_textbook_case() -> None:
    curve = survival(SIX_MP).filter(pl.col("ended") > 0)
    assert curve["lifetime_ns"].to_list() == [6, 7, 10, 13, 16, 22, 23]
    assert curve["at_risk"].to_list() == [21, 17, 15, 12, 11, 7, 6]
    expected = [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert curve["survival"].to_list() == pytest.approx(expected, abs=0.0005)
    errors = [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert curve["standard_error"].to_list() == pytest.approx(errors, abs=0.0001)


def test_what_a_reaction_still_finds() -> None:
    curve = survival(SIX_MP)
    shares = surviving_share(curve, [0, 6, 12, 36])["surviving_share"].to_list()
    assert shares[:3] == pytest.approx([1.0, 18 / 21, 0.7529], abs=0.0001)
    assert shares[3] is None
    gone = survival(episodes((5, "edge_gone"), (7, "edge_gone")))
    assert surviving_share(gone, [4, 5, 99])["surviving_share"].to_list() == [1.0, 0.5, 0.0]
    assert gone["standard_error"].to_list() == [pytest.approx(0.3536, abs=0.0001), None]
    assert surviving_share(gone.clear(), [4])["surviving_share"].to_list() == [None]


def test_quantiles_are_lifetimes_that_occurred() -> None:
    frame = pl.concat([
        episodes(*((lifetime, "edge_gone") for lifetime in range(10, 110, 10))),
        episodes((5, "leg_lost"), (7, "edge_gone"), pool="q"),
    ])  # fmt: skip
    (everything,) = lifetime_quantiles(frame).rows(named=True)
    assert (everything["episodes"], everything["ended"], everything["longest_ns"]) == (12, 11, 100)
    first, second = lifetime_quantiles(frame, by=["pool"]).rows(named=True)
    assert (first["pool"], first["mean_ns"], first["p10_ns"], first["p50_ns"], first["p90_ns"]) == (
        "p",
        55.0,
        10,
        50,
        90,
    )
    assert (second["pool"], second["episodes"], second["ended"], second["p99_ns"]) == ("q", 2, 1, 5)


def test_an_empty_hour_has_no_lifetimes() -> None:
    empty = SIX_MP.clear()
    assert lifetime_quantiles(empty).select("episodes", "longest_ns").rows() == [(0, None)]
    assert lifetime_quantiles(empty, by=["pool"]).is_empty()
    assert survival(empty).is_empty()


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from(["edge_gone", "stale_leg"])), min_size=1, max_size=30))
def test_survival_falls_and_everyone_is_counted_once(rows: list[tuple[int, str]]) -> None:
    curve = survival(episodes(*rows))
    shares = curve["survival"].to_list()
    assert all(0 <= after <= before + 1e-12 for before, after in zip([1.0, *shares], shares, strict=False))
    assert curve["ended"].sum() + curve["cut_off"].sum() == len(rows) == curve["at_risk"][0]
    if all(reason == "edge_gone" for _, reason in rows):
        for lifetime, share in curve.select("lifetime_ns", "survival").rows():
            assert share == pytest.approx(sum(seen > lifetime for seen, _ in rows) / len(rows))
