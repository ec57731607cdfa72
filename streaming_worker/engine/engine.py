"""The fold: one event in, outputs out; the very same code live and in replay.

Time is the greatest ``received_ns`` seen, never a clock. A keyframe is given out before the first event of a run and
of each UTC hour; it is a copy of the state, not a decision, and does not enter the digest of outputs.
"""

from typing import assert_never

from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    ChainClock,
    ClockTick,
    CommandKind,
    ControlsRestored,
    Event,
    FeedConnected,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    OperatorCommand,
    OracleUpdate,
    PoolEvent,
    PoolUpdate,
    PriorityFees,
    SlotAdvanced,
    TickArrayUpdate,
    TradePrint,
)
from streaming_worker.core.outputs import Keyframe, Output
from streaming_worker.core.units import NANOS_PER_HOUR, NANOS_PER_SECOND
from streaming_worker.engine import cycles, digest, halts, holdings, keyframe, restoration
from streaming_worker.engine.evaluation import evaluate, flush_rejections
from streaming_worker.engine.exposure import is_exposed, open_usd_e8
from streaming_worker.engine.limits import expire, set_limits
from streaming_worker.engine.settings import EngineSettings
from streaming_worker.engine.state import BookView, EngineState, PoolView
from streaming_worker.engine.trades import advance


