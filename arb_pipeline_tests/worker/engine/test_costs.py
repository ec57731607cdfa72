"""Costs that come from the market: the stable coin's own book and what others pay for priority; old means no."""

import pytest

from arb_pipeline_tests.fixtures.market import GEMINI, POOL, Script, allocations, opened, reasons, settings
from arb_pipeline_tests.fixtures.transfers import WAYS
from streaming_worker.core.events import PriorityFees
from streaming_worker.core.fees import NetworkCost, StableBasis
from streaming_worker.core.instrument import Instrument, Venue
from streaming_worker.core.outputs import CostItem, CostKind, OpportunityOpened, RejectionReason, TradePlan
from streaming_worker.core.rebalancing import RebalancingSettings
from streaming_worker.core.units import E8, NANOS_PER_SECOND, ceil_div
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import EngineSettings, FeedScope

COIN = "bitstamp:usdcusd"
CENT = E8 // 100


def with_coin_book(**basis: object) -> EngineSettings:
    """Return settings whose stable coin is priced by a book of its own."""
    base = settings(stable_bases=(StableBasis("USDC", "USD", 100, 200, "test", instrument=COIN, **basis),))
    coin = Instrument(venue=Venue.BITSTAMP, symbol="usdcusd", base="USDC", quote="USD", price_tick_e8=1_000,
                      lot_e8=1_000, min_size_e8=1_000, min_notional_e8=0)  # fmt: skip
    feeds = (*base.feeds, FeedScope("bitstamp", instruments=(COIN,)))
    return EngineSettings(**{name: getattr(base, name) for name in base.__struct_fields__}
                          | {"instruments": (*base.instruments, coin), "feeds": feeds})  # fmt: skip


def calm(made: EngineSettings, *, coin: tuple[int, int] | None = (E8 - 50_000, E8 - 40_000)) -> Script:
    """Bring everything up around 150 USD; the coin 5 and 4 bps below par."""
    script = Script(Engine(made))
    script.connect(*(feed.name for feed in made.feeds))
    if coin is not None:
        script.book(COIN, *coin, size_e8=10_000 * E8)
    script.calm()
    return script


def item(plan: TradePlan, kind: CostKind) -> CostItem:
    """Return one cost."""
    (found,) = (cost for cost in plan.costs if cost.kind is kind)
    return found


def test_a_received_coin_costs_what_its_best_bid_is_below_par_plus_the_fee() -> None:
    script = calm(with_coin_book())
    script.now_ns += 7
    plan = opened(script).plan
    basis = item(plan, CostKind.STABLE_BASIS)
    assert (basis.source, basis.age_ns) == (f"book {COIN}", 7)
    assert basis.value_usd_e8 == -ceil_div(plan.pool_amount_out * 100 * (500 + 100), 1_000_000)


def test_a_coin_to_be_paid_costs_its_best_ask_against_par_and_may_be_a_credit() -> None:
    script = calm(with_coin_book())
    outputs = script.book(GEMINI, 153 * E8, 153 * E8 + CENT)
    (opening,) = (o for o in outputs if isinstance(o, OpportunityOpened))
    # 4 bps below par bought at the ask, 2 bps of fee on top: a gain of 2 bps, rounded down.
    paid = opening.plan.pool_amount_in * 100
    assert item(opening.plan, CostKind.STABLE_BASIS).value_usd_e8 == paid * 200 // 1_000_000


def test_a_moved_coin_changes_the_very_next_decision() -> None:
    script = calm(with_coin_book())
    first = opened(script).plan
    script.book(GEMINI, 150 * E8 - CENT, 150 * E8 + CENT)
    script.wait(3 * NANOS_PER_SECOND)
    script.book(COIN, E8 - 150_000, E8 - 140_000, size_e8=10_000 * E8)
    second = opened(script).plan
    assert item(second, CostKind.STABLE_BASIS).value_usd_e8 < item(first, CostKind.STABLE_BASIS).value_usd_e8 * 2


