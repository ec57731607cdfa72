"""One recorded opportunity as it was decided: both legs, costs and prices of other sizes, rebuilt from the record.

The production engine starts from the keyframe before the opening and takes every recorded event up to it, so that what
is shown is what was decided on; the decision must come out again, and the answer says whether it did. Nothing is
changed, and the work is bounded: by events, and by whoever asks.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streaming_worker.core.events import Event, Levels
from streaming_worker.core.opportunity import pool_cash_e8, price_plan
from streaming_worker.core.outputs import CloseReason, Opportunity, OpportunityOpened, Output, RejectionCount, TradePlan
from streaming_worker.core.quote import Legs, pool_price_after_fee, quote_legs
from streaming_worker.core.reasons import RejectionReason
from streaming_worker.core.units import E8, NANOS_PER_HOUR, NANOS_PER_SECOND, Nanos
from streaming_worker.engine.costs import cost_inputs, rates_of
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.settings import Limits
from streaming_worker.engine.state import EngineState, RouteView
from streaming_worker.errors import ConfigError, StorageError
from streaming_worker.storage.reader import quoted
from streaming_worker.storage.record_reader import RecordReader, open_record
from streaming_worker.storage.rows import output_rows
from streaming_worker.storage.schema import TABLE

MOST_EVENTS: Final = 400_000
LEVELS: Final = 12
_STEPS: Final = 20
# Events of several feeds may be a little out of order around a keyframe.
_MARGIN_NS: Final = 600 * NANOS_PER_SECOND
_LOOK_EVERY: Final = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """Which opportunity, of which run, opened when."""

    worker: str
    run_id: str
    opportunity_id: str
    opened_ns: Nanos
    closed_ns: Nanos | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookThen:
    """The order book at the decision: best levels first, whole depths counted."""

    instrument: str
    feed: str
    bids: Levels
    asks: Levels
    bid_count: int
    ask_count: int
    received_ns: Nanos
    lag_ns: Nanos | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolThen:
    """The pool at the decision. Units: prices in quote x 1e8, before and after the pool's fee; fee in millionths."""

    pool: str
    feed: str
    slot: int
    price_e8: int | None
    price_after_fee_e8: int | None
    fee_millionths: int
    liquidity: int
    sqrt_price_x64: int
    tick_index: int
    received_ns: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class SizePoint:
    """The same trade at another size, priced on the same book and pool."""

    plan: TradePlan
    pool_value_e8: int
    is_chosen: bool
    is_within_cap: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One raw frame that brought a leg's last change; ``sha256`` is over its bytes."""

    leg: str
    feed: str
    connection: int
    received_ns: Nanos
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The first limit that the episode failed, which closed it."""

    reason: RejectionReason | None
    close_reason: CloseReason
    closed_ns: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What was known at the opening. ``is_same``: the replay made the recorded decision again, to the last unit."""

    sought: Sought
    seq: int
    keyframe_seq: int
    events: int
    is_same: bool
    book: BookThen
    pool: PoolThen
    plan: TradePlan
    limits: Limits
    curve: tuple[SizePoint, ...]
    ending: Ending | None
    frames: tuple[Frame, ...]


def rebuild(data_dir: Path, sought: Sought, is_over: Callable[[], bool]) -> Moment:
    """Replay up to the opening of an opportunity, and on to its end.

    ``is_over`` is asked now and then; once it is true the work ends. Raises: TimeoutError then; StorageError where the
    record does not hold what is needed, or too much lies between the keyframe and the opening.
    """
    hour_ns = sought.opened_ns // NANOS_PER_HOUR * NANOS_PER_HOUR
    until_ns = (sought.closed_ns or sought.opened_ns) + _MARGIN_NS
    with open_record(data_dir, from_ns=hour_ns - _MARGIN_NS, to_ns=until_ns, worker=sought.worker) as record:
        return _Rebuild(record, sought, is_over).moment()


def find(data_dir: Path, opportunity_id: str) -> Sought:
    """Return which recorded opportunity an id means. Raises ConfigError where there is none, StorageError."""
    sql = f"""
        SELECT opening.worker, opening.run_id, opening.received_ns AS opened_ns, closed_ns
        FROM opportunity_openings AS opening LEFT JOIN opportunities USING (run_id, opportunity_id)
        WHERE opportunity_id = {quoted(opportunity_id)}
    """  # noqa: S608 - our own names, a quoted id
    with open_record(data_dir) as record:
        for row in record.arrow(sql).to_pylist():
            return Sought(opportunity_id=opportunity_id, **row)
    raise ConfigError(f"no opportunity {opportunity_id} in {data_dir}", key="opportunity")


