"""Read the recorded inputs back as events: the exact inverse of ``rows.event_rows``.

Works over anything that has the input tables: one segment, or the Parquet files of some hours. Reading goes by
windows of ``seq``, so memory stays bounded however long the record is, and zone maps keep each window cheap.
Damage is named, never repaired here: a seq that appears twice or a level that is missing is a StorageError.
"""

import heapq
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, TypeAlias, cast

import duckdb
import msgspec

from streaming_worker.core.amm.pool_state import OracleState, Tick, TickArray, WhirlpoolState
from streaming_worker.core.events import (
    BookDelta,
    BookSnapshot,
    ChainClock,
    ClockTick,
    Event,
    FeedConnected,
    FeedEvent,
    FeedGap,
    FeedHeartbeat,
    FeedLost,
    GapCause,
    Levels,
    OracleUpdate,
    PoolUpdate,
    PriorityFees,
    SlotAdvanced,
    TakerSide,
    TickArrayUpdate,
    TradePrint,
)
from streaming_worker.errors import StorageError
from streaming_worker.storage.control_rows import command_events
from streaming_worker.storage.rows import ASK, BID, FeedKind
from streaming_worker.storage.schema import TABLE

WINDOW_SEQS: Final = 65_536
_SLICE_ROWS: Final = 8_192

Numbered: TypeAlias = tuple[int, Event]
RelationOf: TypeAlias = Callable[[str], str]
_Row: TypeAlias = tuple[Any, ...]
_Decode: TypeAlias = Callable[[Iterator[_Row]], Iterator[Numbered]]


def read_events(
    connection: duckdb.DuckDBPyConnection,
    relation_of: RelationOf,
    *,
    after_seq: int = 0,
    until_seq: int | None = None,
) -> Iterator[Numbered]:
    """Yield ``(seq, event)`` of one run in seq order, for ``after_seq < seq <= until_seq``.

    ``relation_of`` gives the SQL relation of an input table (a table name or a bracketed select) limited to one run.
    Raises: StorageError when the record contradicts itself or cannot be read.
    """
    bounds = _bounds(connection, relation_of)
    if bounds is None:
        return
    first = max(bounds[0], after_seq + 1)
    last = bounds[1] if until_seq is None else min(bounds[1], until_seq)
    previous = after_seq
    for start in range(first, last + 1, WINDOW_SEQS):
        stop = min(start + WINDOW_SEQS - 1, last)
        for numbered in _window(connection, relation_of, start, stop):
            if numbered[0] <= previous:
                raise StorageError(f"expected each seq once, received {numbered[0]} again")
            previous = numbered[0]
            yield numbered


def _bounds(connection: duckdb.DuckDBPyConnection, relation_of: RelationOf) -> tuple[int, int] | None:
    parts = (f"SELECT min(seq) AS low, max(seq) AS high FROM {relation_of(table)}" for table in _DECODERS)  # noqa: S608 - our own table names
    low, high = _execute(connection, f"SELECT min(low), max(high) FROM ({' UNION ALL '.join(parts)})").fetchall()[0]  # noqa: S608 - as above
    return None if low is None else (low, high)


def _window(
    connection: duckdb.DuckDBPyConnection, relation_of: RelationOf, start: int, stop: int
) -> Iterator[Numbered]:
    streams = [decode(_rows(connection, relation_of, table, start, stop)) for table, decode in _DECODERS.items()]
    try:
        yield from heapq.merge(*streams, key=itemgetter(0))
    except (ValueError, msgspec.DecodeError) as e:
        raise StorageError(f"the record between seq {start} and {stop} holds a value that no event has: {e}") from e


def _rows(
    connection: duckdb.DuckDBPyConnection, relation_of: RelationOf, table: str, start: int, stop: int
) -> Iterator[_Row]:
    columns = TABLE[table].column_names
    order = _ORDER.get(table, "seq")
    arrow = _execute(
        connection,
        f"SELECT {', '.join(columns)} FROM {relation_of(table)} WHERE seq BETWEEN {start} AND {stop} ORDER BY {order}",  # noqa: S608 - our own names and integers
    ).to_arrow_table()
    return _slices(arrow)


def _slices(arrow: Any) -> Iterator[_Row]:
    for offset in range(0, arrow.num_rows, _SLICE_ROWS):
        part = arrow.slice(offset, _SLICE_ROWS)
        yield from zip(*(column.to_pylist() for column in part.columns), strict=True)


