"""Rows fit their tables: every value stands in the column that the schema gives it."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streaming_worker.core.amm.pool_state import TickArray
from streaming_worker.core.events import BookDelta, CommandKind, LimitSetting, OperatorCommand, TickArrayUpdate
from streaming_worker.core.outputs import (
    CostItem,
    CostKind,
    Direction,
    Keyframe,
    LegKind,
    LegStatus,
    OpportunityOpened,
    SimulatedLeg,
    SimulatedTrade,
    TradePlan,
)
from streaming_worker.storage.batch import arrow_table
from streaming_worker.storage.rows import event_rows, output_rows
from streaming_worker.storage.schema import TABLE, Role


def as_record(table_row) -> dict:
    name, row = table_row
    return dict(zip(TABLE[name].column_names, row, strict=True))


@settings(deadline=None)
@given(data=st.data())
def test_every_event_row_fits_its_input_table(any_event, data) -> None:
    event = data.draw(any_event)
    rows = event_rows(77, event)
    assert rows
    for name, row in rows:
        assert TABLE[name].role is Role.INPUT
        arrow_table(TABLE[name], [row]).validate(full=True)
        assert row[:2] == (77, event.received_ns)


@settings(deadline=None)
@given(data=st.data())
def test_every_output_row_fits_its_output_table(any_output, data) -> None:
    output = data.draw(any_output)
    for name, row in output_rows(77, output):
        assert TABLE[name].role is Role.OUTPUT
        arrow_table(TABLE[name], [row]).validate(full=True)
        assert row[1] == output.received_ns


def test_a_delta_without_levels_is_one_row_without_a_side() -> None:
    (row,) = event_rows(3, BookDelta("coinbase:SOL-USD", [], [], 11, 22, 33))
    record = as_record(row)
    assert (record["side"], record["price_e8"], record["size_e8"], record["position"]) == ("none", 0, 0, 0)
    assert (record["seq"], record["received_ns"], record["exchange_ns"], record["venue_sequence"]) == (3, 22, 11, 33)
    assert record["is_snapshot"] is False


def test_levels_are_numbered_bids_first() -> None:
    rows = event_rows(1, BookDelta("a:b", [(10, 1), (9, 2)], [(11, 3)], None, 5))
    facts = [(r["side"], r["price_e8"], r["size_e8"], r["position"]) for r in map(as_record, rows)]
    assert facts == [("bid", 10, 1, 0), ("bid", 9, 2, 1), ("ask", 11, 3, 2)]


def test_an_array_without_ticks_is_one_row_with_a_null_tick() -> None:
    (row,) = event_rows(1, TickArrayUpdate("orca:p", 9, TickArray(-5632, ()), 5))
    record = as_record(row)
    assert (record["start_tick_index"], record["tick_index"], record["liquidity_net"]) == (-5632, None, None)


def test_a_keyframe_is_stored_under_the_count_before_the_event() -> None:
    ((name, row),) = output_rows(101, Keyframe("d1", 100, b"state", 5))
    assert (name, row) == ("keyframes", (100, 5, "d1", b"state"))


def test_a_simulated_trade_has_a_row_and_one_per_leg() -> None:
    costs = (CostItem(CostKind.POOL_FEE, -3, "pool", 0), CostItem(CostKind.POOL_FEE, -4, "pool", 0))
    plan = TradePlan(1, 2, 3, 4, 50, costs, 43, 6)
    legs = (
        SimulatedLeg(LegKind.CEX, LegStatus.FILLED, 10, 11, 12, 13, -14, None),
        SimulatedLeg(LegKind.POOL, LegStatus.REVERTED, 20, 21, 22, 23, -24, 25),
    )
    trade = SimulatedTrade(
        *("t", "o", "gemini:SOLUSD", "orca:p", Direction.BUY_POOL_SELL_CEX, 60, 61, 62, 63),
        *(plan, legs, (CostItem(CostKind.NETWORK_COST, -9, "rpc", 1),), 70, 71, 72),
    )
    head, *rest = map(as_record, output_rows(5, trade))
    assert (head["predicted_pool_fee_usd_e8"], head["predicted_taker_fee_usd_e8"]) == (-7, 0)
    assert (head["predicted_net_usd_e8"], head["predicted_net_edge_centibps"]) == (43, 6)
    assert (head["realised_gross_usd_e8"], head["realised_network_cost_usd_e8"], head["realised_net_usd_e8"]) == (
        70,
        -9,
        71,
    )
    assert [(leg["leg"], leg["kind"], leg["status"], leg["slot"]) for leg in rest] == [
        (0, "cex", "filled", None),
        (1, "pool", "reverted", 25),
    ]


def test_limits_of_a_command_are_named_in_its_row() -> None:
    named = (LimitSetting("daily_loss_usd_e8", 5),)
    (row,) = event_rows(1, OperatorCommand("c", CommandKind.SET_LIMITS, "ops", "why", 9, named))
    assert as_record(row)["limits"] == '[{"name":"daily_loss_usd_e8","value":5}]'
    (row,) = event_rows(1, OperatorCommand("c", CommandKind.PAUSE, "ops", "why", 9))
    assert as_record(row)["limits"] is None


def test_each_cost_of_an_opening_has_a_row_with_its_source_and_age() -> None:
    costs = (CostItem(CostKind.TAKER_FEE, -5, "tier 2", 0), CostItem(CostKind.STABLE_BASIS, 3, "book", 40))
    plan = TradePlan(1, 2, 3, 4, 50, costs, 48, 6)
    head, *rest = output_rows(5, OpportunityOpened("o", "i", "p", Direction.BUY_CEX_SELL_POOL, plan, 72))
    assert head[0] == "opportunity_openings"
    assert {name for name, _ in rest} == {"opportunity_costs"}
    facts = [(r["stage"], r["kind"], r["value_usd_e8"], r["source"], r["age_ns"]) for r in map(as_record, rest)]
    assert facts == [("opening", "taker_fee", -5, "tier 2", 0), ("opening", "stable_basis", 3, "book", 40)]