class _Rebuild:
    """One replay over an open record."""

    def __init__(self, record: RecordReader, sought: Sought, is_over: Callable[[], bool]) -> None:
        self._record = record
        self._sought = sought
        self._is_over = is_over
        self._own = f"run_id = {quoted(sought.run_id)}"
        self._chosen = f"{self._own} AND opportunity_id = {quoted(sought.opportunity_id)}"

    def moment(self) -> Moment:
        opening = self._opening()
        seq = opening[0]
        keyframe_seq, state = self._keyframe(seq)
        closing_seq = self._closing_seq()
        self._refuse_too_much(max(seq, closing_seq or 0) - keyframe_seq)
        replay = _Replay(Engine.resume(state), self._is_over)
        events = self._record.events(self._sought.run_id, after_seq=keyframe_seq)
        opened = _opened(replay.until(events, seq), self._sought.opportunity_id)
        view = _route(replay.engine.state, opened)
        book, pool, curve = _book(view), _pool(view), _curve(replay.engine.state, view, opened.plan)
        limits = replay.engine.state.limits
        chosen = next((point.plan for point in curve if point.is_chosen), None)
        is_same = dict(output_rows(seq, opened))["opportunity_openings"] == opening and chosen == opened.plan
        return Moment(
            sought=self._sought,
            seq=seq,
            keyframe_seq=keyframe_seq,
            events=seq - keyframe_seq,
            is_same=is_same,
            book=book,
            pool=pool,
            plan=opened.plan,
            limits=limits,
            curve=curve,
            ending=None if closing_seq is None else replay.ending(events, closing_seq, view),
            frames=(
                *self._frames("book", book.feed, book.received_ns),
                *self._frames("pool", pool.feed, pool.received_ns),
            ),
        )

    def _opening(self) -> tuple[Any, ...]:
        columns = ", ".join(TABLE["opportunity_openings"].column_names)
        rows = self._record.rows(f"SELECT {columns} FROM opportunity_openings WHERE {self._chosen}")  # noqa: S608 - our own names
        if not rows:
            raise StorageError("its opening is not in a sealed file yet; that takes some seconds")
        return rows[0]

    def _keyframe(self, before_seq: int) -> tuple[int, bytes]:
        where = f"{self._own} AND seq < {before_seq}"
        rows = self._record.rows(f"SELECT seq, state FROM keyframes WHERE {where} ORDER BY seq DESC LIMIT 1")  # noqa: S608 - as above
        if not rows:
            raise StorageError("the keyframe before it is not in the record; older input was removed by retention")
        return rows[0][0], bytes(rows[0][1])

    def _closing_seq(self) -> int | None:
        rows = self._record.rows(f"SELECT seq FROM opportunities WHERE {self._chosen}")  # noqa: S608 - as above
        return rows[0][0] if rows else None

    def _refuse_too_much(self, events: int) -> None:
        if events > MOST_EVENTS:
            raise StorageError(f"{events} events lie between its keyframe and its end, more than {MOST_EVENTS}")

    def _frames(self, leg: str, feed: str, received_ns: Nanos) -> list[Frame]:
        """Return what the venue sent at the moment of the leg's last change; nothing where raw frames were not kept."""
        rows = self._record.rows(
            "SELECT connection, octet_length(frame), sha256(frame) FROM raw_frames "  # noqa: S608 - as above
            f"WHERE {self._own} AND feed = {quoted(feed)} AND received_ns = {received_ns} AND kind <> 'send' "
            "ORDER BY ALL"
        )
        return [
            Frame(leg=leg, feed=feed, connection=connection, received_ns=received_ns, size=size, sha256=sha256)
            for connection, size, sha256 in rows
        ]


