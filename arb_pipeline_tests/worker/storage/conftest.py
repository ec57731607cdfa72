"""Running sinks, and any event and output that the types allow within their on-chain and venue sizes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st

from streaming_worker.adapters.clock import AnchoredClock
from streaming_worker.core import controls as c
from streaming_worker.core import cycle_outputs as co
from streaming_worker.core import events as e
from streaming_worker.core import outputs as o
from streaming_worker.core.amm import pool_state as p
from streaming_worker.core.cycle import CycleLeg, CyclePlan
from streaming_worker.core.instrument import Venue
from streaming_worker.core.inventory import AlertKind, BalanceAlert
from streaming_worker.core.rebalancing import ProposedTransfer, Recommendation, Transfer
from streaming_worker.errors import StorageError
from streaming_worker.storage.live_file import WorkerRun
from streaming_worker.storage.sink import Sink, SinkSettings

I64 = st.integers(-(2**63), 2**63 - 1)
I32 = st.integers(-(2**31), 2**31 - 1)
U64 = st.integers(0, 2**64 - 1)
U128 = st.integers(0, 2**128 - 1)
I128 = st.integers(-(2**127), 2**127 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
MAYBE = st.none() | I64
LEVELS = st.lists(st.tuples(I64, I64), max_size=6)

TICKS = st.lists(st.builds(p.Tick, I32, I128, U128), max_size=4, unique_by=lambda tick: tick.tick_index).map(
    lambda ticks: tuple(sorted(ticks, key=lambda tick: tick.tick_index))
)
WHIRLPOOL = st.builds(
    p.WhirlpoolState,
    address=TEXT,
    tick_spacing=I32,
    fee_tier_index=I32,
    fee_rate=I32,
    protocol_fee_rate=I32,
    liquidity=U128,
    sqrt_price_x64=U128,
    tick_current_index=I32,
    protocol_fee_owed_a=U64,
    protocol_fee_owed_b=U64,
    token_mint_a=TEXT,
    token_vault_a=TEXT,
    fee_growth_global_a_x64=U128,
    token_mint_b=TEXT,
    token_vault_b=TEXT,
    fee_growth_global_b_x64=U128,
)
ORACLE = st.builds(
    p.OracleState,
    whirlpool=TEXT,
    trade_enable_timestamp=U64,
    constants=st.builds(p.AdaptiveFeeConstants, *[I32] * 7),
    variables=st.builds(p.AdaptiveFeeVariables, U64, U64, I32, I32, I32),
)

LIMITS = st.lists(st.builds(e.LimitSetting, TEXT, I64), max_size=3).map(tuple)
CONTROLS = st.builds(
    c.Controls,
    st.none() | TEXT,
    st.none()
    | st.builds(
        c.HeldRisk, st.sampled_from(o.RiskState), st.sampled_from(o.RiskCause), TEXT, TEXT, I64, st.none() | TEXT
    ),
    st.lists(st.builds(c.HeldLimit, TEXT, I64, I64, TEXT, TEXT, TEXT, MAYBE), max_size=2).map(tuple),
    st.lists(st.builds(c.HeldHalt, TEXT, TEXT, TEXT, I64, TEXT), max_size=2).map(tuple),
    MAYBE,
    I64,
    st.lists(TEXT, max_size=2).map(tuple),
    st.none() | TEXT,
)
EVENT = st.one_of(
    st.builds(e.BookSnapshot, TEXT, LEVELS, LEVELS, MAYBE, I64, MAYBE),
    st.builds(e.BookDelta, TEXT, LEVELS, LEVELS, MAYBE, I64, MAYBE),
    st.builds(e.TradePrint, TEXT, TEXT, I64, I64, st.sampled_from(e.TakerSide), MAYBE, I64, st.booleans()),
    st.builds(e.PoolUpdate, TEXT, I64, WHIRLPOOL, I64),
    st.builds(e.TickArrayUpdate, TEXT, I64, st.builds(p.TickArray, I32, TICKS), I64),
    st.builds(e.OracleUpdate, TEXT, I64, ORACLE, I64),
    st.builds(e.PriorityFees, TEXT, I64, st.lists(U64, max_size=4).map(tuple), I64),
    st.builds(e.ChainClock, TEXT, I64, I64, I64),
    st.builds(e.SlotAdvanced, TEXT, I64, I64),
    st.builds(e.FeedConnected, TEXT, I64, I64),
    st.builds(e.FeedLost, TEXT, I64, TEXT, MAYBE, I64),
    st.builds(e.FeedGap, TEXT, st.none() | TEXT, st.sampled_from(e.GapCause), MAYBE, MAYBE, I64),
    st.builds(e.FeedHeartbeat, TEXT, MAYBE, MAYBE, I64),
    st.builds(
        e.OperatorCommand,
        *(TEXT, st.sampled_from(e.CommandKind), TEXT, TEXT, I64, LIMITS, st.none() | TEXT, MAYBE),
    ),
    st.builds(e.ControlsRestored, CONTROLS, I64),
    st.builds(e.ClockTick, I64, I64),
)

VENUE = st.sampled_from(Venue)
PROPOSAL = st.builds(ProposedTransfer, VENUE, VENUE, TEXT, TEXT, I64, I64, I64, TEXT)
HOLDING = st.one_of(
    st.builds(o.InventorySnapshot, VENUE, TEXT, I64, I64, I64, I64, I64, MAYBE, I64),
    st.builds(BalanceAlert, st.sampled_from(AlertKind), VENUE, TEXT, I64, I64, I64),
    st.builds(
        Recommendation,
        *(st.lists(TEXT).map(tuple), st.lists(PROPOSAL, max_size=3).map(tuple), I64, I64, I64, MAYBE, MAYBE, I64),
    ),
    st.builds(o.TransferMoved, st.sampled_from(o.TransferStatus), st.builds(Transfer, TEXT, PROPOSAL, I64, I64), I64),
)
MONEY = st.integers(-(10**17), 10**17)
COSTS = st.lists(st.builds(o.CostItem, st.sampled_from(o.CostKind), MONEY, TEXT, I64), max_size=8).map(tuple)
PLAN = st.builds(o.TradePlan, I64, I64, I64, I64, I64, COSTS, I64, I64)
DIRECTION = st.sampled_from(o.Direction)
LEG = st.builds(
    o.SimulatedLeg, st.sampled_from(o.LegKind), st.sampled_from(o.LegStatus), I64, I64, I64, I64, I64, MAYBE
)
CYCLE_LEG = st.builds(CycleLeg, TEXT, st.booleans(), I64, I64, I64, TEXT, I64, I64, I64, I64)
TURN = st.builds(CyclePlan, st.tuples(CYCLE_LEG, CYCLE_LEG, CYCLE_LEG), *[I64] * 8)
TURN_LEG = st.builds(co.CycleTradeLeg, TEXT, st.booleans(), st.sampled_from(o.LegStatus), *[I64] * 5, TEXT, *[I64] * 4)
CYCLE_OUTPUT = st.one_of(
    st.builds(co.CycleOpened, TEXT, TEXT, TURN, I64),
    st.builds(co.CycleEpisode, TEXT, TEXT, I64, I64, I64, st.sampled_from(o.CloseReason), I64, TURN, TURN, I64),
    st.builds(co.CycleRejectionCount, TEXT, st.sampled_from(o.RejectionReason), I64, MAYBE, I64, I64),
    st.builds(
        co.CycleTrade,
        *(TEXT, TEXT, TEXT, I64, I64, I64, TURN, st.lists(TURN_LEG, max_size=3).map(tuple), I64, I64, I64, I64, I64),
    ),
)
OUTPUT = st.one_of(
    CYCLE_OUTPUT,
    st.builds(o.OpportunityOpened, TEXT, TEXT, TEXT, DIRECTION, PLAN, I64),
    st.builds(
        o.Opportunity,
        *(TEXT, TEXT, TEXT, DIRECTION, I64, I64, I64, st.sampled_from(o.CloseReason), I64, I64, PLAN, PLAN),
        *(MAYBE, I64, I64),
    ),
    st.builds(
        o.RejectionCount, TEXT, TEXT, DIRECTION, st.sampled_from(o.RejectionReason), I64, MAYBE, I64, I64, MAYBE, MAYBE
    ),
    st.builds(o.OpportunitySample, TEXT, I64, I64, I64, I64, I64, I64),
    st.builds(o.EpisodeGrade, TEXT, st.sampled_from(o.Grade), MAYBE, MAYBE, I32, I32, I32, I64),
    st.builds(
        o.SimulatedTrade,
        *(TEXT, TEXT, TEXT, TEXT, DIRECTION, I64, I64, I64, I64, PLAN, st.lists(LEG, max_size=3).map(tuple)),
        *(COSTS, I64, I64, I64, st.sampled_from(o.LatencyModel)),
    ),
    st.builds(
        o.RiskTransition,
        *(st.sampled_from(o.RiskState), st.sampled_from(o.RiskState), st.sampled_from(o.RiskCause)),
        *(TEXT, TEXT, I64, I64, I64),
    ),
    st.builds(o.HaltChange, TEXT, TEXT, st.booleans(), TEXT, TEXT, st.none() | TEXT, I64),
    st.builds(o.LimitChange, TEXT, TEXT, TEXT, TEXT, MAYBE, I64, st.none() | TEXT, I64),
    HOLDING,
    st.builds(o.Keyframe, TEXT, I64, st.binary(max_size=64), I64),
)


@pytest.fixture(scope="session")
def any_event() -> st.SearchStrategy[Any]:
    """Return a strategy for events of every kind."""
    return EVENT


@pytest.fixture(scope="session")
def any_output() -> st.SearchStrategy[Any]:
    """Return a strategy for outputs of every kind."""
    return OUTPUT


@pytest.fixture
def start_sink(tmp_path: Path) -> Iterator[Callable[..., Sink]]:
    """Return a maker of running sinks on one data folder; whatever still runs at the end is stopped."""
    sinks: list[Sink] = []

    def start(worker: str = "w", run_id: str = "run-1", clock: Any = None, **settings: Any) -> Sink:
        run = WorkerRun(worker=worker, run_id=run_id, version="0", settings="{}")
        sink = Sink(tmp_path / "data", run, clock or AnchoredClock(), SinkSettings(**settings))
        sinks.append(sink)
        sink.start()
        return sink

    yield start
    for sink in sinks:
        with suppress(StorageError):
            sink.stop()
