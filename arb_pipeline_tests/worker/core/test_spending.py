"""What trades asked of balances lately: by window, forgotten in time, and only where a transfer could help."""

from arb_pipeline_tests.fixtures.transfers import WAYS
from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import Flow
from streaming_worker.core.rebalancing import Demand
from streaming_worker.core.spending import Spending
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND

START = 1_000 * NANOS_PER_HOUR
HALF_MINUTE = 30 * NANOS_PER_SECOND


def noted(*, at_ns: int = START, sol: int = 10) -> Spending:
    """Return what one trade of 20 bps took: SOL at Orca, and USD at Gemini."""
    spending = Spending(before={}, now={})
    flows = (Flow(Venue.ORCA, "SOL", -sol * E8), Flow(Venue.GEMINI, "USD", -E8), Flow(Venue.GEMINI, "SOL", E8))
    spending.note(flows, net_usd_e8=2 * E8, notional_usd_e8=1_000 * E8, now_ns=at_ns)
    return spending


def test_a_balance_is_expected_to_be_asked_as_before_until_its_transfer_could_arrive() -> None:
    found = noted().demands(WAYS, START + 60 * NANOS_PER_SECOND)
    assert found == (
        Demand(Venue.ORCA, "SOL", 5 * E8, 2_000),
        Demand(Venue.GEMINI, "USD", E8 // 2, 2_000),
    )


def test_nothing_spent_or_no_transfer_means_no_demand() -> None:
    assert Spending(before={}, now={}).demands(WAYS, START) == ()
    assert noted().demands((), START + HALF_MINUTE) == ()


def test_the_slowest_way_counts() -> None:
    from msgspec.structs import replace

    slow = replace(WAYS[0], duration_ns=120 * NANOS_PER_SECOND)
    (sol, *_) = noted().demands((*WAYS, slow), START + 60 * NANOS_PER_SECOND)
    assert sol.spend_e8 == 20 * E8


def test_the_last_full_hour_counts_with_the_running_one_and_then_no_more() -> None:
    spending = noted()
    later = START + NANOS_PER_HOUR + NANOS_PER_HOUR // 2
    (sol, *_) = spending.demands(WAYS, later)
    assert sol.spend_e8 == 10 * E8 * HALF_MINUTE // (NANOS_PER_HOUR + NANOS_PER_HOUR // 2)
    spending.note((), net_usd_e8=0, notional_usd_e8=0, now_ns=later)
    assert spending.demands(WAYS, START + 2 * NANOS_PER_HOUR + 1) == ()
    assert noted().demands(WAYS, START + 5 * NANOS_PER_HOUR) == ()
