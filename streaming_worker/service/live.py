"""What changes in the worker, ten times a second, for the API process: one line for all that listen.

Nothing is built while nobody listens but the short memory of recent outputs, which a new listener gets first. A
listener that does not keep up is cut; it comes back for a new snapshot. This never waits for anybody.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from streaming_worker.adapters.clock import Clock
from streaming_worker.core.controls import HeldHalt
from streaming_worker.core.events import Event
from streaming_worker.core.outputs import Keyframe, Output, RiskState
from streaming_worker.core.rebalancing import Recommendation, Transfer
from streaming_worker.core.units import Nanos
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.exposure import open_usd_e8
from streaming_worker.engine.halts import scopes_of
from streaming_worker.engine.holdings import prices_of
from streaming_worker.engine.settings import Limits
from streaming_worker.engine.state import BookView, EngineState, PoolView, RouteView, TemporaryLimit
from streaming_worker.service.health import Health, HealthReport
from streaming_worker.service.metrics import Metrics, Reading

TICK_S: Final = 0.1
HEALTH_EVERY: Final = 10
REMEMBERED: Final = 4_000
WAITING: Final = 50
MOST_LISTENERS: Final = 8


class LiveBook(msgspec.Struct, frozen=True):
    """The top of one book. Units: quote x 1e8, base x 1e8; ns.

    ``updates`` counts snapshots and deltas; ``lag_ns`` is by the venue's clock.
    """

    is_synced: bool
    best_bid: tuple[int, int] | None
    best_ask: tuple[int, int] | None
    bids: int
    asks: int
    updates: int
    is_crossed: bool
    received_ns: Nanos
    lag_ns: Nanos | None


class LivePool(msgspec.Struct, frozen=True):
    """One pool. ``mid_e8`` is its marginal price before the fee, quote x 1e8, None without liquidity."""

    is_synced: bool
    slot: int | None
    liquidity: str | None
    sqrt_price_x64: str | None
    tick_current_index: int | None
    mid_e8: int | None
    updates: int
    received_ns: Nanos | None


class LiveRisk(msgspec.Struct, frozen=True):
    """The risk state with its limits as they are now. Units: USD x 1e8; ns."""

    state: RiskState
    cause: str | None
    daily_net_usd_e8: int
    open_usd_e8: int
    cools_until_ns: Nanos
    pending_trades: int
    limits: Limits
    halts: tuple[HeldHalt, ...] = ()
    temporary: tuple[TemporaryLimit, ...] = ()
    scopes: tuple[str, ...] = ()
    healthy_since_ns: Nanos | None = None


class LiveBalance(msgspec.Struct, frozen=True):
    """One shadow balance. Units: asset x 1e8; ``price_usd_e8`` values one unit."""

    venue: str
    asset: str
    total_e8: int
    reserved_e8: int
    target_e8: int
    low_e8: int
    arriving_e8: int
    is_low: bool
    price_usd_e8: int | None


class LiveHoldings(msgspec.Struct, frozen=True):
    """Shadow inventory, what is on its way, and what is recommended."""

    balances: tuple[LiveBalance, ...]
    transfers: tuple[Transfer, ...]
    recommended: tuple[Recommendation, ...]


class LiveEpisode(msgspec.Struct, frozen=True):
    """An opportunity that is open now. Units: USD x 1e8, hundredths of a basis point."""

    opportunity_id: str
    instrument: str
    pool: str
    direction: str
    opened_ns: Nanos
    updates: int
    opening_net_usd_e8: int
    opening_edge_centibps: int
    peak_net_usd_e8: int
    peak_edge_centibps: int


class LiveOutput(msgspec.Struct, frozen=True):
    """One output of the engine with the event it belongs to."""

    seq: int
    output: Output


class LiveTick(msgspec.Struct, frozen=True, kw_only=True):
    """One line. A snapshot holds everything; a later line only what changed since the line before."""

    number: int
    is_snapshot: bool
    at_ns: Nanos
    worker: str
    run_id: str
    events: int
    books: dict[str, LiveBook]
    pools: dict[str, LivePool]
    episodes: tuple[LiveEpisode, ...]
    outputs: tuple[LiveOutput, ...]
    risk: LiveRisk | None = None
    health: HealthReport | None = None
    holdings: LiveHoldings | None = None
    offsets_ns: dict[str, Nanos | None] | None = None
    metrics: dict[str, Reading] | None = None


class Live:
    """Follows the pump, and serves listeners. Give ``observe`` to the pump, iterate ``lines`` per listener."""

    def __init__(self, *, engine: Engine, health: Health, metrics: Metrics, clock: Clock) -> None:
        self._engine = engine
        self._health = health
        self._metrics = metrics
        self._clock = clock
        self._recent: deque[LiveOutput] = deque(maxlen=REMEMBERED)
        self._fresh: list[LiveOutput] = []
        self._listeners: list[asyncio.Queue[bytes | None]] = []
        self._number = 0
        self._seen: dict[str, tuple[Nanos, int, bool]] = {}
        self._risk: LiveRisk | None = None
        self._closing = asyncio.Event()
        self._encoder = msgspec.json.Encoder()

    @property
    def listener_count(self) -> int:
        """How many listen now."""
        return len(self._listeners)

    def observe(self, seq: int, _: Event, outputs: Sequence[Output]) -> None:
        """Remember what the engine said; a keyframe is for the record alone."""
        for output in outputs:
            if not isinstance(output, Keyframe):
                self._remember(LiveOutput(seq, output))

    def close(self) -> None:
        """End every listener's lines."""
        self._closing.set()
        for queue in self._listeners:
            _put_last(queue)

    async def run(self) -> None:
        """Build a line every 100 ms while somebody listens, until closed."""
        while not self._closing.is_set():
            await self._clock.sleep(TICK_S)
            if self._listeners:
                self._send(self._encode(self._tick(is_snapshot=False)))

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield a snapshot, then each line. Ends when closed, or when the listener does not keep up."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        yield self._encode(self._tick(is_snapshot=True))
        if self._closing.is_set():
            return
        self._listeners.append(queue)
        try:
            while (line := await queue.get()) is not None:
                yield line
        finally:
            if queue in self._listeners:
                self._listeners.remove(queue)

    def _remember(self, one: LiveOutput) -> None:
        self._recent.append(one)
        if self._listeners:
            self._fresh.append(one)

    def _send(self, line: bytes) -> None:
        for queue in list(self._listeners):
            if queue.full():
                self._listeners.remove(queue)
                _put_last(queue)
            else:
                queue.put_nowait(line)

    def _encode(self, tick: LiveTick) -> bytes:
        return self._encoder.encode(tick) + b"\n"

    def _tick(self, *, is_snapshot: bool) -> LiveTick:
        state = self._engine.state
        self._number += not is_snapshot
        outputs = tuple(self._recent if is_snapshot else self._fresh)
        if not is_snapshot:
            self._fresh = []
        is_whole = is_snapshot or self._number % HEALTH_EVERY == 0
        report = self._health.report() if is_whole else None
        return LiveTick(
            number=self._number,
            is_snapshot=is_snapshot,
            at_ns=self._clock.now_ns(),
            worker=self._health.worker,
            run_id=self._health.run_id,
            events=state.event_count,
            books={key: _book(view) for key, view in state.books.items() if self._is_news(view, is_snapshot)},
            pools={key: _pool(view) for key, view in state.pools.items() if self._is_news(view, is_snapshot)},
            episodes=tuple(_episode(route) for route in state.routes if route.episode is not None),
            outputs=outputs,
            risk=self._changed_risk(state, is_snapshot),
            health=report,
            holdings=_holdings(state) if is_whole else None,
            offsets_ns={name: feed.clock.offset_ns for name, feed in state.feeds.items()} if is_whole else None,
            metrics=self._metrics.snapshot() if is_whole else None,
        )

    def _is_news(self, view: BookView | PoolView, is_snapshot: bool) -> bool:
        mark = (view.received_ns, view.updates, view.is_synced)
        if is_snapshot:
            return True
        is_news = self._seen.get(view.key) != mark
        self._seen[view.key] = mark
        return is_news

    def _changed_risk(self, state: EngineState, is_snapshot: bool) -> LiveRisk | None:
        risk = _risk(state)
        is_news = is_snapshot or risk != self._risk
        if not is_snapshot:
            self._risk = risk
        return risk if is_news else None


