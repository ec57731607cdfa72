"""Prices come apart as often and as far as configured, the list says where, and they come back."""

from itertools import pairwise

from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.sandbox.market.dislocations import Dislocation, Dislocations
from streaming_worker.sandbox.market.spec import HISTORY_PACE, DislocationSpec, default_market
from streaming_worker.sandbox.market.stepper import Market

SECONDS = NANOS_PER_SECOND
MILLISECONDS = SECONDS // 1_000


def gap_bps(market: Market, target: str) -> float:
    fair = market.latents["SOL"].price_e8
    if target == "pool":
        return (market.pool.price_e8 / fair - 1) * 10_000
    book = market.book(target, "SOL-USD")
    assert book is not None
    mid_e8 = (book.bids.best + book.asks.best) * 10 ** (8 - book.spec.price_decimals) / 2
    return (mid_e8 / fair - 1) * 10_000


def test_an_hour_has_tens_of_profitable_ones_and_most_are_not(start_ns: int) -> None:
    market = Market.start(seed=5, start_ns=start_ns, pace=HISTORY_PACE)
    market.step(start_ns + 3_600 * SECONDS)
    found = market.dislocations.everything()
    assert 50 <= len(found) <= 120
    assert all(30 <= abs(d.size_bps) <= 150 for d in found)
    assert all(100 * MILLISECONDS <= d.end_ns - d.start_ns <= 8 * SECONDS for d in found)
    assert all(one.end_ns <= two.start_ns for one, two in pairwise(found))
    assert {d.target for d in found} == {"coinbase", "gemini", "pool"}
    # 40 bps taker, 4 bps pool, 10 bps threshold, some slippage.
    beyond_gemini = [d for d in found if abs(d.size_bps) > 60 and d.target != "coinbase"]
    beyond_coinbase = [d for d in found if abs(d.size_bps) > 134 and d.target != "gemini"]
    assert 10 <= len(beyond_gemini) <= 50
    assert len(beyond_coinbase) <= 12


def lengths(count: int, spec: DislocationSpec) -> list[int]:
    schedule = Dislocations.start(spec, seed=7, start_ns=0)
    for _ in range(2 * count):
        schedule.advance(schedule.next_ns)
    return [d.end_ns - d.start_ns for d in schedule.past]


def test_short_ones_are_as_likely_as_long_ones_octave_by_octave() -> None:
    drawn = lengths(4_000, DislocationSpec())
    assert 0.25 < sum(length < 400 * MILLISECONDS for length in drawn) / len(drawn) < 0.33
    assert 0.35 < sum(length >= 2 * SECONDS for length in drawn) / len(drawn) < 0.43
    assert set(lengths(50, DislocationSpec(least_duration_ns=SECONDS, most_duration_ns=SECONDS))) == {SECONDS}


def test_the_target_moves_by_the_size_and_comes_back(start_ns: int) -> None:
    spec = default_market(dislocations=DislocationSpec(mean_interval_ns=20 * SECONDS, least_duration_ns=3 * SECONDS))
    market = Market.start(seed=5, start_ns=start_ns, spec=spec, pace=HISTORY_PACE)
    during: list[tuple[Dislocation, float]] = []
    after: list[float] = []
    calm_since = start_ns
    for tick in range(1, 5 * 600):
        now_ns = start_ns + tick * SECONDS // 5
        market.step(now_ns)
        active = market.dislocations.active
        if active is not None:
            calm_since = now_ns
            if now_ns - active.start_ns > 1_500 * MILLISECONDS:
                during.append((active, gap_bps(market, active.target)))
        elif now_ns - calm_since > 6 * SECONDS:
            after += [gap_bps(market, target) for target in ("coinbase", "gemini", "pool")]
    assert len({d.number for d, _ in during}) > 10
    assert all(abs(gap - d.size_bps) < 16 for d, gap in during)
    assert all(abs(gap) < 25 for gap in after)
    assert sorted(abs(gap) for gap in after)[len(after) // 2] < 6


def test_none_are_drawn_when_the_interval_is_zero(calm_market: Market, start_ns: int) -> None:
    calm_market.pace = HISTORY_PACE
    calm_market.step(start_ns + 300 * SECONDS)
    assert calm_market.dislocations.everything() == []