class Engine:
    """Fold events into outputs; all state is in ``state``."""

    def __init__(self, settings: EngineSettings) -> None:
        self.state = EngineState(settings)
        self.state.chain_digest = digest.START

    @classmethod
    def resume(cls, keyframe_state: bytes) -> "Engine":
        """Continue from the state of a keyframe, bit for bit. Raises StorageError when it cannot be read."""
        engine = cls.__new__(cls)
        engine.state = keyframe.load(keyframe_state)
        return engine

    @property
    def event_count(self) -> int:
        """How many events were processed: the ``seq`` of the last one."""
        return self.state.event_count

    @property
    def books(self) -> dict[str, BookView]:
        """Every order book by registry key."""
        return self.state.books

    def process(self, event: Event) -> list[Output]:
        """Advance by one event. Time is ``event.received_ns``, never a clock."""
        state = self.state
        now_ns = max(state.now_ns, event.received_ns)
        keyframes: list[Output] = []
        if state.hour != now_ns // NANOS_PER_HOUR:
            keyframes.append(self._keyframe(now_ns))
        outputs: list[Output] = []
        state.event_count += 1
        state.now_ns = now_ns
        state.risk.has_acted = False
        if state.pending:
            outputs += advance(state, now_ns)
        if state.pending_cycles:
            outputs += cycles.advance(state, now_ns)
        outputs += self._apply(event)
        if state.pending:
            outputs += advance(state, now_ns)
        if state.pending_cycles:
            outputs += cycles.advance(state, now_ns)
        if state.risk.is_check_due:
            outputs += self._check_loss(now_ns)
        if outputs:
            state.chain_digest = digest.chain(state.chain_digest, outputs)
        return keyframes + outputs if keyframes else outputs

    def digest(self) -> str:
        """Return the digest over all outputs so far and everything the books hold now."""
        outputs = ("outputs", self.state.chain_digest.hex())
        return digest.combine([outputs, *((name, self.feed_digest(name)) for name in sorted(self.state.feeds))])

    def feed_digest(self, feed: str) -> str:
        """Return the digest over the books of one feed; free of receive times."""
        views = (view for key, view in sorted(self.state.books.items()) if view.feed.name == feed)
        return digest.combine(
            [(view.key, digest.book_digest(view.key, view.book, updates=view.updates)) for view in views]
        )

    def _keyframe(self, now_ns: int) -> Keyframe:
        state = self.state
        state.hour = now_ns // NANOS_PER_HOUR
        return Keyframe(
            digest=state.chain_digest.hex(),
            event_count=state.event_count,
            state=keyframe.dump(state),
            received_ns=now_ns,
        )

    def _apply(self, event: Event) -> list[Output]:
        match event:
            case BookDelta() | BookSnapshot():
                return self._on_book(event)
            case ClockTick():
                return self._on_tick(event)
            case TradePrint():
                self._alive(self.state.books[event.instrument].feed.name, event.received_ns)
                return []
            case PoolUpdate() | TickArrayUpdate() | OracleUpdate() | PriorityFees():
                return self._on_pool(event)
            case SlotAdvanced() | ChainClock():
                return self._on_chain(event)
            case FeedConnected() | FeedLost() | FeedGap() | FeedHeartbeat():
                return self._on_feed(event)
            case OperatorCommand() | ControlsRestored():
                return self._on_control(event)
            case _:
                assert_never(event)

    def _on_control(self, command: OperatorCommand | ControlsRestored) -> list[Output]:
        state = self.state
        if isinstance(command, ControlsRestored):
            return restoration.restore(state, command.controls)
        if command.kind is CommandKind.SET_LIMITS:
            return list(set_limits(state, command)) if state.risk.is_new(command) else []
        if command.kind in (CommandKind.HALT, CommandKind.RELEASE):
            switched = halts.switch(state, command) if state.risk.is_new(command) else []
            return [*switched, *self._evaluate_open()] if switched else []
        transitions = state.risk.on_command(command, state.now_ns)
        return [*transitions, *self._evaluate_open()] if transitions else []

    def _check_loss(self, now_ns: int) -> list[Output]:
        """Check the day's loss once an event, after everything else; a kill ends what is open."""
        kills = self.state.risk.check_loss(open_usd_e8(self.state), now_ns)
        return [*kills, *self._evaluate_open()] if kills else []

    def _alive(self, feed: str, received_ns: int) -> None:
        self.state.feeds[feed].last_alive_ns = received_ns

    def _on_book(self, event: BookDelta | BookSnapshot) -> list[Output]:
        view = self.state.books[event.instrument]
        feed = view.feed
        feed.last_alive_ns = event.received_ns
        view.lag_ns = feed.clock.delay(event.received_ns, event.exchange_ns)
        if isinstance(event, BookSnapshot):
            view.book.apply_snapshot(event.bids, event.asks)
            view.is_synced = True
            view.snapshots += 1
        elif view.is_synced:
            view.book.apply_delta(event.bids, event.asks)
            view.updates += 1
        else:
            view.ignored_deltas += 1
            return []
        view.received_ns = event.received_ns
        view.note_crossing(self.state.now_ns)
        return self._evaluate_book(view) if view.cycles else self._evaluate(view)

    def _on_pool(self, event: PoolEvent) -> list[Output]:
        view = self.state.pools[event.pool]
        view.feed.last_alive_ns = event.received_ns
        match event:
            case PoolUpdate():
                if event.slot < view.slot:
                    return []
                view.state, view.slot, view.received_ns = event.state, event.slot, event.received_ns
            case TickArrayUpdate():
                start = event.array.start_tick_index
                if event.slot < view.array_slots.get(start, -1):
                    return []
                view.arrays[start], view.array_slots[start] = event.array, event.slot
            case OracleUpdate():
                view.oracle = event.state
            case PriorityFees():
                view.priority = event
                return []
            case _:
                assert_never(event)
        view.updates += 1
        view.assemble()
        return self._evaluate(view)

    def _on_chain(self, event: SlotAdvanced | ChainClock) -> list[Output]:
        state = self.state
        for name, chain in state.chains.items():
            if name != event.venue:
                continue
            state.feeds[name].last_alive_ns = event.received_ns
            if isinstance(event, ChainClock):
                chain.unix_timestamp = event.unix_timestamp
                chain_ns = event.unix_timestamp * NANOS_PER_SECOND
                chain.lag_ns = state.feeds[name].clock.delay(event.received_ns, chain_ns)
            if chain.slot is None or event.slot > chain.slot:
                chain.slot = event.slot
                chain.slot_received_ns = event.received_ns
        return []

    def _on_feed(self, event: FeedConnected | FeedLost | FeedGap | FeedHeartbeat) -> list[Output]:
        feed = self.state.feeds[event.feed]
        match event:
            case FeedConnected():
                feed.is_connected, feed.connection = True, event.connection
                feed.last_alive_ns = event.received_ns
            case FeedLost():
                feed.is_connected = False
                feed.losses += 1
                return self._invalidate(event.feed, None)
            case FeedGap():
                feed.gaps += 1
                return self._invalidate(event.feed, event.instrument)
            case FeedHeartbeat():
                feed.last_alive_ns = event.received_ns
                feed.clock.delay(event.received_ns, event.exchange_ns)
            case _:
                assert_never(event)
        return []

    def _invalidate(self, feed: str, instrument: str | None) -> list[Output]:
        """Drop what can no longer be trusted; a gap without an instrument drops the whole feed."""
        outputs: list[Output] = []
        for book in self.state.books.values():
            if book.feed.name == feed and instrument in (None, book.key):
                book.is_synced = False
                outputs += self._evaluate_book(book)
        for pool in self.state.pools.values():
            if pool.feed.name == feed and instrument in (None, pool.key):
                pool.forget()
                outputs += self._evaluate(pool)
        return outputs

    def _on_tick(self, tick: ClockTick) -> list[Output]:
        state = self.state
        state.late_ns = tick.late_ns
        outputs: list[Output] = list(expire(state)) if state.temporary else []
        outputs += state.risk.on_time(state.now_ns, self._stale_feeds())
        if state.pending and is_exposed(state):
            state.risk.is_check_due = True
        outputs += self._evaluate_open()
        outputs += flush_rejections(state, tick)
        if state.inventory is not None:
            outputs += holdings.on_tick(state, state.inventory)
        return outputs

    def _stale_feeds(self) -> tuple[str, ...]:
        """Return the feeds without a sign of life, and those that deliver what is old by their venue's clock."""
        state = self.state
        limit = state.limits.staleness_ns
        old = {view.feed.name for view in state.books.values() if view.is_synced and (view.lag_ns or 0) > limit}
        old |= {name for name, chain in state.chains.items() if (chain.lag_ns or 0) > limit}
        return tuple(
            feed.name
            for feed in state.feeds.values()
            if feed.name in old or (feed.last_alive_ns is not None and state.now_ns - feed.last_alive_ns > limit)
        )

    def _evaluate(self, view: BookView | PoolView) -> list[Output]:
        outputs: list[Output] = []
        for route in view.routes:
            outputs += evaluate(self.state, route)
        return outputs

    def _evaluate_book(self, view: BookView) -> list[Output]:
        outputs = self._evaluate(view)
        for cycle in view.cycles:
            outputs += cycles.evaluate_cycle(self.state, cycle)
        return outputs

    def _evaluate_open(self) -> list[Output]:
        outputs: list[Output] = []
        for cycle in self.state.cycles:
            if cycle.episode is not None:
                outputs += cycles.evaluate_cycle(self.state, cycle)
        for route in self.state.routes:
            if route.episode is not None:
                outputs += evaluate(self.state, route)
        return outputs
