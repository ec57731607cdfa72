"""The engine's whole state to bytes and back: a run cut anywhere and resumed gives the same outputs.

JSON because pool state has integers of 128 bits. Order matters (it reaches outputs), so everything is a list.
"""

import msgspec

from streaming_worker.core.amm.pool_state import OracleState, TickArray, WhirlpoolState
from streaming_worker.core.book import Book
from streaming_worker.core.controls import HeldHalt
from streaming_worker.core.cycle_simulate import PendingCycle
from streaming_worker.core.events import Levels, PriorityFees
from streaming_worker.core.grade import Rung
from streaming_worker.core.inventory import Inventory
from streaming_worker.core.outputs import RejectionReason
from streaming_worker.core.rebalancing import Recommendation, Transfers
from streaming_worker.core.risk import Risk
from streaming_worker.core.simulate import PendingTrade
from streaming_worker.core.spending import Spending
from streaming_worker.engine import halts
from streaming_worker.engine.settings import EngineSettings, Limits
from streaming_worker.engine.state import (
    BookView,
    ChainStatus,
    ChangedLimit,
    CycleTally,
    EngineState,
    Episode,
    FeedStatus,
    OpenCycle,
    PoolView,
    Tally,
    TemporaryLimit,
)
from streaming_worker.errors import StorageError

FORMAT = 8
READABLE = (5, 6, 7, FORMAT)
"""Format 5 had no cycles and no priority fees, 6 no halts and no limits for a time, 7 not who ordered what.

What they have means the same.
"""


class BookFrame(msgspec.Struct, frozen=True):
    """One book: its levels from the best on, and its view's counters."""

    key: str
    bids: Levels
    asks: Levels
    absent_removals: int
    same_quantity_repeats: int
    is_synced: bool
    received_ns: int
    lag_ns: int | None
    snapshots: int
    updates: int
    ignored_deltas: int
    crossed_since_ns: int | None
    crossed_ns: int


class PoolFrame(msgspec.Struct, frozen=True):
    """One pool: its accounts and the slots they were read at."""

    key: str
    state: WhirlpoolState | None
    slot: int
    received_ns: int
    arrays: list[tuple[int, TickArray]]
    oracle: OracleState | None
    updates: int
    priority: PriorityFees | None = None


class RouteFrame(msgspec.Struct, frozen=True):
    """One route: its open episode and the refusals of the running interval."""

    key: str
    episode: Episode | None
    tallies: list[tuple[RejectionReason, Tally]]


class CycleFrame(msgspec.Struct, frozen=True):
    """One cycle: its open episode and the refusals of the running interval."""

    key: str
    episode: OpenCycle | None
    tallies: list[tuple[RejectionReason, CycleTally]]


class HoldingsFrame(msgspec.Struct, frozen=True):
    """Shadow balances, what is on its way between them, and what was last said about them."""

    inventory: Inventory | None
    transfers: Transfers
    holdings_version: int
    alerted_version: int
    inventory_minute: int | None
    recommended: tuple[Recommendation, ...]
    spending: Spending = msgspec.field(default_factory=Spending)


class StateFrame(msgspec.Struct, frozen=True):
    """Everything."""

    format: int
    settings: EngineSettings
    event_count: int
    now_ns: int
    hour: int | None
    late_ns: int
    rejections_since_ns: int | None
    chain_digest: bytes
    feeds: list[FeedStatus]
    chains: list[tuple[str, ChainStatus]]
    books: list[BookFrame]
    pools: list[PoolFrame]
    routes: list[RouteFrame]
    pending: list[PendingTrade]
    rungs: list[tuple[str, list[Rung]]]
    risk: Risk
    limits: Limits
    holdings: HoldingsFrame
    cycles: list[CycleFrame] = []
    pending_cycles: list[PendingCycle] = []
    halts: list[HeldHalt] = []
    temporary: list[TemporaryLimit] = []
    changed: list[ChangedLimit] = []


def dump(state: EngineState) -> bytes:
    """Return the state as JSON."""
    return msgspec.json.encode(
        StateFrame(
            format=FORMAT,
            settings=state.settings,
            event_count=state.event_count,
            now_ns=state.now_ns,
            hour=state.hour,
            late_ns=state.late_ns,
            rejections_since_ns=state.rejections_since_ns,
            chain_digest=state.chain_digest,
            feeds=list(state.feeds.values()),
            chains=list(state.chains.items()),
            books=[_book_frame(view) for view in state.books.values()],
            pools=[_pool_frame(view) for view in state.pools.values()],
            routes=[RouteFrame(view.route.key, view.episode, list(view.tallies.items())) for view in state.routes],
            pending=state.pending,
            rungs=list(state.rungs.items()),
            risk=state.risk,
            limits=state.limits,
            holdings=HoldingsFrame(*(getattr(state, name) for name in HoldingsFrame.__struct_fields__)),
            cycles=[CycleFrame(view.cycle.key, view.episode, list(view.tallies.items())) for view in state.cycles],
            pending_cycles=state.pending_cycles,
            halts=list(state.halts.values()),
            temporary=state.temporary,
            changed=list(state.changed.values()),
        )
    )