@pytest.mark.parametrize(("coin", "reason"), [(None, "basis_missing"), ((E8, E8 - 1_000), "basis_missing")])
def test_a_coin_without_a_usable_book_refuses(coin: tuple[int, int] | None, reason: str) -> None:
    script = calm(with_coin_book(), coin=coin)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert not script.of(OpportunityOpened)
    assert RejectionReason(reason) in reasons(script)


def test_a_coin_s_old_book_refuses() -> None:
    script = calm(with_coin_book(max_age_ns=NANOS_PER_SECOND))
    script.wait(2 * NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert not script.of(OpportunityOpened)
    assert RejectionReason.BASIS_STALE in reasons(script)


def paying(**changes: int) -> Script:
    """Return a calm market whose network cost follows the median of what others pay, at 100,000 compute units."""
    network = NetworkCost(5_000, 1, 1_000, "test", priority_percentile=50, compute_units=100_000, **changes)
    base = settings()
    made = EngineSettings(**{name: getattr(base, name) for name in base.__struct_fields__} | {"network_cost": network})
    script = Script(Engine(made))
    script.calm()
    return script


def test_the_priority_fee_is_the_percentile_of_what_others_pay_with_its_age() -> None:
    script = paying()
    script.send(PriorityFees(POOL, script.slot, (0, 10, 3_000_000, 4_000_000), script.now_ns))
    script.now_ns += 9
    low = item(opened(script).plan, CostKind.NETWORK_COST)
    assert (low.source, low.age_ns) == ("p50 of recent fees", 9)
    # the median of four is the second: 10 micro-lamports over 100,000 units are 1 lamport, below the configured 1,000
    assert low.value_usd_e8 == -ceil_div(6_000 * (148 * E8 + CENT), 10**9)


def test_a_rush_makes_the_network_dearer() -> None:
    script = paying()
    script.send(PriorityFees(POOL, script.slot, (3_000_000, 4_000_000, 5_000_000), script.now_ns))
    dear = item(opened(script).plan, CostKind.NETWORK_COST)
    assert dear.value_usd_e8 == -ceil_div(405_000 * (148 * E8 + CENT), 10**9)


def test_without_the_fees_of_others_nothing_opens_and_old_ones_are_no_better() -> None:
    script = paying(max_age_ns=NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert not script.of(OpportunityOpened)
    tallies = [view.tallies for view in script.engine.state.routes if view.tallies]
    assert any(RejectionReason.PRIORITY_FEE_MISSING in tally for tally in tallies)
    script.send(PriorityFees(POOL, script.slot, (), script.now_ns))
    script.wait(2 * NANOS_PER_SECOND)
    script.book(GEMINI, 148 * E8, 148 * E8 + CENT)
    assert not script.of(OpportunityOpened)
    assert RejectionReason.PRIORITY_FEE_STALE in reasons(script)


def test_nobody_paying_means_the_configured_fee() -> None:
    script = paying()
    script.send(PriorityFees(POOL, script.slot, (), script.now_ns))
    assert item(opened(script).plan, CostKind.NETWORK_COST).value_usd_e8 == -ceil_div(6_000 * (148 * E8 + CENT), 10**9)


def test_what_is_reserved_for_the_network_is_what_it_costs_now() -> None:
    made = paying().engine.state.settings
    holding = {"allocations": allocations(), "rebalancing": RebalancingSettings(routes=WAYS)}
    held = EngineSettings(**{name: getattr(made, name) for name in made.__struct_fields__} | holding)
    script = Script(Engine(held))
    script.calm()
    script.send(PriorityFees(POOL, script.slot, (9_000_000,), script.now_ns))
    opened(script)
    (primary,) = (trade for trade in script.engine.state.pending if trade.is_primary)
    assert primary.funding.network_lamports == 905_000
