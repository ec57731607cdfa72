"""Shadow balances: reservations, settlement, drift, alerts; nothing appears or vanishes."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import (
    AlertKind,
    Allocation,
    Balance,
    BalanceAlert,
    Drift,
    Flow,
    Inventory,
    Shortfall,
    balance_key,
)
from streaming_worker.core.units import E8
from streaming_worker.errors import ConfigError

GEMINI, ORCA = Venue.GEMINI, Venue.ORCA
NOW = 1_790_000_000_000_000_000


def inventory(*lines: Allocation) -> Inventory:
    """Return 1,000 USD and 5 SOL on Gemini, 7 SOL on Orca, unless told otherwise."""
    return Inventory.of(
        lines
        or (
            Allocation(venue=GEMINI, asset="USD", initial_e8=1_000 * E8, target_e8=1_000 * E8, low_e8=200 * E8),
            Allocation(venue=GEMINI, asset="SOL", initial_e8=5 * E8, target_e8=6 * E8, low_e8=E8),
            Allocation(venue=ORCA, asset="SOL", initial_e8=7 * E8, target_e8=3 * E8, low_e8=0),
        )
    )


def test_a_reservation_leaves_the_total_and_takes_the_free_balance() -> None:
    held = inventory()
    assert held.reserve("t1", (Flow(GEMINI, "USD", -300 * E8), Flow(ORCA, "SOL", -2 * E8))) is None
    assert (held.total_e8(GEMINI, "USD"), held.free_e8(GEMINI, "USD")) == (1_000 * E8, 700 * E8)
    assert held.free_e8(ORCA, "SOL") == 5 * E8
    held.release("t1")
    assert held == inventory()


def test_one_balance_cannot_be_promised_twice() -> None:
    held = inventory()
    assert held.reserve("t1", (Flow(GEMINI, "USD", -600 * E8),)) is None
    before = msgspec.json.encode(held)
    refused = held.reserve("t2", (Flow(ORCA, "SOL", -E8), Flow(GEMINI, "USD", -600 * E8)))
    assert refused == Shortfall(GEMINI, "USD", needed_e8=600 * E8, free_e8=400 * E8)
    assert msgspec.json.encode(held) == before


def test_parts_of_one_reservation_on_one_balance_add_up() -> None:
    held = inventory()
    needs = (Flow(GEMINI, "USD", -600 * E8), Flow(GEMINI, "USD", -400 * E8 - 1))
    assert held.reserve("t1", needs) == Shortfall(GEMINI, "USD", needed_e8=1_000 * E8 + 1, free_e8=1_000 * E8)


def test_inflows_reserve_nothing() -> None:
    held = inventory()
    assert held.reserve("t1", (Flow(GEMINI, "USD", 5 * E8),)) is None
    assert held.free_e8(GEMINI, "USD") == 1_000 * E8


def test_an_unknown_balance_holds_nothing() -> None:
    held = inventory()
    assert held.total_e8(ORCA, "USDC") == held.free_e8(ORCA, "USDC") == 0
    assert held.reserve("t1", (Flow(ORCA, "USDC", -1),)) == Shortfall(ORCA, "USDC", needed_e8=1, free_e8=0)


def test_settling_replaces_the_reservation_by_what_flowed() -> None:
    held = inventory()
    held.reserve("t1", (Flow(GEMINI, "USD", -300 * E8), Flow(ORCA, "SOL", -2 * E8)))
    flows = (Flow(GEMINI, "USD", -301 * E8), Flow(GEMINI, "SOL", 2 * E8), Flow(ORCA, "SOL", -2 * E8),
             Flow(ORCA, "USDC", 303 * E8))  # fmt: skip
    assert held.settle("t1", flows) is None
    assert held.reservations == {}
    assert [(key, b.total_e8 // E8, b.reserved_e8) for key, b in held.balances.items()] == [
        ("gemini:USD", 699, 0), ("gemini:SOL", 7, 0), ("orca:SOL", 5, 0), ("orca:USDC", 303, 0),
    ]  # fmt: skip
    assert held.totals() == {"USD": 699 * E8, "SOL": 12 * E8, "USDC": 303 * E8}


def test_a_settlement_beyond_the_balance_changes_nothing_and_says_so() -> None:
    held = inventory()
    held.reserve("other", (Flow(GEMINI, "USD", -900 * E8),))
    held.reserve("t1", (Flow(GEMINI, "USD", -50 * E8),))
    assert held.spendable_e8("t1", GEMINI, "USD") == 100 * E8
    before = msgspec.json.encode(held)
    refused = held.settle("t1", (Flow(GEMINI, "USD", -100 * E8 - 1), Flow(ORCA, "SOL", E8)))
    assert refused == Shortfall(GEMINI, "USD", needed_e8=100 * E8 + 1, free_e8=100 * E8)
    assert msgspec.json.encode(held) == before
    assert held.settle("t1", (Flow(GEMINI, "USD", -100 * E8),)) is None
    assert held.free_e8(GEMINI, "USD") == 0


def test_a_transfer_moves_free_balances_only() -> None:
    held = inventory()
    held.reserve("t1", (Flow(ORCA, "SOL", -5 * E8),))
    assert held.apply((Flow(ORCA, "SOL", -3 * E8),)) == Shortfall(ORCA, "SOL", needed_e8=3 * E8, free_e8=2 * E8)
    assert held.apply((Flow(ORCA, "SOL", -2 * E8),)) is None
    assert held.total_e8(ORCA, "SOL") == 5 * E8


def test_reservations_are_named_once_and_known() -> None:
    held = inventory()
    held.reserve("t1", ())
    with pytest.raises(ValueError, match="t1 exists already"):
        held.reserve("t1", ())
    held.release("t1")
    for unknown in (held.release, lambda name: held.settle(name, ())):
        with pytest.raises(KeyError):
            unknown("t1")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([(GEMINI, 0, 0, 0), (GEMINI, 1, 1, 0)], "gemini:SOL is configured twice"),
        ([(GEMINI, -1, 0, 0)], "at least 0"),
        ([(GEMINI, 0, -1, 0)], "at least 0"),
        ([(GEMINI, 0, 0, -1)], "at least 0"),
    ],
)
def test_a_balance_is_configured_once_with_amounts_of_at_least_0(
    lines: list[tuple[Venue, int, int, int]], message: str
) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Inventory.of(Allocation(venue=v, asset="SOL", initial_e8=i, target_e8=t, low_e8=low) for v, i, t, low in lines)
    assert caught.value.key == "gemini:SOL"


def test_drift_is_signed_absolute_and_a_share_of_the_target_rounded_away_from_zero() -> None:
    held = inventory()
    held.apply((Flow(ORCA, "USDC", E8),))
    usd, gemini_sol, orca_sol, usdc = held.drifts()
    assert usd.drift_millionths == 0
    assert gemini_sol == Drift(GEMINI, "SOL", 5 * E8, 6 * E8, -E8, E8, -166_667)
    assert orca_sol == Drift(ORCA, "SOL", 7 * E8, 3 * E8, 4 * E8, 4 * E8, 1_333_334)
    assert (usdc.drift_e8, usdc.drift_millionths) == (E8, None)


def test_a_low_balance_is_reported_once_until_it_is_well_back() -> None:
    held = inventory()
    assert held.alerts(NOW) == []
    held.reserve("t1", (Flow(GEMINI, "USD", -900 * E8),))
    assert held.alerts(NOW) == []
    held.settle("t1", (Flow(GEMINI, "USD", -800 * E8 - 1),))
    low = BalanceAlert(AlertKind.LOW_BALANCE, GEMINI, "USD", 200 * E8 - 1, 200 * E8, NOW)
    assert held.alerts(NOW) == [low]
    held.apply((Flow(GEMINI, "USD", 20 * E8),))
    assert held.alerts(NOW + 1) == []
    held.apply((Flow(GEMINI, "USD", 1),))
    assert held.alerts(NOW + 2) == [
        BalanceAlert(AlertKind.RECOVERED, GEMINI, "USD", 220 * E8, 200 * E8, NOW + 2),
    ]
    assert held.alerts(NOW + 3) == []


def test_a_keyframe_holds_all_of_it() -> None:
    held = inventory()
    held.reserve("t1", (Flow(GEMINI, "USD", -300 * E8),))
    held.alerts(NOW)
    assert msgspec.json.decode(msgspec.json.encode(held), type=Inventory) == held
    assert list(held.balances) == [balance_key(b.venue, b.asset) for b in held.balances.values()]


VENUES = st.sampled_from([GEMINI, ORCA, Venue.COINBASE])
AMOUNTS = st.integers(-30, 30)
FLOWS = st.lists(st.builds(Flow, VENUES, st.sampled_from(["USD", "SOL"]), AMOUNTS), max_size=4).map(tuple)
STEPS = st.lists(
    st.tuples(st.sampled_from(["reserve", "release", "settle", "apply"]), st.integers(0, 3), FLOWS), max_size=40
)


@given(STEPS)
def test_assets_change_by_the_flows_alone_and_no_free_balance_is_negative(
    steps: list[tuple[str, int, tuple[Flow, ...]]],
) -> None:
    held = inventory(
        Allocation(venue=GEMINI, asset="USD", initial_e8=50, target_e8=50),
        Allocation(venue=ORCA, asset="SOL", initial_e8=20, target_e8=20),
    )
    expected = {"USD": 50, "SOL": 20}
    for action, number, flows in steps:
        before = msgspec.json.encode(held)
        result = _run(held, action, f"t{number}", flows)
        if isinstance(result, Shortfall):
            assert msgspec.json.encode(held) == before
            assert result.needed_e8 > result.free_e8 >= 0
        elif result and action in ("settle", "apply"):
            for flow in flows:
                expected[flow.asset] += flow.delta_e8
        assert {"USD": 0, "SOL": 0} | held.totals() == expected
        for balance in held.balances.values():
            assert 0 <= balance.reserved_e8 <= balance.total_e8
            assert balance.reserved_e8 == _reserved(held, balance)


def _run(held: Inventory, action: str, name: str, flows: tuple[Flow, ...]) -> Shortfall | bool:
    """Do one step where it applies; return whether it did, or the shortfall."""
    if action == "apply":
        return held.apply(flows) or True
    if (action == "reserve") == (name in held.reservations):
        return False
    if action == "release":
        held.release(name)
        return True
    return (held.reserve(name, flows) if action == "reserve" else held.settle(name, flows)) or True


def _reserved(held: Inventory, balance: Balance) -> int:
    flows = (flow for needs in held.reservations.values() for flow in needs)
    return -sum(f.delta_e8 for f in flows if (f.venue, f.asset) == (balance.venue, balance.asset))