class _Replay:
    """The engine on its way through the record."""

    def __init__(self, engine: Engine, is_over: Callable[[], bool]) -> None:
        self.engine = engine
        self._is_over = is_over

    def until(self, events: Iterator[tuple[int, Event]], seq: int) -> list[Output]:
        """Take events up to and with ``seq``; return what the last one gave."""
        for number, event in events:
            outputs = self._take(number, event)
            if number == seq:
                return outputs
        raise StorageError(f"expected the record to reach event {seq}, it ends at {self.engine.event_count}")

    def ending(self, events: Iterator[tuple[int, Event]], seq: int, view: RouteView) -> Ending:
        """Go on to the event that closed the episode, and find the reason that it counted."""
        if seq - 1 > self.engine.event_count:
            self.until(events, seq - 1)
        before = {reason: tally.count for reason, tally in view.tallies.items()}
        outputs = self.until(events, seq)
        after = {reason: tally.count for reason, tally in view.tallies.items()}
        after |= {one.reason: one.count for one in outputs if isinstance(one, RejectionCount) and _is_of(one, view)}
        counted = [reason for reason, count in after.items() if count > before.get(reason, 0)]
        closed = next((one for one in outputs if isinstance(one, Opportunity) and _is_of(one, view)), None)
        if closed is None:
            raise StorageError(f"expected the episode to close at event {seq}, the replay goes on with it")
        return Ending(
            reason=counted[0] if counted else None, close_reason=closed.close_reason, closed_ns=closed.closed_ns
        )

    def _take(self, number: int, event: Event) -> list[Output]:
        if number != self.engine.event_count + 1:
            raise StorageError(f"expected event {self.engine.event_count + 1}, the record goes on at {number}")
        if number % _LOOK_EVERY == 0 and self._is_over():
            raise TimeoutError("the replay took too long")
        return self.engine.process(event)


def _opened(outputs: list[Output], opportunity_id: str) -> OpportunityOpened:
    for output in outputs:
        if isinstance(output, OpportunityOpened) and output.opportunity_id == opportunity_id:
            return output
    raise StorageError("the replay did not open it at the recorded event: the record does not explain it")


def _route(state: EngineState, opened: OpportunityOpened) -> RouteView:
    return next(view for view in state.routes if _is_of(opened, view))


def _is_of(one: OpportunityOpened | Opportunity | RejectionCount, view: RouteView) -> bool:
    route = view.route
    return (one.instrument, one.pool, one.direction) == (route.instrument.key, route.pool.key, route.direction)


def _book(view: RouteView) -> BookThen:
    book = view.book.book
    bids, asks = (list(levels) for levels in (book.bids_from_best(), book.asks_from_best()))
    return BookThen(
        instrument=view.book.key,
        feed=view.book.feed.name,
        bids=bids[:LEVELS],
        asks=asks[:LEVELS],
        bid_count=len(bids),
        ask_count=len(asks),
        received_ns=view.book.received_ns,
        lag_ns=view.book.lag_ns,
    )


def _pool(view: RouteView) -> PoolThen:
    market = view.pool.market
    assert market is not None, "an opening without a pool"
    pool = market.pool
    return PoolThen(
        pool=view.pool.key,
        feed=view.pool.feed.name,
        slot=view.pool.slot,
        price_e8=view.pool_mid_e8,
        price_after_fee_e8=pool_price_after_fee(view.route, market),
        fee_millionths=pool.fee_rate,
        liquidity=pool.liquidity,
        sqrt_price_x64=pool.sqrt_price_x64,
        tick_index=pool.tick_current_index,
        received_ns=view.pool.received_ns,
    )


def _curve(state: EngineState, view: RouteView, chosen: TradePlan) -> tuple[SizePoint, ...]:
    """Price other sizes on what the decision saw, up to twice the position cap or the depth of the book."""
    rates = rates_of(state, view)
    inputs = None if isinstance(rates, RejectionReason) else cost_inputs(state, view, rates)
    market, best = view.pool.market, view.book.book.best_ask if view.route.buys_on_cex else view.book.book.best_bid
    if inputs is None or isinstance(inputs, RejectionReason) or market is None or best is None:
        return ()
    chain = state.chains[view.pool.feed.name]
    cap = state.limits.max_position_usd_e8
    points = []
    for size in _sizes(view, best[0], chosen.size_e8, cap):
        legs = quote_legs(view.route, view.book.book, market, size_e8=size, unix_timestamp=chain.unix_timestamp or 0)
        if not isinstance(legs, Legs):
            break
        plan = price_plan(view.route, best[0], market, legs, inputs=inputs)
        points.append(
            SizePoint(
                plan=plan,
                pool_value_e8=pool_cash_e8(view.route, legs.swap),
                is_chosen=size == chosen.size_e8,
                is_within_cap=plan.cex_notional_usd_e8 <= cap,
            )
        )
    return tuple(points)


def _sizes(view: RouteView, best_price_e8: int, chosen_e8: int, cap_usd_e8: int) -> list[int]:
    """Return rising sizes in lots, the chosen one among them; none that the book does not hold."""
    book, lot = view.book.book, view.route.lot_e8
    depth = sum(size for _, size in (book.asks_from_best() if view.route.buys_on_cex else book.bids_from_best()))
    most = min(depth, max(2 * chosen_e8, 2 * cap_usd_e8 * E8 // best_price_e8))
    steps = (most * step // _STEPS for step in range(1, _STEPS + 1))
    return sorted({size - size % lot for size in steps if size >= lot} | {chosen_e8})
