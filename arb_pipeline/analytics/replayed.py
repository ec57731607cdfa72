"""Replay an hour from its keyframe: the production engine over the recorded inputs, and nothing else.

A part is what one worker run saw of one hour of engine time: from the keyframe of the hour up to the next one. Rows are
stored by their own receive time, which may lie a moment before the hour; so a part is cut by ``seq``, not by time.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import msgspec

from arb_pipeline.analytics.tops import Top, TopsWatch
from arb_pipeline.errors import ReplayError
from arb_pipeline.hours import Hour
from arb_pipeline.lake.connection import quoted
from streaming_worker.core.events import ClockTick, Event
from streaming_worker.core.units import NANOS_PER_SECOND
from streaming_worker.engine.engine import Engine
from streaming_worker.engine.gates import is_live
from streaming_worker.engine.settings import EngineSettings, FeedScope
from streaming_worker.storage.inputs import read_events
from streaming_worker.storage.rows import Row, output_rows

_PARTS = """
WITH numbered AS (
    FROM keyframes
    SELECT worker, run_id, seq, received_ns,
           lead(seq) OVER run AS last_seq, lead(digest) OVER run AS next_digest
    WINDOW run AS (PARTITION BY worker, run_id ORDER BY seq)
)
FROM numbered
SELECT worker, run_id, seq, received_ns, last_seq, next_digest
WHERE received_ns >= ? AND received_ns < ?
ORDER BY worker, run_id, seq
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One run's part of an hour: events after ``first_seq`` up to ``last_seq`` (None: up to the end of the run)."""

    worker: str
    run_id: str
    first_seq: int
    received_ns: int
    last_seq: int | None
    next_digest: str | None


@dataclass(slots=True)
class MarketSeconds:
    """Seconds of one market's feed; see the lake table ``replay_markets``."""

    feed: str
    seconds: int = 0
    trusted: int = 0
    crossed: int = 0


@dataclass(frozen=True, slots=True)
class ReplayedPart:
    """What the replay of a part gave. ``rows`` by output table, in order."""

    part: Part
    last_seq: int
    events: int
    outputs: int
    digest: str
    settings: EngineSettings
    rows: dict[str, list[Row]]
    markets: dict[str, MarketSeconds] = field(default_factory=dict)
    tops: list[Top] = field(default_factory=list)

    @property
    def settings_json(self) -> str:
        """Return the engine settings that were in force."""
        return msgspec.json.encode(self.settings).decode()


def parts_of(connection: duckdb.DuckDBPyConnection, hour: Hour) -> list[Part]:
    """Return the parts of an hour; ``connection`` has a view of keyframes that also covers the next hour."""
    rows = connection.execute(_PARTS, [hour.start_ns, hour.end_ns]).fetchall()
    return [Part(*row) for row in rows]


def replay_part(connection: duckdb.DuckDBPyConnection, part: Part) -> ReplayedPart:
    """Replay one part over views of the input tables.

    Raises: ReplayError when events are missing; StorageError when rows contradict themselves.
    """
    engine = _engine_at(connection, part)
    settings = engine.state.settings
    rows: dict[str, list[Row]] = {}
    markets = {market: MarketSeconds(scope.name) for scope in settings.feeds for market in _markets(scope)}
    watch = TopsWatch(engine.state)
    outputs = 0
    for seq, event in _events(connection, part):
        for output in engine.process(event):
            outputs += 1
            for table, row in output_rows(seq, output):
                rows.setdefault(table, []).append(row)
            watch.follow(output)
        is_tick = isinstance(event, ClockTick)
        if is_tick and event.received_ns % NANOS_PER_SECOND == 0:
            _count_second(engine, markets)
        if is_tick or watch.is_close:
            watch.look()
    if part.last_seq is None:
        watch.end()
    return ReplayedPart(
        part=part,
        last_seq=engine.event_count,
        events=engine.event_count - part.first_seq,
        outputs=outputs,
        digest=engine.state.chain_digest.hex(),
        settings=settings,
        rows=rows,
        markets=markets,
        tops=watch.tops,
    )


def _markets(scope: FeedScope) -> tuple[str, ...]:
    return (*scope.instruments, *scope.pools)


def _engine_at(connection: duckdb.DuckDBPyConnection, part: Part) -> Engine:
    found = connection.execute(
        "FROM keyframes SELECT state WHERE worker = ? AND run_id = ? AND seq = ? AND received_ns = ?",
        [part.worker, part.run_id, part.first_seq, part.received_ns],
    ).fetchall()
    if len(found) != 1:
        raise ReplayError(f"run {part.run_id}: expected one keyframe at event {part.first_seq}, found {len(found)}")
    return Engine.resume(bytes(found[0][0]))


def _events(connection: duckdb.DuckDBPyConnection, part: Part) -> Iterator[tuple[int, Event]]:
    expected = part.first_seq
    run = f"worker = {quoted(part.worker)} AND run_id = {quoted(part.run_id)}"
    for seq, event in read_events(
        connection,
        lambda table: f"(FROM {table} WHERE {run})",
        after_seq=part.first_seq,
        until_seq=part.last_seq,
    ):
        expected += 1
        if seq != expected:
            raise ReplayError(f"run {part.run_id}: expected event {expected}, found {seq}: inputs are missing")
        yield seq, event
    if part.last_seq is not None and expected != part.last_seq:
        raise ReplayError(f"run {part.run_id}: expected events up to {part.last_seq}, the record ends at {expected}")


def _count_second(engine: Engine, markets: dict[str, MarketSeconds]) -> None:
    state = engine.state
    for market, seconds in markets.items():
        book = state.books.get(market)
        view = book if book is not None else state.pools[market]
        seconds.seconds += 1
        seconds.trusted += view.is_synced and is_live(state, view.feed)
        seconds.crossed += book is not None and book.crossed_since_ns is not None