def _put_last(queue: asyncio.Queue[bytes | None]) -> None:
    """Make room for the end: what was not read is lost, and the listener will start again."""
    while queue.full():
        queue.get_nowait()
    queue.put_nowait(None)


def _book(view: BookView) -> LiveBook:
    book = view.book
    return LiveBook(
        is_synced=view.is_synced,
        best_bid=book.best_bid,
        best_ask=book.best_ask,
        bids=book.bid_count,
        asks=book.ask_count,
        updates=view.snapshots + view.updates,
        is_crossed=book.is_crossed,
        received_ns=view.received_ns,
        lag_ns=view.lag_ns,
    )


def _pool(view: PoolView) -> LivePool:
    state = view.state
    return LivePool(
        is_synced=view.is_synced,
        slot=None if state is None else view.slot,
        liquidity=None if state is None else str(state.liquidity),
        sqrt_price_x64=None if state is None else str(state.sqrt_price_x64),
        tick_current_index=None if state is None else state.tick_current_index,
        mid_e8=next((route.pool_mid_e8 for route in view.routes), None),
        updates=view.updates,
        received_ns=view.received_ns or None,
    )


def _risk(state: EngineState) -> LiveRisk:
    risk = state.risk
    return LiveRisk(
        state=risk.state,
        cause=None if risk.cause is None else risk.cause.value,
        daily_net_usd_e8=risk.daily_net_usd_e8,
        open_usd_e8=open_usd_e8(state),
        cools_until_ns=risk.cools_until_ns,
        pending_trades=len(state.pending),
        limits=state.limits,
        halts=tuple(state.halts.values()),
        temporary=tuple(state.temporary),
        scopes=tuple(scopes_of(state)),
        healthy_since_ns=risk.healthy_since_ns,
    )


def _holdings(state: EngineState) -> LiveHoldings | None:
    if state.inventory is None:
        return None
    prices = prices_of(state)
    balances = tuple(
        LiveBalance(
            venue=balance.venue.value,
            asset=balance.asset,
            total_e8=balance.total_e8,
            reserved_e8=balance.reserved_e8,
            target_e8=balance.target_e8,
            low_e8=balance.low_e8,
            arriving_e8=state.transfers.arriving_e8(balance.venue, balance.asset),
            is_low=balance.is_low,
            price_usd_e8=prices.get(balance.asset),
        )
        for balance in state.inventory.balances.values()
    )
    return LiveHoldings(balances, tuple(state.transfers.in_flight), state.recommended)


def _episode(route: RouteView) -> LiveEpisode:
    episode = route.episode
    assert episode is not None
    return LiveEpisode(
        opportunity_id=episode.opportunity_id,
        instrument=route.route.instrument.key,
        pool=route.route.pool.key,
        direction=route.route.direction.value,
        opened_ns=episode.opened_ns,
        updates=episode.updates,
        opening_net_usd_e8=episode.opening.net_usd_e8,
        opening_edge_centibps=episode.opening.net_edge_centibps,
        peak_net_usd_e8=episode.peak.net_usd_e8,
        peak_edge_centibps=episode.peak.net_edge_centibps,
    )