def _execute(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.DuckDBPyConnection:
    try:
        return connection.execute(sql)
    except duckdb.Error as e:
        raise StorageError(f"cannot read the record: {e}") from e


def _books(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, group in groupby(rows, key=itemgetter(0)):
        levels = list(group)
        _, received_ns, exchange_ns, instrument, is_snapshot, _, _, _, sequence, _ = levels[0]
        if levels[-1][9] != len(levels) - 1:
            raise StorageError(f"seq {seq}: expected {levels[-1][9] + 1} level rows, received {len(levels)}")
        bids: Levels = [(row[6], row[7]) for row in levels if row[5] == BID]
        asks: Levels = [(row[6], row[7]) for row in levels if row[5] == ASK]
        kind = BookSnapshot if is_snapshot else BookDelta
        yield seq, kind(instrument, bids, asks, exchange_ns, received_ns, sequence)


def _trades(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, received_ns, exchange_ns, instrument, trade_id, price_e8, size_e8, side, is_historical in rows:
        taker_side = TakerSide(side)
        yield (
            seq,
            TradePrint(instrument, trade_id, price_e8, size_e8, taker_side, exchange_ns, received_ns, is_historical),
        )


# Columns of pool_states that hold integers as decimal text, counted within the state's own values.
_TEXT_INTEGERS: Final = frozenset({5, 6, 8, 9, 12, 15})


def _pools(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, received_ns, pool, slot, *values in rows:
        exact: list[Any] = [int(v) if at in _TEXT_INTEGERS else v for at, v in enumerate(values)]
        yield seq, PoolUpdate(pool, slot, WhirlpoolState(*exact), received_ns)


def _tick_arrays(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, group in groupby(rows, key=itemgetter(0)):
        members = list(group)
        _, received_ns, pool, slot, start, *_ = members[0]
        ticks = tuple(Tick(index, int(net), int(gross)) for *_, index, net, gross in members if index is not None)
        if len({tick.tick_index for tick in ticks}) != len(ticks) or (not ticks and len(members) > 1):
            raise StorageError(f"seq {seq}: expected each tick once, received {len(members)} rows")
        yield seq, TickArrayUpdate(pool, slot, TickArray(start, ticks), received_ns)


def _oracles(rows: Iterator[_Row]) -> Iterator[Numbered]:
    decode = msgspec.json.Decoder(OracleState).decode
    for seq, received_ns, pool, slot, state in rows:
        yield seq, OracleUpdate(pool, slot, decode(state), received_ns)


def _priority_fees(rows: Iterator[_Row]) -> Iterator[Numbered]:
    decode = msgspec.json.Decoder(tuple[int, ...]).decode
    for seq, received_ns, pool, slot, fees in rows:
        yield seq, PriorityFees(pool, slot, decode(fees), received_ns)


def _chain_clocks(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, received_ns, venue, slot, unix_timestamp in rows:
        if unix_timestamp is None:
            yield seq, SlotAdvanced(venue, slot, received_ns)
        else:
            yield seq, ChainClock(venue, slot, unix_timestamp, received_ns)


def _feeds(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for row in rows:
        yield cast(int, row[0]), _feed_event(row)


def _feed_event(row: _Row) -> FeedEvent:
    (
        seq,
        received_ns,
        feed,
        kind,
        connection,
        instrument,
        cause,
        close_code,
        expected,
        received,
        exchange_ns,
        counter,
    ) = row
    match kind:
        case FeedKind.CONNECTED:
            return FeedConnected(feed, connection, received_ns)
        case FeedKind.LOST:
            return FeedLost(feed, connection, cause, close_code, received_ns)
        case FeedKind.GAP:
            return FeedGap(feed, instrument, GapCause(cause), expected, received, received_ns)
        case FeedKind.HEARTBEAT:
            return FeedHeartbeat(feed, exchange_ns, counter, received_ns)
        case _:
            raise StorageError(f"feed_events seq {seq}: expected one of {[*map(str, FeedKind)]}, received {kind!r}")


def _clock_ticks(rows: Iterator[_Row]) -> Iterator[Numbered]:
    for seq, received_ns, late_ns in rows:
        yield seq, ClockTick(received_ns, late_ns)


_ORDER: Final = {"book_updates": "seq, position", "tick_arrays": "seq, tick_index"}
_DECODERS: Final[dict[str, _Decode]] = {
    "book_updates": _books,
    "trade_prints": _trades,
    "pool_states": _pools,
    "tick_arrays": _tick_arrays,
    "oracle_states": _oracles,
    "priority_fees": _priority_fees,
    "chain_clocks": _chain_clocks,
    "feed_events": _feeds,
    "commands": command_events,
    "clock_ticks": _clock_ticks,
}