def load(content: bytes) -> EngineState:
    """Rebuild the state. Raises StorageError for anything but a keyframe of this format."""
    try:
        frame = msgspec.json.decode(content, type=StateFrame)
    except msgspec.DecodeError as e:
        raise StorageError(f"expected an engine keyframe of format {FORMAT}, received {content[:80]!r}: {e}") from e
    if frame.format not in READABLE:
        raise StorageError(f"expected a keyframe of format {FORMAT}, received format {frame.format}")
    state = EngineState(frame.settings)
    state.event_count, state.now_ns, state.hour = frame.event_count, frame.now_ns, frame.hour
    state.late_ns = frame.late_ns
    state.rejections_since_ns, state.chain_digest = frame.rejections_since_ns, frame.chain_digest
    state.pending, state.risk, state.limits = frame.pending, frame.risk, frame.limits
    state.chains, state.rungs = dict(frame.chains), dict(frame.rungs)
    for name in HoldingsFrame.__struct_fields__:
        setattr(state, name, getattr(frame.holdings, name))
    _load_feeds(state, frame.feeds)
    for book in frame.books:
        _load_book(state.books[book.key], book)
    for pool in frame.pools:
        _load_pool(state.pools[pool.key], pool)
    for view, route in zip(state.routes, frame.routes, strict=True):
        view.episode, view.tallies = route.episode, dict(route.tallies)
    for cycle, saved in zip(state.cycles, frame.cycles, strict=True):
        cycle.episode, cycle.tallies = saved.episode, dict(saved.tallies)
    state.pending_cycles = frame.pending_cycles
    state.temporary = frame.temporary
    state.changed = {one.name: one for one in frame.changed}
    state.halts = {halt.scope: halt for halt in frame.halts}
    halts.mark(state)
    return state


def _book_frame(view: BookView) -> BookFrame:
    bids, asks = view.book.dump()
    return BookFrame(
        key=view.key,
        bids=bids,
        asks=asks,
        absent_removals=view.book.absent_removals,
        same_quantity_repeats=view.book.same_quantity_repeats,
        is_synced=view.is_synced,
        received_ns=view.received_ns,
        lag_ns=view.lag_ns,
        snapshots=view.snapshots,
        updates=view.updates,
        ignored_deltas=view.ignored_deltas,
        crossed_since_ns=view.crossed_since_ns,
        crossed_ns=view.crossed_ns,
    )


def _pool_frame(view: PoolView) -> PoolFrame:
    return PoolFrame(
        key=view.key,
        state=view.state,
        slot=view.slot,
        received_ns=view.received_ns,
        arrays=[(view.array_slots[start], array) for start, array in view.arrays.items()],
        oracle=view.oracle,
        updates=view.updates,
        priority=view.priority,
    )


def _load_feeds(state: EngineState, feeds: list[FeedStatus]) -> None:
    """Put the saved values into the objects that books and pools already point to."""
    for saved in feeds:
        feed = state.feeds[saved.name]
        for field in FeedStatus.__struct_fields__:
            setattr(feed, field, getattr(saved, field))


def _load_book(view: BookView, frame: BookFrame) -> None:
    view.book = Book.load(
        frame.bids,
        frame.asks,
        absent_removals=frame.absent_removals,
        same_quantity_repeats=frame.same_quantity_repeats,
    )
    view.is_synced, view.received_ns, view.lag_ns = frame.is_synced, frame.received_ns, frame.lag_ns
    view.snapshots, view.updates, view.ignored_deltas = frame.snapshots, frame.updates, frame.ignored_deltas
    view.crossed_since_ns, view.crossed_ns = frame.crossed_since_ns, frame.crossed_ns


def _load_pool(view: PoolView, frame: PoolFrame) -> None:
    view.state, view.slot, view.received_ns = frame.state, frame.slot, frame.received_ns
    view.oracle, view.updates, view.priority = frame.oracle, frame.updates, frame.priority
    for slot, array in frame.arrays:
        view.arrays[array.start_tick_index] = array
        view.array_slots[array.start_tick_index] = slot
    view.assemble()
